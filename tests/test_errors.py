"""What an answer or a failure becomes: the class, the delivery, the text, and what the error keeps."""

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpcore
import httpx
import pytest

import yandex_market_chats
from calls import HOURLY, NOW, OVERLOADED, PARALLEL, RESEND, attempt, make_call, make_request, raised, refused
from mock_api import SUCCESS, answer, envelope
from yandex_market_chats import (
    AnswerError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    ErrorItem,
    InvalidRequestError,
    LockedError,
    MarketError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    UnexpectedAnswerError,
    _errors,
)
from yandex_market_chats._errors import is_success
from yandex_market_chats._outcomes import failure_error

STATUSES = range(100, 600)
CLASSES: dict[int, type[AnswerError]] = {
    **dict.fromkeys(STATUSES, ApiError),
    **dict.fromkeys(range(200, 300), UnexpectedAnswerError),
    **dict.fromkeys(range(500, 600), ServerError),
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    420: RateLimitError,
    423: LockedError,
    429: RateLimitError,
}
UNTIL = "Sun, 22 Nov 2026 12:00:25 GMT"
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
NO_ENVELOPES = {
    "empty": b"",
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "truncated": b'{"status": "OK", "errors": [{"code"',
    "list": b'["OK"]',
    "text": b'"OK"',
    "null": b"null",
    "endless number": b"1" * 5000,
    "deep nesting": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe\x00\xd8",
    "empty object": b"{}",
    "errors is null": b'{"status": "ERROR", "errors": null}',
}


def classes(cls: type[MarketError] = MarketError) -> Iterator[type[MarketError]]:
    """Yield a class and everything below it, depth first."""
    yield cls
    for subclass in cls.__subclasses__():
        if subclass.__module__ == cls.__module__:  # the journal has an error of its own
            yield from classes(subclass)


# Answers.


def test_every_status_has_its_class() -> None:
    """The status alone decides, whatever the body is."""
    for body in (b"", b"<html>", envelope("No.")):
        assert {status: type(refused(status, body)) for status in STATUSES} == CLASSES


def test_every_status_has_its_delivery() -> None:
    """Only refusals are known to have sent nothing; a 503 is one if the vendor's envelope says so."""
    not_sent = {*range(300, 500)} - {303, 408, 499}
    for body, refusals in (
        (b"", not_sent),
        (SUCCESS, not_sent),
        (OVERLOADED, {*not_sent, 503}),
        (OVERLOADED.replace(b"ERROR", b"OK"), {*not_sent, 503}),
    ):
        deliveries = {status: refused(status, body).delivery for status in STATUSES}
        assert {status for status, said in deliveries.items() if said is Delivery.NOT_SENT} == refusals
        assert {status for status, said in deliveries.items() if said is Delivery.UNKNOWN} == (
            {*STATUSES} - refusals
        )


def test_only_200_with_status_ok_and_no_errors_is_a_success() -> None:
    """The vendor's examples show `"status": "OK"` in error bodies too."""
    assert [status for status in STATUSES if is_success(status, SUCCESS)] == [200]
    assert is_success(200, b'{"status": "OK", "errors": null}')
    bodies = [*NO_ENVELOPES.values(), b'{"status": "ok"}', b'{"status": "OK", "errors": [{}]}']
    assert not any(is_success(200, body) for body in bodies)


# Texts.


@pytest.mark.parametrize(
    ("status", "body", "text"),
    [
        (200, b"", '200 OK. Expected 200 with {"status": "OK"}.'),
        (204, b"", '204 No Content. Expected 200 with {"status": "OK"}.'),
        (302, b"", "302 Found. Check the base URL: a redirect is never followed, because it could leak the"),
        (400, envelope("No", "No"), "400 Bad Request (CODE: No; CODE: No). Fix the request according to"),
        (401, b"", "401 Unauthorized. Check the token: it must be complete, valid, and sent as what it is"),
        (403, b"", "403 Forbidden. The token may be invalid, of another business, or lack the scope `com"),
        (404, b"", "404 Not Found. Check the business id, the other ids of the call, and the base URL."),
        (405, b"", "405 Method Not Allowed. The API does not know this call: check the base URL, or update"),
        (408, b"", "408 Request Timeout. The API timed out waiting for the request."),
        (415, b"", "415 Unsupported Media Type. The API does not know this call: check the base URL, or up"),
        (418, b"", "418 I'm a teapot. Fix the request according to the API's message."),
        (420, PARALLEL, "420 (CODE: Hit rate limit of 4 parallel requests for businessId 12345). Send fewer"),
        (420, HOURLY, "420 (CODE: Hit rate limit of 1000 requests per 1 hour for resource x). Hourly limit"),
        (420, b"", "420. Hourly limit exceeded: try again later."),
        (423, b"", "423 Locked. The business is being migrated: try again later."),
        (429, b"", "429 Too Many Requests. Slow down, and try again later."),
        (499, b"", "499. A gateway closed the request before it was answered."),
        (500, b"", "500 Internal Server Error."),
        (503, b"", "503 Service Unavailable."),
        (
            503,
            OVERLOADED,
            "503 Service Unavailable (CODE: Service temporarily unavailable. Please, try again",
        ),
    ],
)
def test_the_text_says_what_happened_and_what_to_do(status: int, body: bytes, text: str) -> None:
    """Developers act on the text of an error, which may be all that a log keeps."""
    said = str(refused(status, body))
    assert said.startswith(text)
    assert said.endswith(".")


def test_the_text_of_the_hourly_limit_says_until_when() -> None:
    """The moment has its zone, because logs are read anywhere."""
    error = refused(420, HOURLY, X_RateLimit_Resource_Until=UNTIL)
    assert str(error).endswith(". Hourly limit exceeded: try again after 2026-11-22 12:00:25 UTC.")


def test_the_text_of_an_overloaded_api_says_to_try_again() -> None:
    """Only a 503 that is known to be a refusal invites to it."""
    assert str(refused(503, OVERLOADED)).endswith("). The API is overloaded: try again later.")


def test_the_text_of_a_parallel_limit_names_who_else_counts() -> None:
    """The limit is not this program's alone."""
    assert str(refused(420, PARALLEL)).endswith(
        "Send fewer requests at once: the limit applies to the whole business, other programs included."
    )


def test_the_trace_id_is_in_the_text_of_server_errors() -> None:
    """The vendor's support asks for it, and a log may keep the text alone."""
    assert str(refused(500, traceparent=TRACEPARENT)) == (f"500 Internal Server Error. Trace id: {TRACE_ID}.")
    assert TRACE_ID not in str(refused(400, traceparent=TRACEPARENT))


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (TRACEPARENT, TRACE_ID),
        (TRACE_ID, None),
        (f"{TRACEPARENT}0", None),
        (TRACEPARENT.replace("a", "A"), None),
    ],
)
def test_the_trace_id_is_read_from_traceparent(header: str, trace_id: str | None) -> None:
    """Support can do nothing with an id of another form."""
    assert ServerError("x", headers=httpx.Headers({"Traceparent": header})).trace_id == trace_id


def test_an_excerpt_is_one_short_printable_line() -> None:
    """A log line must not be broken, coloured or flooded by what a server sends; the error keeps it all."""
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


# What the API says.


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"errors": [{"code": "A", "message": "b", "c": 1}]}', [("A", "b")]),
        (b'{"errors": [{"code": "A"}, {"message": "b"}]}', [("A", None), (None, "b")]),
        (b'{"errors": [{"code": 400, "message": 1.5}]}', [("400", "1.5")]),
        (b'{"errors": [{"code": 0, "message": ""}]}', [("0", "")]),
        (b'{"errors": [null, [], {}, true]}', []),
        (
            b'{"errors": [{"code": true}, {"reason": "x"}]}',
            [(None, '{"code": true}'), (None, '{"reason": "x"}')],
        ),
        (b'{"errors": ["A", 5]}', [(None, "A"), (None, "5")]),
        (b'{"errors": "A"}', [(None, "A")]),
        (b'{"errors": {"code": "A"}}', [("A", None)]),
        (b'{"error": {"code": 400, "message": "b"}}', [("400", "b")]),
        (b'{"errors": [], "error": "A"}', [(None, "A")]),
    ],
)
def test_error_items_of_every_shape_are_kept(body: bytes, items: list[tuple[str | None, str | None]]) -> None:
    """What the API says is never thrown away, the shape of its older versions included."""
    error = refused(400, body)
    assert error.errors == tuple(ErrorItem(*item) for item in items)
    said = "; ".join(": ".join(filter(None, item)) for item in items)
    assert not said or f"400 Bad Request ({said}). " in str(error)


@pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
def test_a_body_that_is_no_envelope_has_no_items(body: bytes) -> None:
    """Gateways answer anything; the body is kept as it came."""
    error = refused(502, body)
    assert (error.errors, error.body) == ((), body)


@pytest.mark.parametrize(
    ("body", "remaining", "parallel"),
    [
        (PARALLEL, "", True),
        (PARALLEL, "5", True),
        (PARALLEL, "0", False),
        (HOURLY, "", False),
        (HOURLY, "5", False),
        (envelope("4 parallel requests per HOUR"), "5", False),
        (envelope("PARALLEL"), "", True),
        (envelope("slower"), "5", True),
        (envelope("slower"), "", False),
        (b"", "5", True),
        (b"", "0", False),
    ],
)
def test_text_and_count_distinguish_the_two_limits(body: bytes, remaining: str, *, parallel: bool) -> None:
    """If they disagree or are silent, the limit is the hourly one, which asks for the longer wait."""
    headers = {"X_RateLimit_Resource_Remaining": remaining, "X_RateLimit_Resource_Until": UNTIL}
    error = refused(420, body, **headers)
    assert isinstance(error, RateLimitError)
    assert error.parallel is parallel
    assert error.until == (None if parallel else NOW.replace(second=25))


def test_only_a_420_knows_the_parallel_limit() -> None:
    """A 429 says when to come back."""
    error = refused(429, PARALLEL, X_RateLimit_Resource_Remaining="5", X_RateLimit_Resource_Until=UNTIL)
    assert isinstance(error, RateLimitError)
    assert (error.parallel, error.until) == (False, NOW.replace(second=25))
    assert RateLimitError("Slow down.").until is None


# Failures.


def fail(failure: Exception, *, left: bool | None, request: httpx.Request | None = None) -> MarketError:
    """Return the error for a failure of a request."""
    return failure_error(failure, request or make_request(), left=left)


CONNECTING: list[type[httpx.RequestError]] = [
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
]
LOSING: list[type[httpx.RequestError]] = [
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.WriteError,
    httpx.WriteTimeout,
    httpx.CloseError,
    httpx.RemoteProtocolError,
    httpx.LocalProtocolError,
    httpx.DecodingError,
]


def test_a_trace_decides_whether_the_request_left() -> None:
    """A transport that reports its events knows better than the class of its exception."""
    for failure in (*CONNECTING, *LOSING):
        assert type(fail(failure("x"), left=False)) is ConnectionFailedError
        assert type(fail(failure("x"), left=True)) is ConnectionLostError


def test_without_a_trace_the_exception_decides() -> None:
    """Only failures of connecting itself are known to have sent nothing."""
    for failure in CONNECTING:
        assert type(fail(failure("x"), left=None)) is ConnectionFailedError
    for failure in LOSING:
        assert type(fail(failure("x"), left=None)) is ConnectionLostError


def test_the_cause_of_a_failure_must_be_httpcores() -> None:
    """Transports over other libraries call a lost answer a failed connection; httpx-aiohttp does."""
    for cause, kind in (
        (httpcore.ConnectError(), ConnectionFailedError),
        (ConnectionResetError(), ConnectionLostError),
        (type("Error", (Exception,), {"__module__": "httpcore._new"})(), ConnectionFailedError),
        (type("Error", (Exception,), {"__module__": "httpcore_like"})(), ConnectionLostError),
    ):
        failure = httpx.ConnectError("refused")
        failure.__cause__ = cause
        assert type(fail(failure, left=None)) is kind


def test_a_failure_of_another_request_says_nothing_about_this_one() -> None:
    """A hook in the transport may make requests of its own after this one was answered."""
    request = make_request()
    for owner, kind in ((request, ConnectionFailedError), (make_request(), ConnectionLostError)):
        failure = httpx.ConnectError("refused", request=owner)
        assert type(fail(failure, left=None, request=request)) is kind


def test_a_chain_of_causes_that_contains_itself_ends() -> None:
    """`raise error from error` must not hang the process."""
    failure = httpx.ConnectError("refused")
    failure.__cause__ = failure
    assert type(fail(failure, left=None)) is ConnectionLostError
    call = make_call()
    assert attempt(call, failure) is None
    assert raised(call).__cause__ is failure


def test_the_text_of_a_failure_names_its_class_and_reason() -> None:
    """Some of httpx's exceptions have no text at all."""
    assert str(fail(httpx.ReadError("code X"), left=True)) == (
        "The connection broke before the response was complete (ReadError: code X)."
    )
    assert "(ReadError)." in str(fail(httpx.ReadError(""), left=True))
    assert str(fail(httpx.ConnectError("refused"), left=False)) == (
        "No connection (ConnectError: refused). Check the network, the proxy and the base URL."
    )


def test_only_a_403_or_407_of_a_proxy_is_a_refusal() -> None:
    """Whatever else goes wrong at a proxy may pass."""
    refusals = {
        text: getattr(fail(httpx.ProxyError(text), left=False), "refused", None)
        for text in ("403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway", "")
    }
    assert [*refusals.values()] == [True, True, False, False]
    assert not getattr(fail(httpx.ConnectError("403"), left=False), "refused", None)


# Errors by hand, and rebuilt.


BY_HAND: list[tuple[type[MarketError], dict[str, Any], Delivery]] = [
    (MarketError, {}, Delivery.UNKNOWN),
    (ConfigurationError, {}, Delivery.NOT_SENT),
    (InvalidRequestError, {}, Delivery.NOT_SENT),
    (ConnectionFailedError, {}, Delivery.NOT_SENT),
    (ConnectionLostError, {}, Delivery.UNKNOWN),
    (AnswerError, {}, Delivery.UNKNOWN),
    (UnexpectedAnswerError, {}, Delivery.UNKNOWN),
    (ApiError, {}, Delivery.UNKNOWN),
    (BadRequestError, {}, Delivery.NOT_SENT),
    (AuthenticationError, {}, Delivery.NOT_SENT),
    (PermissionDeniedError, {}, Delivery.NOT_SENT),
    (NotFoundError, {}, Delivery.NOT_SENT),
    (LockedError, {}, Delivery.NOT_SENT),
    (RateLimitError, {}, Delivery.NOT_SENT),
    (ServerError, {}, Delivery.UNKNOWN),
    (ServerError, {"status_code": 503}, Delivery.UNKNOWN),
    (ServerError, {"status_code": 503, "body": OVERLOADED}, Delivery.NOT_SENT),
    (ApiError, {"status_code": 418}, Delivery.NOT_SENT),
    (AnswerError, {"status_code": 404}, Delivery.NOT_SENT),
    (NotFoundError, {"status_code": 404}, Delivery.NOT_SENT),
    (NotFoundError, {"status_code": 500}, Delivery.UNKNOWN),
    (UnexpectedAnswerError, {"status_code": 404}, Delivery.UNKNOWN),
    (NotFoundError, {"delivery": Delivery.UNKNOWN, "status_code": 404}, Delivery.UNKNOWN),
    (ConnectionLostError, {"delivery": Delivery.NOT_SENT}, Delivery.NOT_SENT),
]


def test_an_error_by_hand_claims_no_more_than_is_known() -> None:
    """Users build errors in their tests; in doubt the message may have been sent."""
    for cls, details, delivery in BY_HAND:
        error = cls("x", **details)
        assert (error.delivery, error.attempts, str(error)) == (delivery, 0, "x"), (cls, details)
    assert {cls for cls, _, _ in BY_HAND} == {*classes()}


def test_an_error_without_an_answer_has_empty_details() -> None:
    """What is unknown is empty, and not missing."""
    error = ApiError("x")
    assert (error.status_code, error.body, error.errors) == (None, b"", ())
    assert (error.headers, error.rate_limit, error.trace_id) == (httpx.Headers(), None, None)


def test_an_error_keeps_the_answer() -> None:
    """Everything that the API said can be read from the error."""
    error = refused(420, HOURLY, X_RateLimit_Resource_Remaining="0", X_Request_Id="abc")
    assert (error.status_code, error.body, error.headers["x-request-id"]) == (420, HOURLY, "abc")
    assert error.rate_limit is not None
    assert error.rate_limit.remaining == 0


def test_permanent_errors_are_those_of_the_message_itself() -> None:
    """A queue may drop such a message: the same call can never succeed."""
    permanent = {cls for cls in classes() if cls("x").permanent}
    assert permanent == {InvalidRequestError, BadRequestError, NotFoundError}


@pytest.mark.parametrize(
    ("outcomes", "delivery"),
    [
        ((lambda: answer(404, b""),), Delivery.NOT_SENT),
        ((lambda: answer(500, b""),), Delivery.UNKNOWN),
        ((lambda: httpx.ReadError(""), lambda: answer(404, b"")), Delivery.UNKNOWN),
        ((lambda: httpx.ReadError(""), lambda: answer(420, HOURLY)), Delivery.UNKNOWN),
    ],
    ids=["refused", "failed", "refused after a lost answer", "limited after a lost answer"],
)
def test_an_error_rebuilt_from_its_args_claims_no_more(
    outcomes: tuple[Callable[[], Any], ...], delivery: Delivery
) -> None:
    """Celery's JSON results keep the class and the `args` alone."""
    call = make_call(RESEND)
    for outcome in outcomes:
        attempt(call, outcome())
    error = raised(call)
    rebuilt = type(error)(*error.args)
    assert (error.delivery, rebuilt.delivery, str(rebuilt)) == (delivery, delivery, str(error))
    assert all(isinstance(argument, str) for argument in error.args)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_copies_keep_everything(duplicate: Callable[[MarketError], MarketError]) -> None:
    """Errors cross process pools and queues with their text and all of their attributes."""
    headers = httpx.Headers({"X-RateLimit-Resource-Until": UNTIL})
    for cls in classes():
        details = (
            {"status_code": 420, "headers": headers, "body": HOURLY} if issubclass(cls, AnswerError) else {}
        )
        error = cls("x", Delivery.UNKNOWN, **details)
        error.attempts = 3
        error.add_note("A note.")
        twin = duplicate(error)
        assert twin is not error
        assert (type(twin), str(twin), twin.args, vars(twin)) == (cls, "x", error.args, vars(error))


def test_a_refusal_by_503_is_in_doubt_once_it_is_rebuilt() -> None:
    """Most errors of the class are, and the envelope that says otherwise is lost."""
    call = make_call(RetryPolicy.disabled())
    attempt(call, answer(503, OVERLOADED))
    error = raised(call)
    assert (error.delivery, error.args) == (Delivery.NOT_SENT, (str(error),))
    assert type(error)(*error.args).delivery is Delivery.UNKNOWN


def test_a_raised_error_survives_pickle() -> None:
    """The sentence about the message is in the text once, however often the error travels."""
    call = make_call(RESEND)
    attempt(call, httpx.ReadError(""))
    attempt(call, answer(404, envelope("No chat")))
    error = raised(call)
    twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(error))))
    assert (str(twin), vars(twin)) == (str(error), vars(error))


# The tree.


def test_the_docstring_draws_the_tree() -> None:
    """Each class stands below its base, with the statuses that raise it."""
    drawn: list[tuple[str, str | None]] = []
    path: dict[int, str] = {}
    tree = (_errors.__doc__ or "").split("\n\n")[1]
    for line in tree.splitlines():
        found = re.fullmatch(r"([│├└─ ]*)(\w+) +(.*)", line)
        assert found
        indent, name, note = found.groups()
        path[len(indent)] = name
        drawn.append((name, path.get(len(indent) - 4)))
        if not name.startswith("Unexpected"):
            assert all(type(refused(int(s))).__name__ == name for s in re.findall(r"\b\d{3}\b", note))
    bases = [None if cls is MarketError else cls.__mro__[1].__name__ for cls in classes()]
    assert drawn == list(zip([cls.__name__ for cls in classes()], bases, strict=True))


def test_every_class_is_public() -> None:
    """Any error can be caught by a public name, and an invalid argument as a `ValueError` too."""
    assert {cls.__name__ for cls in classes()} <= {*yandex_market_chats.__all__}
    assert issubclass(InvalidRequestError, ValueError)
