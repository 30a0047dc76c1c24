"""Whether a call is retried, and after which wait: the decisions of a `Call`, without I/O."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from calls import BACKOFF, RESEND, attempt, http_date, judged, make_call, make_request, raised, shortest
from mock_api import HOURLY, NOW, OVERLOADED, PARALLEL, TOKEN, Outcome, answer
from yandex_market_chats import (
    ApiKey,
    ConnectionFailedError,
    Delivery,
    MarketError,
    RateLimitError,
    RetryPolicy,
    UnexpectedAnswerError,
)
from yandex_market_chats._errors import SENTENCES
from yandex_market_chats._retry import Call


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


# Failures.


def test_a_failed_connection_is_retried_with_backoff() -> None:
    """A request that never left can safely be repeated."""
    call = make_call()
    failures = [httpx.ConnectError("refused", request=call.request) for _ in BACKOFF]
    assert [attempt(call, failure) for failure in failures] == BACKOFF
    error = raised(call)
    assert type(error) is ConnectionFailedError
    assert (error.attempts, error.delivery) == (10, Delivery.NOT_SENT)
    assert str(error) == (
        "No connection (ConnectError: refused). Check the network, the proxy and the base URL."
        " Nothing was sent."
    )


def test_a_proxy_is_tried_again_unless_it_refused() -> None:
    """A proxy that fails may recover, but a proxy that refuses its user will refuse again."""
    assert attempt(make_call(), httpx.ProxyError("502 Bad Gateway")) == 0.5
    error = final(httpx.ProxyError("407 Proxy Authentication Required"))
    assert (type(error), error.delivery) == (ConnectionFailedError, Delivery.NOT_SENT)


def test_an_unknown_outcome_is_raised_at_once() -> None:
    """A retry could deliver the message twice, even if the API or a gateway asks for it by `Retry-After`."""
    outcomes: list[Outcome] = [httpx.ReadTimeout("slow"), answer(200, b"{}")]
    for outcome in (*outcomes, *(answer(status, b"", Retry_After="1") for status in (408, 500, 503))):
        error = final(outcome)
        assert error.delivery is Delivery.UNKNOWN
        assert str(error).endswith(f". {SENTENCES[Delivery.UNKNOWN]}")


def test_refusals_are_raised_at_once() -> None:
    """The same request would be refused again, even if the caller accepts duplicates."""
    for status in (302, 400, 401, 403, 404, 405, 415, 418, 423):
        assert final(answer(status, b""), RESEND).delivery is Delivery.NOT_SENT


# Limits.


def test_a_parallel_limit_is_retried_with_backoff() -> None:
    """Programs that keep each other out must spread their requests further each time."""
    call = make_call()
    until = http_date(NOW + timedelta(seconds=30))
    outcomes = [answer(420, PARALLEL, X_RateLimit_Resource_Until=until) for _ in BACKOFF]
    assert [attempt(call, outcome) for outcome in outcomes] == BACKOFF
    error = raised(call)
    assert isinstance(error, RateLimitError)
    assert (error.attempts, error.delivery, error.until) == (10, Delivery.NOT_SENT, None)


@pytest.mark.parametrize("offset", [timedelta(0), timedelta(days=-3000), timedelta(days=3000)], ids=str)
def test_an_hourly_limit_is_waited_for_by_the_servers_clock(offset: timedelta) -> None:
    """A wrong local clock must neither shorten nor lengthen the wait until the limit resets."""
    there = NOW + offset
    assert attempt(make_call(), hourly(there + timedelta(seconds=25), Date=http_date(there))) == 25


def test_an_hourly_limit_is_waited_for_despite_other_headers() -> None:
    """The vendor documents no `Retry-After` for a 420, and the text names the hour."""
    others = {"Retry_After": "3", "X_RateLimit_Resource_Remaining": "5"}
    assert attempt(make_call(), hourly(NOW + timedelta(seconds=25), **others)) == 25


def test_an_hourly_limit_without_a_date_is_waited_for_by_the_local_clock() -> None:
    """The local time is the best guess if the response has no valid `Date`."""
    for date in ({}, {"Date": "12"}):
        assert attempt(make_call(), hourly(NOW + timedelta(seconds=25), **date)) == 25


def test_an_hourly_limit_past_the_deadline_is_raised_at_once() -> None:
    """The caller learns when to try again, instead of waiting in vain."""
    until = NOW + timedelta(seconds=60)
    error = final(hourly(until))
    assert isinstance(error, RateLimitError)
    assert (error.until, error.delivery) == (until, Delivery.NOT_SENT)


@pytest.mark.parametrize("until", [http_date(NOW), http_date(NOW - timedelta(days=1)), "12", ""])
def test_an_hourly_limit_with_a_past_or_invalid_date_is_retried_with_backoff(until: str) -> None:
    """A date that says nothing about the wait must not cause a wait of zero."""
    assert attempt(make_call(), answer(420, HOURLY, X_RateLimit_Resource_Until=until)) == 0.5


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        pytest.param({"Retry_After": "1"}, 1, id="a second"),
        pytest.param({"Retry_After": "58"}, 58, id="just before the deadline"),
        pytest.param({"Retry_After": "59"}, None, id="past the deadline"),
        pytest.param({"Retry_After": "Sun, 22 Nov 2026 12:00:09 GMT"}, 9, id="date"),
        pytest.param({"Retry_After": "0"}, 0.5, id="zero"),
        pytest.param({"Retry_After": "soon"}, 0.5, id="invalid"),
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
    """`Retry-After` counts first, then `Until`, but only if the limit is the reason; else the backoff."""
    named = {f"X_RateLimit_Resource_{n}" if n in {"Until", "Remaining"} else n: v for n, v in headers.items()}
    if "Until" in headers:
        named["X_RateLimit_Resource_Until"] = http_date(NOW + timedelta(seconds=headers["Until"]))
    for status in (429, 503):
        call = make_call()
        assert attempt(call, answer(status, OVERLOADED, **named)) == wait
        assert raised(call).delivery is Delivery.NOT_SENT


# Requests that may be repeated.


def test_a_repeatable_request_is_retried_if_the_outcome_is_unknown() -> None:
    """Reading twice does no harm, so the final error is NOT_SENT, and its text names no message."""
    for marks in ({"repeatable": True}, {"method": "GET"}):
        for status in (None, 408, 499, 500, 503):
            call = make_call(request=make_request(**marks))
            outcomes = [answer(status, b"") if status else httpx.ReadError("reset") for _ in BACKOFF]
            assert [attempt(call, outcome) for outcome in outcomes] == BACKOFF
            error = raised(call)
            assert (error.attempts, error.delivery) == (10, Delivery.NOT_SENT)
            assert "message" not in str(error)
            assert "sent" not in str(error)


def test_a_repeatable_request_is_not_retried_after_an_unexpected_success() -> None:
    """A response that cannot be read would be no more readable the second time."""
    call = make_call(request=make_request(repeatable=True))
    assert attempt(call, answer(200, b"{}")) is None
    error = raised(call)
    assert (type(error), error.delivery) == (UnexpectedAnswerError, Delivery.NOT_SENT)


def test_only_the_mark_of_the_contract_makes_a_post_repeatable() -> None:
    """With a missing or invalid mark, the request is not repeated: that is the safe side."""
    for mark in (False, "false", 1, None):
        request = make_request()
        request.extensions["repeatable"] = mark
        assert attempt(make_call(request=request), httpx.ReadError("")) is None


@pytest.mark.parametrize("outcome", [None, 408, 500, 503, 200, 303], ids=str)
def test_resend_unknown_retries_unknown_outcomes(outcome: int | None) -> None:
    """A caller who prefers a duplicate to a lost message gets every retry."""
    call = make_call(RESEND)
    outcomes = [answer(outcome, b"") if outcome else httpx.ReadError("reset") for _ in BACKOFF]
    assert [attempt(call, outcome) for outcome in outcomes] == BACKOFF
    error = raised(call)
    assert (error.attempts, error.delivery) == (10, Delivery.UNKNOWN)


def test_a_call_that_was_once_unknown_stays_unknown() -> None:
    """The later attempts sent nothing, but the first may have."""
    call = make_call(RESEND)
    assert attempt(call, httpx.ReadError("")) == 0.5
    assert judged(call, httpx.ConnectError("")).delivery is Delivery.UNKNOWN
    assert attempt(call, answer(400, b"")) is None
    error = raised(call)
    assert (error.attempts, error.delivery) == (3, Delivery.UNKNOWN)
    assert str(error).endswith(SENTENCES[Delivery.UNKNOWN])


# The policy.


def test_backoff_has_full_jitter() -> None:
    """Many callers that failed at the same time must not retry at the same time."""
    for outcome in (httpx.ConnectError(""), answer(420, PARALLEL)):
        assert attempt(make_call(uniform=shortest), outcome) == 0


def test_backoff_stops_growing() -> None:
    """After 30 doublings the power of two stays the same, because it would eventually exceed a float."""
    policy = RetryPolicy(max_attempts=2000, deadline=10**6, backoff=1e-9, max_backoff=3)
    call = make_call(policy)
    waits = [attempt(call, httpx.ConnectError("")) for _ in range(1999)]
    assert waits[:3] == [1e-9, 2e-9, 4e-9]
    assert waits[30] == waits[-1] == 1e-9 * 2**30


def test_disabled_retries_nothing() -> None:
    """One attempt is made, even if the API says when to come back or the token was replaced."""
    for outcome in (httpx.ConnectError(""), answer(420, PARALLEL), answer(503, OVERLOADED, Retry_After="1")):
        assert final(outcome, RetryPolicy.disabled()).delivery is Delivery.NOT_SENT
    tokens = iter("abc")
    call = make_call(RetryPolicy.disabled(), auth=ApiKey(lambda: next(tokens)))
    assert attempt(call, answer(401, b"")) is None


def test_randomness_and_clocks_are_real_by_default() -> None:
    """Without replacements waits are random, and count from the current time."""
    waits = [attempt(Call(make_request(), ApiKey(TOKEN), RESEND), httpx.ReadError("")) for _ in range(20)]
    assert len(set(waits)) > 1
    assert all(wait is not None and 0 <= wait <= 0.5 for wait in waits)
    call = Call(make_request(), ApiKey(TOKEN), RetryPolicy(deadline=4000))
    wait = attempt(call, hourly(datetime.now(UTC) + timedelta(hours=1)))
    assert wait is not None
    assert 3000 < wait <= 3600
    assert 3000 < call.deadline.remaining <= 4000
