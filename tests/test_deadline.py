"""The deadline of a call: what it bounds, and which error is raised when it passes."""

from datetime import timedelta

import httpx
import pytest

from calls import RESEND, attempt, make_call, make_request, raised
from mock_api import NOW, OVERLOADED, SUCCESS, Body, Clock, answer
from yandex_market_chats import (
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketError,
    RateLimit,
    RateLimitError,
    RetryPolicy,
)
from yandex_market_chats._exchange import Exchange


@pytest.mark.parametrize(("deadline", "slack"), [(1, 0.9), (10, 9), (60, 59), (3600, 3599)])
def test_no_attempt_starts_in_the_last_second_or_tenth(deadline: float, slack: float) -> None:
    """A response would hardly arrive in time, so the outcome would be unknown."""
    clock = Clock()
    call = make_call(RetryPolicy(deadline=deadline), clock=clock)
    assert (call.deadline.remaining, call.deadline.slack) == (deadline, slack)
    assert call.pause(slack - 0.01) == slack - 0.01
    with pytest.raises(MarketError):
        call.pause(slack)
    clock.sleep(slack + 0.001)
    assert call.deadline.slack == 0
    with pytest.raises(MarketError):
        call.start(Exchange.trace)
    clock.sleep(deadline)
    assert (call.deadline.remaining, call.deadline.slack) == (0, 0)


def test_the_deadline_bounds_the_call_and_not_the_attempt() -> None:
    """A wait must fit into the time that previous attempts and waits have left."""
    clock = Clock()
    call = make_call(RetryPolicy(deadline=10), clock=clock)
    assert attempt(call, answer(503, OVERLOADED, Retry_After="4")) == 4
    clock.sleep(4.5)
    assert attempt(call, answer(503, OVERLOADED, Retry_After="4")) == 4
    clock.sleep(0.5)
    assert attempt(call, answer(503, OVERLOADED, Retry_After="4")) is None


def test_a_request_may_have_its_own_deadline() -> None:
    """Reading the history is part of a call that has used some of its time already."""
    request = make_request()
    request.extensions["deadline"] = 10
    assert make_call(request=request).deadline.remaining == 10


# What is raised.


def test_a_deadline_before_the_first_attempt_says_so() -> None:
    """A call that found no slot in time sent nothing, and its error says what to do."""
    with pytest.raises(ConnectionFailedError) as caught:
        make_call().give_up()
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
    assert str(caught.value) == (
        "The deadline passed before the first attempt could start. Send fewer requests at once, or allow"
        " more time. If the limits are shared, check that they are available. Nothing was sent."
    )


def test_a_deadline_after_a_failure_raises_the_failure() -> None:
    """A call that waits too long for its next attempt ends with the last error and its cause."""
    clock, failure = Clock(), httpx.ConnectError("refused")
    call = make_call(clock=clock)
    assert attempt(call, failure) == 0.5
    clock.sleep(60)
    with pytest.raises(ConnectionFailedError, match="refused") as caught:
        call.start(Exchange.trace)
    assert caught.value.attempts == 1
    assert caught.value.__cause__ is failure


def test_an_hour_that_ends_past_the_deadline_is_a_rate_limit_error() -> None:
    """The error equals the API's own, status and `until` included, although nothing was requested."""
    with pytest.raises(RateLimitError) as caught:
        make_call().pause_for_hour(60)
    error = caught.value
    assert (error.status_code, error.attempts, error.delivery) == (420, 0, Delivery.NOT_SENT)
    assert error.rate_limit == RateLimit(limit=None, remaining=0, until=NOW + timedelta(seconds=60))
    assert (error.parallel, error.until) == (False, NOW + timedelta(seconds=60))
    assert str(error) == "Hourly limit exceeded: try again after 2026-11-22 12:01:00 UTC. Nothing was sent."


def test_an_hour_that_ends_too_late_for_a_retry_is_the_error() -> None:
    """The caller learns when the call can succeed, and from the cause what happened before."""
    call = make_call()
    attempt(call, httpx.ConnectError("refused"))
    with pytest.raises(RateLimitError) as caught:
        call.pause_for_hour(60)
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.NOT_SENT)
    assert isinstance(caught.value.__cause__, ConnectionFailedError)


def test_an_hour_that_ends_too_late_for_a_retry_does_not_hide_an_unknown_outcome() -> None:
    """A refusal would suggest that nothing was sent."""
    call = make_call(RESEND)
    attempt(call, httpx.ReadError("lost"))
    with pytest.raises(ConnectionLostError):
        call.pause_for_hour(60)


# What happens during an attempt.


def test_the_timeouts_of_an_attempt_end_at_the_deadline() -> None:
    """No phase of an attempt may outlast the call; a timeout of zero would mean not to wait at all."""
    clock, request = Clock(), make_request()
    request.extensions["timeout"] = {"connect": 5.0, "read": 15.0, "write": None, "pool": None}
    call = make_call(RetryPolicy(deadline=20), request=request, clock=clock)
    call.start(Exchange.trace)
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 15.0, "write": 20.0, "pool": 20.0}
    clock.sleep(12)
    call.start(Exchange.trace)
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 8.0, "write": 8.0, "pool": 8.0}
    call = make_call(RetryPolicy(deadline=0.0001))
    call.start(Exchange.trace)
    assert call.request.extensions["timeout"] == dict.fromkeys(["connect", "read", "write", "pool"], 0.001)


def test_a_connection_that_took_too_long_is_not_used() -> None:
    """A request that leaves in the last second would make the outcome unknown."""
    clock = Clock()
    call = make_call(clock=clock)
    exchange = call.start(Exchange.trace)
    clock.sleep(58.9)
    exchange.trace("connection.connect_tcp.started", {})
    clock.sleep(0.1)
    with pytest.raises(httpx.ConnectTimeout, match=r"^no time is left for the response$"):
        exchange.trace("http11.send_request_headers.started", {})
    exchange.failed(httpx.ReadError("what a transport may make of it"))
    assert call.judge(exchange).wait is None
    assert raised(call).delivery is Delivery.NOT_SENT


def test_a_body_that_outlasts_the_deadline_is_a_lost_connection() -> None:
    """A server that sends its response byte by byte must not keep the caller waiting forever."""
    clock = Clock()
    call = make_call(clock=clock)
    body = Body(b"{", lambda: clock.sleep(60), b'"status"')
    assert attempt(call, httpx.Response(200, stream=body)) is None
    error = raised(call)
    assert type(error) is ConnectionLostError
    assert "ReadTimeout: the deadline passed" in str(error)


def test_a_success_that_is_complete_at_the_deadline_counts() -> None:
    """A caller who got a timeout would send the message again; the rest of the body is not read."""
    clock = Clock()
    call = make_call(clock=clock)
    body = Body(lambda: clock.sleep(60), SUCCESS, AssertionError("read on"))
    assert attempt(call, httpx.Response(200, stream=body)) is None
    assert call.answer().read() == SUCCESS
