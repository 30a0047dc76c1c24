"""Which error a response or a failure becomes, and what the text of the error says."""

import httpcore
import httpx
import pytest

from calls import attempt, make_call, make_request, raised, refused
from mock_api import HOURLY, OVERLOADED, PARALLEL, envelope
from yandex_market_chats import ConnectionFailedError, ConnectionLostError, MarketError
from yandex_market_chats._error_texts import failure_error

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
FIX = "Fix the request according to the API's message."
EXPECTED = 'Expected 200 with {"status": "OK"}.'
SCOPES = "`communication` or `all-methods`"
UPDATE = "The API does not know this call: check the base URL, or update this package."


# Responses.


@pytest.mark.parametrize(
    ("status", "body", "happened", "advice"),
    [
        (200, b"", "200 OK.", EXPECTED),
        (204, b"", "204 No Content.", EXPECTED),
        (
            302,
            b"",
            "302 Found.",
            "Check the base URL: a redirect is never followed, because it could leak the token.",
        ),
        (400, envelope("No", "No"), "400 Bad Request (CODE: No; CODE: No).", FIX),
        (
            401,
            b"",
            "401 Unauthorized.",
            "Check the token: it must be complete, valid, and sent as what it is (ApiKey or OAuthToken).",
        ),
        (
            403,
            b"",
            "403 Forbidden.",
            f"The token may be invalid, of another business, or lack the scope {SCOPES}.",
        ),
        (404, b"", "404 Not Found.", "Check the business id, the other ids of the call, and the base URL."),
        (405, b"", "405 Method Not Allowed.", UPDATE),
        (408, b"", "408 Request Timeout.", "The API timed out waiting for the request."),
        (415, b"", "415 Unsupported Media Type.", UPDATE),
        (418, b"", "418 I'm a teapot.", FIX),
        (
            420,
            PARALLEL,
            "420 (CODE: Hit rate limit of 4 parallel requests for businessId 12345).",
            "Send fewer requests at once: the limit applies to the whole business, other programs included.",
        ),
        (420, b"", "420.", "Hourly limit exceeded: try again later."),
        (423, b"", "423 Locked.", "The business is being migrated: try again later."),
        (429, b"", "429 Too Many Requests.", "Slow down, and try again later."),
        (499, b"", "499.", "A gateway closed the request before it was answered."),
        (500, b"", "500 Internal Server Error.", ""),
        (503, b"", "503 Service Unavailable.", ""),
        (
            503,
            OVERLOADED,
            "503 Service Unavailable (CODE: Service temporarily unavailable. Please, try again later).",
            "The API is overloaded: try again later.",
        ),
    ],
)
def test_the_text_says_what_happened_and_what_to_do(
    status: int, body: bytes, happened: str, advice: str
) -> None:
    """Developers act on the text of an error, which may be all that a log keeps."""
    assert str(refused(status, body)) == f"{happened} {advice}".rstrip()


def test_the_text_of_the_hourly_limit_says_when_it_resets() -> None:
    """The moment has its zone, because logs are read anywhere."""
    error = refused(420, HOURLY, X_RateLimit_Resource_Until="Sun, 22 Nov 2026 12:00:25 GMT")
    assert str(error).endswith(". Hourly limit exceeded: try again after 2026-11-22 12:00:25 UTC.")


def test_the_trace_id_is_in_the_text_of_server_errors() -> None:
    """The vendor's support asks for it, and a log may keep only the text."""
    traceparent = f"00-{TRACE_ID}-b7ad6b7169203331-01"
    assert str(refused(500, traceparent=traceparent)) == f"500 Internal Server Error. Trace id: {TRACE_ID}."
    assert TRACE_ID not in str(refused(400, traceparent=traceparent))


def test_the_text_quotes_the_response_in_one_short_printable_line() -> None:
    """A response must not break, colour or flood a log; the error itself keeps all of it."""
    for body in (envelope("a\\n\\u001b[2J\\ud800 b"), b"<pre>\r\n\x1b[2J\xff</pre>"):
        assert str(refused(400, body)).isprintable()
    assert "(CODE: a [2J b)" in str(refused(400, envelope("a\\n\\u001b[2J\\ud800 b")))
    error = refused(400, envelope("x" * 10_000))
    assert f"({'CODE: ' + 'x' * 194})." in str(error)
    assert error.errors[0].message == "x" * 10_000
    error = refused(502, b" <h1>Bad\n gateway</h1>" + b"\xff" * 10_000)
    assert "502 Bad Gateway (<h1>Bad gateway</h1>\ufffd" in str(error)
    assert len(str(error)) == len("502 Bad Gateway ().") + 200
    assert len(error.body) > 10_000
    assert str(refused(502, b" " * 900 + b"too far away")) == "502 Bad Gateway."


# Failures.


def failed(failure: Exception, *, left: bool | None, request: httpx.Request | None = None) -> MarketError:
    """Return the error for a failure of a request."""
    return failure_error(failure, request or make_request(), request_left=left)


CONNECTING: list[type[Exception]] = [
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
]
LOSING: list[type[Exception]] = [
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.DecodingError,
    httpx.StreamError,
]


def test_a_trace_decides_whether_the_request_left() -> None:
    """A transport that reports its events knows better than the class of its exception."""
    for failure in (*CONNECTING, *LOSING):
        assert type(failed(failure("x"), left=False)) is ConnectionFailedError
        assert type(failed(failure("x"), left=True)) is ConnectionLostError


def test_without_a_trace_the_exception_decides() -> None:
    """Only a failure to connect is known to have sent nothing."""
    for failure in CONNECTING:
        assert type(failed(failure("x"), left=None)) is ConnectionFailedError
    for failure in LOSING:
        assert type(failed(failure("x"), left=None)) is ConnectionLostError


def test_the_cause_of_a_failure_must_be_httpcores() -> None:
    """Transports over other libraries, such as httpx-aiohttp, may report a lost response as this failure."""
    for cause, kind in (
        (httpcore.ConnectError(), ConnectionFailedError),
        (ConnectionResetError(), ConnectionLostError),
        (type("Error", (Exception,), {"__module__": "httpcore._new"})(), ConnectionFailedError),
        (type("Error", (Exception,), {"__module__": "httpcore_like"})(), ConnectionLostError),
    ):
        failure = httpx.ConnectError("refused")
        failure.__cause__ = cause
        assert type(failed(failure, left=None)) is kind


def test_a_failure_of_another_request_says_nothing_about_this_one() -> None:
    """A hook in the transport may make its own requests after this one was answered."""
    request = make_request()
    for owner, kind in ((request, ConnectionFailedError), (make_request(), ConnectionLostError)):
        failure = httpx.ConnectError("refused", request=owner)
        assert type(failed(failure, left=None, request=request)) is kind


def test_a_chain_of_causes_that_contains_itself_ends() -> None:
    """`raise error from error` must not hang the process."""
    failure = httpx.ConnectError("refused")
    failure.__cause__ = failure
    assert type(failed(failure, left=None)) is ConnectionLostError
    call = make_call()
    assert attempt(call, failure) is None
    assert raised(call).__cause__ is failure


def test_the_text_of_a_failure_names_its_class_and_reason() -> None:
    """Some of httpx's exceptions have no text."""
    assert str(failed(httpx.ReadError("code X"), left=True)) == (
        "The connection broke before the response was complete (ReadError: code X)."
    )
    assert "(ReadError)." in str(failed(httpx.ReadError(""), left=True))
    assert str(failed(httpx.ConnectError("refused"), left=False)) == (
        "No connection (ConnectError: refused). Check the network, the proxy and the base URL."
    )


def test_only_a_403_or_407_of_a_proxy_is_a_refusal() -> None:
    """Any other failure of a proxy may be temporary."""
    refusals = {
        text: getattr(failed(httpx.ProxyError(text), left=False), "refused_by_proxy", None)
        for text in ("403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway", "")
    }
    assert [*refusals.values()] == [True, True, False, False]
    assert not getattr(failed(httpx.ConnectError("403"), left=False), "refused_by_proxy", None)
