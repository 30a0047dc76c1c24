"""The retry table of the design, row by row, and everything else that a call decides without I/O."""

import gzip
import threading
import zlib
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from calls import (
    BACKOFF,
    HOURLY,
    NOW,
    OVERLOADED,
    PARALLEL,
    RESEND,
    Clock,
    attempt,
    http_date,
    make_call,
    make_request,
    raised,
    shortest,
)
from mock_api import SUCCESS, TOKEN, Body, Outcome, answer, envelope
from yandex_market_chats import (
    ApiKey,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketError,
    OAuthToken,
    PermissionDeniedError,
    RateLimit,
    RateLimitError,
    RetryPolicy,
    ServerError,
    UnexpectedAnswerError,
)
from yandex_market_chats._retry import MAX_BODY, Call

CONNECTING = ("connection.connect_tcp.started", "connection.start_tls.started")
LEAVING = (*CONNECTING, "http11.send_request_headers.started")
NOTHING_SENT = "Nothing was sent."
IN_DOUBT = "The message may have been sent: check the chat before sending it again."


def final(outcome: Outcome, policy: RetryPolicy | None = None) -> MarketError:
    """Return the error of an attempt that must not be retried."""
    call = make_call(policy or RetryPolicy())
    assert attempt(call, outcome) is None
    error = raised(call)
    assert error.attempts == 1
    return error


def hourly(until: datetime, **headers: str) -> httpx.Response:
    """Return the 420 of the hourly limit, which resets at `until`."""
    return answer(420, HOURLY, X_RateLimit_Resource_Until=http_date(until), **headers)


def notes(call: Call, error: BaseException) -> list[str]:
    """Return the notes on an exception that ends a call."""
    with pytest.raises(type(error)) as caught, call:
        raise error
    assert caught.value is error
    return getattr(error, "__notes__", [])


# The rows of the table.


def test_a_failed_connection_is_retried_with_backoff() -> None:
    """A request that never left can be repeated without harm, however the connection failed."""
    for failure in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    ):
        call = make_call()
        failures = [failure("refused", request=call.request) for _ in BACKOFF]
        assert [attempt(call, error) for error in failures] == BACKOFF
        error = raised(call)
        assert type(error) is ConnectionFailedError
        assert (error.attempts, error.delivery) == (10, Delivery.NOT_SENT)
        assert str(error) == (
            f"No connection ({failure.__name__}: refused). Check the network, the proxy and the base URL."
            f" {NOTHING_SENT}"
        )


@pytest.mark.parametrize("text", ["403 Forbidden", "407 Proxy Authentication Required"])
def test_a_refusing_proxy_is_raised_at_once(text: str) -> None:
    """A retry would not change what the proxy thinks of its user."""
    error = final(httpx.ProxyError(text))
    assert type(error) is ConnectionFailedError
    assert error.delivery is Delivery.NOT_SENT


@pytest.mark.parametrize("status", ["502 Bad Gateway", "504 Gateway Timeout"])
def test_a_failing_proxy_is_retried(status: str) -> None:
    """A proxy that fails for a moment sent nothing on."""
    assert attempt(make_call(), httpx.ProxyError(status)) == 0.5


def test_a_parallel_limit_is_retried_with_backoff() -> None:
    """Programs that keep each other out must spread their requests further each time."""
    call = make_call()
    until = http_date(NOW + timedelta(seconds=30))
    outcomes = [answer(420, PARALLEL, X_RateLimit_Resource_Until=until) for _ in BACKOFF]
    assert [attempt(call, outcome) for outcome in outcomes] == BACKOFF
    error = raised(call)
    assert type(error) is RateLimitError
    assert (error.attempts, error.delivery, error.until) == (10, Delivery.NOT_SENT, None)


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=-3000), timedelta(days=3000)], ids=str)
def test_an_hourly_limit_is_waited_for_by_the_servers_clock(offset: timedelta) -> None:
    """A wrong local clock must neither shorten nor lengthen the wait until the limit resets."""
    there = NOW + offset
    outcome = hourly(there + timedelta(seconds=25), Date=http_date(there))
    assert attempt(make_call(), outcome) == 25


def test_an_hourly_limit_is_waited_for_whatever_else_the_response_says() -> None:
    """The vendor documents no `Retry-After`, and the text names the hour."""
    others = {"Retry_After": "3", "X_RateLimit_Resource_Remaining": "5"}
    assert attempt(make_call(), hourly(NOW + timedelta(seconds=25), **others)) == 25


def test_an_hourly_limit_without_a_date_is_waited_for_by_the_local_clock() -> None:
    """The local time is the best guess if the response has no readable `Date`."""
    for date in ({}, {"Date": "12"}, {"Date": "yesterday"}):
        assert attempt(make_call(), hourly(NOW + timedelta(seconds=25), **date)) == 25


def test_an_hourly_limit_past_the_deadline_is_raised_at_once() -> None:
    """The caller learns when to try again, instead of waiting for nothing."""
    until = NOW + timedelta(seconds=60)
    error = final(hourly(until))
    assert isinstance(error, RateLimitError)
    assert (error.until, error.delivery) == (until, Delivery.NOT_SENT)


@pytest.mark.parametrize("until", [http_date(NOW), http_date(NOW - timedelta(days=1)), "12", "soon", ""])
def test_an_hourly_limit_with_a_past_or_unreadable_date_is_retried_with_backoff(until: str) -> None:
    """A date that says nothing about the wait must not cause a wait of zero."""
    assert attempt(make_call(), answer(420, HOURLY, X_RateLimit_Resource_Until=until)) == 0.5


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        pytest.param({"Retry_After": "1"}, 1, id="a second"),
        pytest.param({"Retry_After": "7"}, 7, id="seconds"),
        pytest.param({"Retry_After": "58"}, 58, id="just before the deadline"),
        pytest.param({"Retry_After": "59"}, None, id="past the deadline"),
        pytest.param({"Retry_After": "Sun, 22 Nov 2026 12:00:09 GMT"}, 9, id="date"),
        pytest.param({"Retry_After": "0"}, 0.5, id="zero"),
        pytest.param({"Retry_After": "soon"}, 0.5, id="unreadable"),
        pytest.param({"Retry_After": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.5, id="past date"),
        pytest.param({"Retry_After": "7", "Until": 9, "Remaining": "0"}, 7, id="before Until"),
        pytest.param({"Until": 9, "Remaining": "0"}, 9, id="Until if nothing remains"),
        pytest.param({"Until": 9}, 9, id="Until alone"),
        pytest.param({"Until": 9, "Remaining": "5"}, 0.5, id="Until of a limit with something left"),
        pytest.param({"Until": -9}, 0.5, id="past Until"),
        pytest.param({}, 0.5, id="silent"),
    ],
)
def test_429_and_the_vendors_503_are_retried_when_the_api_says(
    headers: dict[str, Any], wait: float | None
) -> None:
    """`Retry-After` counts first, then `Until`, and only if the limit is the reason; else the backoff."""
    named = {f"X_RateLimit_Resource_{n}" if n in {"Until", "Remaining"} else n: v for n, v in headers.items()}
    if "Until" in headers:
        named["X_RateLimit_Resource_Until"] = http_date(NOW + timedelta(seconds=headers["Until"]))
    for status in (429, 503):
        call = make_call()
        assert attempt(call, answer(status, OVERLOADED, **named)) == wait
        assert raised(call).delivery is Delivery.NOT_SENT


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        b"<h1>Error 503 Backend fetch failed</h1>",
        b'{"status": "ERROR"}',
        b'{"status": "ERROR", "errors": []}',
        b'{"status": "ERROR", "errors": [{"message": "no code"}]}',
        b'{"errors": [{"code": "NO_STATUS"}]}',
        b'{"status": "DOWN", "errors": [{"code": "ANOTHER_STATUS"}]}',
    ],
)
def test_a_503_without_the_vendors_envelope_is_unknown(body: bytes) -> None:
    """Gateways say 503 after losing a server that had the message, some of them with `Retry-After`."""
    error = final(answer(503, body, Retry_After="1"))
    assert type(error) is ServerError
    assert error.delivery is Delivery.UNKNOWN


def test_refusals_are_raised_at_once() -> None:
    """The same request would be refused again, even if the caller accepts duplicates."""
    for status in (*range(300, 303), *range(304, 309), 400, 401, 403, 404, 405, 415, 418, 423):
        assert final(answer(status, b""), RESEND).delivery is Delivery.NOT_SENT


@pytest.mark.parametrize(("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError)])
def test_a_renewed_oauth_token_gets_one_more_attempt(status: int, error: type[MarketError]) -> None:
    """The API rejects expired OAuth tokens by 401 or 403; a second rejection is final."""
    tokens = iter("abcdefgh")
    call = make_call(auth=OAuthToken(lambda: next(tokens)))
    assert attempt(call, answer(status, b"")) == 0
    assert attempt(call, answer(status, b"")) is None
    final_error = raised(call)
    assert type(final_error) is error
    assert (final_error.attempts, final_error.delivery) == (2, Delivery.NOT_SENT)


def test_a_renewed_api_key_gets_one_more_attempt_after_401_only() -> None:
    """An Api-Key does not expire by 403, which means a missing scope."""
    keys = iter("abcdefgh")
    auth = ApiKey(lambda: next(keys))
    call = make_call(auth=auth)
    assert attempt(call, answer(503, OVERLOADED)) == 0.5
    assert attempt(call, answer(401, b"")) == 0
    assert attempt(make_call(auth=auth), answer(403, b"")) is None


def test_an_unchanged_token_gets_no_other_attempt() -> None:
    """The API would reject it again."""
    call = make_call(auth=OAuthToken(lambda: "same"))
    assert attempt(call, answer(403, b"")) is None


def test_an_invalid_token_from_the_callable_is_a_configuration_error() -> None:
    """A call without credentials ends before its first attempt, and after a rejection."""
    call = make_call(auth=ApiKey(lambda: ""))
    with pytest.raises(ConfigurationError, match=rf"is empty\. {NOTHING_SENT}") as caught:
        attempt(call, answer())
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
    tokens = iter(["good", "not good"])
    call = make_call(auth=ApiKey(lambda: next(tokens)))
    with pytest.raises(ConfigurationError, match="whitespace") as caught:
        attempt(call, answer(401, b""))
    assert caught.value.attempts == 1


def test_a_lost_connection_is_unknown() -> None:
    """The API may have accepted a request that began to leave."""
    for outcome in (
        *(failure("") for failure in (httpx.ReadError, httpx.ReadTimeout, httpx.WriteError)),
        *(httpx.RemoteProtocolError(""), httpx.DecodingError(""), httpx.StreamError("")),
        *(
            httpx.Response(200, stream=Body(b'{"status":', failure("cut")))
            for failure in (httpx.ReadError, httpx.ConnectError)
        ),
    ):
        error = final(outcome)
        assert type(error) is ConnectionLostError
        assert error.delivery is Delivery.UNKNOWN
        assert str(error).endswith(f"). {IN_DOUBT}")


def test_failures_of_the_server_are_unknown() -> None:
    """A server or gateway that failed or gave up may have delivered the message before."""
    for status in (408, 499, 500, 501, 502, 504, 520, 599):
        assert final(answer(status, OVERLOADED, Retry_After="1")).delivery is Delivery.UNKNOWN


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b'{"status": "ERROR"}'),
        (200, b'{"status": "OK", "errors": [{"code": "A"}]}'),
        (200, b"{}"),
        (200, b"<html>"),
        (201, SUCCESS),
        (204, b""),
        (303, b""),
    ],
)
def test_an_unexpected_success_is_unknown(status: int, body: bytes) -> None:
    """Only 200 with `"status": "OK"` and no errors says that the message was sent."""
    assert final(answer(status, body)).delivery is Delivery.UNKNOWN


@pytest.mark.parametrize(
    ("events", "note"),
    [(None, NOTHING_SENT), (CONNECTING, NOTHING_SENT), ((), IN_DOUBT), (LEAVING, IN_DOUBT)],
    ids=["not started", "connecting", "without a trace", "leaving"],
)
def test_another_exception_gets_a_note(events: tuple[str, ...] | None, note: str) -> None:
    """An exception that is not ours has no `delivery`, so its note says what became of the message."""
    for error in (KeyboardInterrupt(), ValueError("of a transport")):
        call = make_call()
        if events is not None:
            call.start(call.trace)
            for event in events:
                call.trace(event, {})
        assert notes(call, error) == [note]


def test_an_exception_between_attempts_gets_the_note_of_the_attempts() -> None:
    """An interrupted wait sends nothing, but an earlier attempt may have."""
    for outcome, note in ((answer(503, OVERLOADED), NOTHING_SENT), (httpx.ReadError(""), IN_DOUBT)):
        call = make_call(RESEND)
        attempt(call, outcome)
        assert notes(call, KeyboardInterrupt()) == [note]


def test_an_exception_after_the_success_gets_a_note_of_it() -> None:
    """A hook that is interrupted must not make the caller send the message again."""
    call = make_call()
    attempt(call, answer())
    assert notes(call, KeyboardInterrupt()) == ["The message was sent."]


def test_an_exception_of_the_token_callable_propagates() -> None:
    """What the caller's own function raises belongs to the caller."""

    def broken() -> str:
        raise LookupError("no vault")

    call = make_call(auth=ApiKey(broken))
    with pytest.raises(LookupError, match="no vault") as caught:
        attempt(call, answer())
    assert notes(call, caught.value) == [NOTHING_SENT]


def test_our_own_errors_get_no_note() -> None:
    """Their text says it already."""
    call = make_call()
    attempt(call, answer(400, b""))
    assert notes(call, raised(call)) == []


# Requests that may be repeated.


@pytest.mark.parametrize(("method", "mark"), [("POST", True), ("GET", False)], ids=["marked", "GET"])
@pytest.mark.parametrize("status", [None, 408, 499, 500, 503])
def test_a_repeatable_request_is_retried_whatever_is_unknown(
    method: str, status: int | None, *, mark: bool
) -> None:
    """Reading twice does no harm: the final error sent nothing, and does not speak of a message."""
    call = make_call(request=make_request(method=method, repeatable=mark))
    outcomes = [answer(status, b"") if status else httpx.ReadError("reset") for _ in BACKOFF]
    assert [attempt(call, outcome) for outcome in outcomes] == BACKOFF
    error = raised(call)
    assert (error.attempts, error.delivery) == (10, Delivery.NOT_SENT)
    assert "message" not in str(error)
    assert "sent" not in str(error)


def test_a_repeatable_request_is_not_retried_after_an_unexpected_success() -> None:
    """A response that cannot be read stays so."""
    call = make_call(request=make_request(repeatable=True))
    assert attempt(call, answer(200, b"{}")) is None
    error = raised(call)
    assert type(error) is UnexpectedAnswerError
    assert error.delivery is Delivery.NOT_SENT


def test_a_repeatable_request_gets_no_note() -> None:
    """An interrupted read sent no message, so there is nothing to say."""
    call = make_call(request=make_request(repeatable=True))
    call.start(call.trace)
    assert notes(call, KeyboardInterrupt()) == []


def test_only_a_mark_of_the_contract_makes_a_post_repeatable() -> None:
    """A mark that is missing or odd is the safe side."""
    for mark in (False, "false", 1, None):
        request = make_request()
        request.extensions["repeatable"] = mark
        assert attempt(make_call(request=request), httpx.ReadError("")) is None


# Duplicates on request.


@pytest.mark.parametrize("outcome", [httpx.ReadError, *(408, 500, 503, 200, 303)], ids=str)
def test_resend_unknown_retries_whatever_is_unknown(outcome: Any) -> None:
    """A caller who prefers a duplicate to a lost message gets every retry."""
    call = make_call(RESEND)
    for wait in BACKOFF:
        assert attempt(call, answer(outcome, b"") if isinstance(outcome, int) else outcome("")) == wait
    error = raised(call)
    assert (error.attempts, error.delivery) == (10, Delivery.UNKNOWN)


def test_a_call_once_unknown_stays_unknown() -> None:
    """The last attempt sent nothing, but the first may have; the rebuilt error must know it too."""
    call = make_call(RESEND)
    assert attempt(call, httpx.ReadError("")) == 0.5
    assert attempt(call, httpx.ConnectError("")) == 1.0
    assert call.error is not None
    assert call.error.delivery is Delivery.UNKNOWN
    assert attempt(call, answer(400, b"")) is None
    error = raised(call)
    assert (error.attempts, error.delivery) == (3, Delivery.UNKNOWN)
    assert str(error).endswith(IN_DOUBT)
    assert type(error)(*error.args).delivery is Delivery.UNKNOWN


# Waits and the deadline.


def test_backoff_has_full_jitter() -> None:
    """Many callers that failed together must not return together."""
    for outcome in (httpx.ConnectError(""), answer(420, PARALLEL)):
        assert attempt(make_call(uniform=shortest), outcome) == 0


def test_backoff_grows_to_its_maximum() -> None:
    """No number of attempts makes the wait longer, or the power of two larger than a float."""
    policy = RetryPolicy(max_attempts=2000, deadline=10**6, backoff=1e-9, max_backoff=3)
    call = make_call(policy)
    waits = [attempt(call, httpx.ConnectError("")) for _ in range(1999)]
    assert waits[:3] == [1e-9, 2e-9, 4e-9]
    assert waits[30] == waits[-1] == 1e-9 * 2**30


def test_disabled_retries_nothing() -> None:
    """One attempt, even if the API asks to come back or the token was renewed."""
    tokens = iter("abc")
    for outcome in (httpx.ConnectError(""), answer(420, PARALLEL), answer(503, OVERLOADED, Retry_After="1")):
        assert attempt(make_call(RetryPolicy.disabled()), outcome) is None
    call = make_call(RetryPolicy.disabled(), auth=ApiKey(lambda: next(tokens)))
    assert attempt(call, answer(401, b"")) is None


@pytest.mark.parametrize(("deadline", "slack"), [(1, 0.9), (5, 4.5), (10, 9), (60, 59), (3600, 3599)])
def test_no_attempt_starts_in_the_last_second_or_tenth(deadline: float, slack: float) -> None:
    """Its response would hardly arrive in time, and leave open what became of the message."""
    clock = Clock()
    call = make_call(RetryPolicy(deadline=deadline), clock=clock)
    assert (call.remaining, call.slack) == (deadline, slack)
    assert call.pause(slack - 0.01) == slack - 0.01
    with pytest.raises(MarketError):
        call.pause(slack)
    clock.sleep(slack + 0.001)
    assert call.slack == 0
    with pytest.raises(MarketError):
        call.start(call.trace)
    clock.sleep(deadline)
    assert (call.remaining, call.slack) == (0, 0)


def test_the_deadline_bounds_the_call_and_not_the_attempt() -> None:
    """A wait is compared with what previous attempts and waits left of the time."""
    clock = Clock()
    call = make_call(RetryPolicy(deadline=10), clock=clock)
    assert attempt(call, answer(503, OVERLOADED, Retry_After="4")) == 4
    clock.sleep(4.5)
    assert attempt(call, answer(503, OVERLOADED, Retry_After="4")) == 4
    clock.sleep(0.5)
    assert attempt(call, answer(503, OVERLOADED, Retry_After="4")) is None


def test_a_deadline_before_the_first_attempt_says_so() -> None:
    """A call that found no slot in time sent nothing, and its error says what to do."""
    with pytest.raises(ConnectionFailedError) as caught:
        make_call().give_up()
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
    assert str(caught.value) == (
        "The deadline passed before the first attempt could start. Send fewer requests at once, or allow"
        " more time. If the limits are shared, check that they are available."
        f" {NOTHING_SENT}"
    )


def test_a_deadline_after_a_failure_raises_the_failure() -> None:
    """A call that queues too long for its next attempt ends with the last error and its cause."""
    clock, failure = Clock(), httpx.ConnectError("refused")
    call = make_call(clock=clock)
    assert attempt(call, failure) == 0.5
    clock.sleep(60)
    with pytest.raises(ConnectionFailedError, match="refused") as caught:
        call.start(call.trace)
    assert caught.value.attempts == 1
    assert caught.value.__cause__ is failure


def test_an_hour_without_requests_past_the_deadline_is_a_rate_limit_error() -> None:
    """The caller gets the error of the API, status and `until` included, without a request."""
    with pytest.raises(RateLimitError) as caught:
        make_call().pause(60)
    error = caught.value
    assert (error.status_code, error.attempts, error.delivery) == (420, 0, Delivery.NOT_SENT)
    assert error.rate_limit == RateLimit(limit=None, remaining=0, until=NOW + timedelta(seconds=60))
    assert (error.parallel, error.until) == (False, NOW + timedelta(seconds=60))
    assert str(error) == f"Hourly limit exceeded: try again after 2026-11-22 12:01:00 UTC. {NOTHING_SENT}"


def test_a_brief_wait_past_the_deadline_is_no_rate_limit_error() -> None:
    """A limit that is asked again within a second does not mean that the hour is used up."""
    call = make_call(RetryPolicy(deadline=1))
    with pytest.raises(ConnectionFailedError):
        call.pause(1.0)


def test_an_hour_that_ends_too_late_for_a_retry_raises_the_last_error() -> None:
    """What happened to the request says more than what kept it from being repeated."""
    call = make_call()
    attempt(call, httpx.ConnectError("refused"))
    with pytest.raises(ConnectionFailedError, match="refused"):
        call.pause(60)


def test_the_timeouts_of_an_attempt_end_at_the_deadline() -> None:
    """No phase of the last attempts may outlast the call; zero would mean not to wait at all."""
    clock, request = Clock(), make_request()
    request.extensions["timeout"] = {"connect": 5.0, "read": 15.0, "write": None, "pool": None}
    call = make_call(RetryPolicy(deadline=20), request=request, clock=clock)
    call.start(call.trace)
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 15.0, "write": 20.0, "pool": 20.0}
    clock.sleep(12)
    call.start(call.trace)
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 8.0, "write": 8.0, "pool": 8.0}
    call = make_call(RetryPolicy(deadline=0.0001), request=make_request())
    call.start(call.trace)
    assert call.request.extensions["timeout"] == dict.fromkeys(["connect", "read", "write", "pool"], 0.001)


def test_a_body_that_outlasts_the_deadline_is_a_lost_connection() -> None:
    """A server that sends its answer drop by drop must not hold the caller for ever."""
    clock = Clock()
    call = make_call(clock=clock)
    outcome = httpx.Response(200, stream=Body(b"{", lambda: clock.sleep(60), b'"status"'))
    assert attempt(call, outcome) is None
    error = raised(call)
    assert type(error) is ConnectionLostError
    assert "ReadTimeout: the deadline passed" in str(error)


def test_a_success_that_is_complete_at_the_deadline_counts() -> None:
    """A caller who sees a timeout would send the message again; what follows is not read any more."""
    clock = Clock()
    call = make_call(clock=clock)
    body = Body(lambda: clock.sleep(60), SUCCESS, AssertionError("read on"))
    assert attempt(call, httpx.Response(200, stream=body)) is None
    assert call.answer().read() == SUCCESS


def test_a_request_may_have_a_deadline_of_its_own() -> None:
    """Reading the history belongs to a call that has used some of its time."""
    request = make_request()
    request.extensions["deadline"] = 10
    assert make_call(request=request).remaining == 10


def test_an_attempt_knows_how_long_it_took() -> None:
    """Metrics need the time of the attempt itself, without the waits around it."""
    clock = Clock()
    call = make_call(clock=clock)
    clock.sleep(1)
    body = Body(lambda: clock.sleep(2), b"")
    attempt(call, httpx.Response(503, stream=body))
    assert call.elapsed == 2


def test_chance_and_clocks_are_real_by_default() -> None:
    """Without replacements waits are random, and count from the current time."""
    waits = [attempt(Call(make_request(), ApiKey(TOKEN), RESEND), httpx.ReadError("")) for _ in range(20)]
    assert len(set(waits)) > 1
    assert all(wait is not None and 0 <= wait <= 0.5 for wait in waits)
    call = Call(make_request(), ApiKey(TOKEN), RetryPolicy(deadline=4000))
    wait = attempt(call, hourly(datetime.now(UTC) + timedelta(hours=1)))
    assert wait is not None
    assert 3000 < wait <= 3600
    assert 3000 < call.remaining <= 4000


# Requests and responses.


def test_the_token_is_on_the_request_during_the_call_only() -> None:
    """The request outlives the call, in errors and logs."""
    request = make_request()
    with make_call(request=request, auth=OAuthToken("secret")) as call:
        call.start(call.trace)
        assert request.headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in request.headers


def test_a_success_reports_its_attempts_and_limit() -> None:
    """The client above returns both to the caller, beside what the network said."""
    call = make_call()
    attempt(call, answer(503, OVERLOADED))
    response = answer(200, SUCCESS, X_RateLimit_Resource_Remaining="7", X_Other="kept")
    response.extensions = {"http_version": b"HTTP/1.1"}
    assert attempt(call, response) is None
    result = call.answer()
    assert (result.status_code, result.read(), result.headers["X-Other"]) == (200, SUCCESS, "kept")
    assert (result.extensions["attempts"], result.extensions["http_version"]) == (2, b"HTTP/1.1")
    assert result.extensions["rate_limit"].remaining == 7


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_is_decoded(encoding: str, encode: Any) -> None:
    """The layers above see a plain body, and no header that says otherwise."""
    call = make_call()
    assert attempt(call, answer(200, encode(SUCCESS), Content_Encoding=encoding)) is None
    result = call.answer()
    assert result.read() == SUCCESS
    assert "Content-Encoding" not in result.headers
    error = final(answer(404, encode(envelope("No chat")), Content_Encoding=encoding))
    assert "CODE: No chat" in str(error)


def test_a_body_that_cannot_be_decoded_counts_by_its_status() -> None:
    """The body does not decide about a refusal, and cannot prove a success."""
    for status, delivery in ((200, Delivery.UNKNOWN), (404, Delivery.NOT_SENT)):
        error = final(answer(status, b"garbage", Content_Encoding="gzip"))
        assert (error.delivery, getattr(error, "body", None)) == (delivery, b"")


def test_a_body_is_read_and_decoded_up_to_its_maximum() -> None:
    """A response without an end must not fill the memory, whether compressed or not."""
    call = make_call()
    assert [call.reads_on(bytes(MAX_BODY - 1)), call.reads_on(b"1")] == [True, False]
    bomb = gzip.compress(bytes(MAX_BODY + 1))
    assert len(getattr(final(answer(502, bomb, Content_Encoding="gzip")), "body", b"")) == MAX_BODY


def test_an_attempt_forgets_the_body_of_the_one_before() -> None:
    """The end of a refusal must not spoil the success that follows it."""
    call = make_call()
    attempt(call, answer(503, OVERLOADED))
    attempt(call, answer())
    assert call.answer().read() == SUCCESS


def test_a_cut_refusal_is_still_a_refusal() -> None:
    """The status arrived before the connection broke, and the error keeps what came of the body."""
    cut = httpx.ReadError("cut")
    error = final(httpx.Response(404, stream=Body(b'{"errors": [', cut)))
    assert (error.delivery, getattr(error, "body", None)) == (Delivery.NOT_SENT, b'{"errors": [')


# What the trace of an attempt says.


def test_a_failure_while_connecting_sent_nothing() -> None:
    """TLS and proxies fail with errors that would otherwise count as a lost response."""
    call = make_call()
    assert attempt(call, httpx.ReadError("reset"), events=CONNECTING) == 0.5
    assert type(raised(call)) is ConnectionFailedError


@pytest.mark.parametrize("event", ["http11.send_request_headers.started", "http3.new.started"])
def test_a_failure_after_any_other_event_is_unknown(event: str) -> None:
    """An event that is not known to connect counts as the request leaving."""
    for later in ((), ("connection.connect_tcp.started",)):
        call = make_call()
        assert attempt(call, httpx.ConnectError(""), events=(*CONNECTING, event, *later)) is None
        assert type(raised(call)) is ConnectionLostError


def test_events_say_nothing_about_the_next_attempt() -> None:
    """A second attempt may fail to connect after a first one that was sent and refused."""
    call = make_call()
    attempt(call, answer(503, OVERLOADED), events=LEAVING)
    assert attempt(call, httpx.ConnectError("")) == 1.0


def test_only_the_start_of_an_event_counts() -> None:
    """The end of an event says nothing about the request."""
    assert (
        attempt(make_call(), httpx.ConnectError(""), events=("http11.send_request_headers.complete",)) == 0.5
    )


def test_a_request_to_the_proxy_is_not_the_request() -> None:
    """CONNECT carries no message, and neither does closing the connection that it failed on."""
    call = make_call()
    call.start(call.trace)
    call.trace("http11.send_request_headers.started", {"request": SimpleNamespace(method=b"CONNECT")})
    call.trace("http11.response_closed.started", {})
    call.failure = httpx.ReadError("reset")
    assert call.judge() == 0.5


def test_a_connection_that_took_too_long_is_not_used() -> None:
    """A request that leaves in the last second would leave open what became of the message."""
    clock = Clock()
    call = make_call(clock=clock)
    call.start(call.trace)
    clock.sleep(58.9)
    call.trace("connection.connect_tcp.started", {})
    clock.sleep(0.1)
    with pytest.raises(httpx.ConnectTimeout, match=r"^no time is left for the response$"):
        call.trace("http11.send_request_headers.started", {})
    call.failure = httpx.ReadError("what a transport may make of it")
    assert call.judge() is None
    assert raised(call).delivery is Delivery.NOT_SENT


def test_a_new_connection_is_kept() -> None:
    """The transport closes the socket of a task that is cancelled while it connects."""
    call, connection = make_call(), object()
    assert call.connection is None
    call.trace("connection.connect_tcp.complete", {"return_value": connection})
    assert call.connection is connection


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_async_events_count_like_sync_ones(backend: str) -> None:
    """The trace function of a task is awaited."""
    call = make_call()
    call.start(call.trace)
    anyio.run(call.atrace, "connection.connect_tcp.started", {}, backend=backend)
    call.failure = httpx.ReadError("reset")
    assert call.judge() == 0.5


# The policy.


def test_the_bounds_of_a_policy_are_valid() -> None:
    """The smallest and the largest values make sense."""
    policy = RetryPolicy(max_attempts=1, deadline=threading.TIMEOUT_MAX, backoff=0, max_backoff=0)
    assert attempt(make_call(policy), httpx.ConnectError("")) is None
