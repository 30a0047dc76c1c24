"""When a call is repeated: the design's table row by row, with a clock that stands until it is moved."""

import math
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from calls import (
    BACKOFF,
    DEFAULT,
    HOURLY,
    PARALLEL,
    RESEND,
    Clock,
    attempt,
    lost,
    make_call,
    refused,
    shortest,
)
from yandex_market_chats import (
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    InvalidRequestError,
    MarketError,
    RetryPolicy,
)
from yandex_market_chats._policy import Call

NOT_SENT_FINAL = [*range(300, 309), 400, 401, 403, 404, 405, 415, 418, 423]
UNKNOWN = [200, 204, 408, 499, 500, 501, 502, 504, 520, 599]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ConnectionFailedError("Refused."), id="no connection"),
        pytest.param(refused(429), id="429"),
        pytest.param(refused(503), id="503"),
        pytest.param(refused(420), id="420 that says nothing"),
        pytest.param(refused(420, HOURLY), id="420 hourly without a date"),
    ],
)
def test_what_was_not_sent_is_repeated_with_backoff(error: MarketError) -> None:
    """Five attempts in all; the longest wait doubles, and after the last there is none."""
    call = make_call()
    assert [attempt(call, error) for _ in BACKOFF] == BACKOFF
    assert (error.attempts, error.delivery) == (5, Delivery.NOT_SENT)


def test_backoff_has_full_jitter() -> None:
    """The shortest wait is none at all."""
    assert attempt(make_call(uniform=shortest), ConnectionFailedError("Refused.")) == 0


@pytest.mark.parametrize("policy", [DEFAULT, RESEND], ids=["default", "resend_unknown"])
@pytest.mark.parametrize(
    "error",
    [
        *(pytest.param(refused(status), id=str(status)) for status in NOT_SENT_FINAL),
        pytest.param(ConfigurationError("Set it."), id="configuration"),
        pytest.param(InvalidRequestError("Correct it."), id="argument"),
    ],
)
def test_what_a_repeat_cannot_mend_is_raised_at_once(policy: RetryPolicy, error: MarketError) -> None:
    """Nothing was sent, and the same request would be refused again."""
    assert attempt(make_call(policy), error) is None
    assert (error.attempts, error.delivery) == (1, Delivery.NOT_SENT)


@pytest.mark.parametrize("error", [lost(), *map(refused, UNKNOWN)], ids=["lost", *map(str, UNKNOWN)])
def test_unknown_is_never_repeated_unasked(error: MarketError) -> None:
    """A message that may have been sent is not sent again."""
    assert attempt(make_call(), error) is None
    assert (error.attempts, error.delivery) == (1, Delivery.UNKNOWN)


@pytest.mark.parametrize("error", [lost(), *map(refused, UNKNOWN)], ids=["lost", *map(str, UNKNOWN)])
def test_unknown_is_repeated_with_backoff_on_the_callers_word(error: MarketError) -> None:
    """With `resend_unknown` it is treated as what was not sent."""
    call = make_call(RESEND)
    assert [attempt(call, error) for _ in BACKOFF] == BACKOFF
    assert (error.attempts, error.delivery) == (5, Delivery.UNKNOWN)


def test_a_call_once_unknown_stays_unknown() -> None:
    """The last attempt sent nothing, but the first may have."""
    call, last = make_call(RESEND), refused(400)
    assert attempt(call, lost()) == 0.5
    assert attempt(call, ConnectionFailedError("Refused.")) == 1.0
    assert attempt(call, last) is None
    assert (last.attempts, last.delivery) == (3, Delivery.UNKNOWN)


def test_a_call_is_not_unknown_for_what_another_one_did() -> None:
    """Each call keeps its own account."""
    attempt(make_call(RESEND), lost())
    error = refused(400)
    attempt(make_call(RESEND), error)
    assert error.delivery is Delivery.NOT_SENT


def test_a_renewed_token_is_tried_once() -> None:
    """The second refusal is raised, even if the token has changed again."""
    call = make_call()
    assert attempt(call, refused(401), renewed=True) == 0
    assert attempt(call, refused(401), renewed=True) is None
    assert call.attempts == 2


def test_a_token_is_renewed_after_other_repeats_as_well() -> None:
    """It does not matter which attempt of the call meets the 401."""
    call = make_call()
    assert attempt(call, refused(503)) == 0.5
    assert attempt(call, refused(401), renewed=True) == 0
    assert attempt(call, refused(503)) == 2.0


def test_a_renewed_token_excuses_nothing_but_401() -> None:
    """Other refusals are final whatever the credentials say."""
    assert attempt(make_call(), refused(403), renewed=True) is None


def test_the_deadline_bounds_the_call_and_not_the_attempt() -> None:
    """A wait that would end in its last second or later is not begun; a shorter one is."""
    clock = Clock()
    call = make_call(RetryPolicy(deadline=10), clock=clock)
    error = refused(503, Retry_After="4")
    assert (call.remaining, call.slack) == (10, 9)
    assert attempt(call, error) == 4
    clock.seconds += 4.5
    assert (call.remaining, call.slack) == (5.5, 4.5)
    assert attempt(call, error) == 4
    clock.seconds += 0.5
    assert attempt(call, error) is None
    clock.seconds += 4.5
    assert (call.remaining, call.slack) == (0.5, 0)
    clock.seconds += 100
    assert (call.remaining, call.slack) == (0, 0)


@pytest.mark.parametrize(("deadline", "slack"), [(1, 0.9), (5, 4.5), (10, 9), (60, 59), (3600, 3599)])
def test_no_attempt_is_begun_in_the_last_tenth_or_second(deadline: float, slack: float) -> None:
    """Its answer would hardly come in time, and leave open what became of the message."""
    assert make_call(RetryPolicy(deadline=deadline)).slack == slack


def test_a_passed_deadline_ends_even_a_wait_of_nothing() -> None:
    """The attempt with a renewed token would begin too late."""
    clock = Clock()
    call = make_call(clock=clock)
    clock.seconds += 60
    assert attempt(call, refused(401), renewed=True) is None


def test_disabled_repeats_nothing() -> None:
    """One attempt, whatever comes of it and whatever else is allowed."""
    assert RetryPolicy.disabled() == RetryPolicy(max_attempts=1)
    for error in (ConnectionFailedError("Refused."), refused(420, PARALLEL), refused(503, Retry_After="1")):
        assert attempt(make_call(RetryPolicy.disabled()), error) is None
    assert attempt(make_call(RetryPolicy.disabled()), refused(401), renewed=True) is None


def test_backoff_is_capped_however_many_attempts_there_are() -> None:
    """The wait grows to `max_backoff`, and no power of two outgrows a float."""
    call = make_call(RetryPolicy(max_attempts=10**6, deadline=10**6))
    waits = [attempt(call, refused(503)) for _ in range(7)]
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    call.attempts = 5000
    assert attempt(call, refused(503)) == 8.0


def test_chance_and_the_clocks_are_real_by_default() -> None:
    """Without replacements the wait is drawn from its bounds and counted from the current time."""
    waits = [attempt(Call(DEFAULT), refused(503)) for _ in range(20)]
    assert len(set(waits)) > 1
    assert all(wait is not None and 0 <= wait <= 0.5 for wait in waits)
    until = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    call = Call(RetryPolicy(deadline=4000))
    wait = attempt(call, refused(420, HOURLY, X_RateLimit_Resource_Until=until))
    assert wait is not None
    assert 3000 < wait <= 3600
    assert 3000 < call.remaining <= 4000


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        *(
            ({"max_attempts": number}, "max_attempts must be a whole number from 1.")
            for number in (0, math.nan, 2.5, "5")
        ),
        *(
            ({"deadline": seconds}, "deadline must be a number of seconds above 0.")
            for seconds in (0, -1, math.nan, math.inf, threading.TIMEOUT_MAX * 2)
        ),
        *(
            ({name: value}, "deadline, backoff and max_backoff must be numbers of seconds.")
            for name in ("deadline", "backoff", "max_backoff")
            for value in ("60", None)
        ),
        *(({"resend_unknown": value}, "resend_unknown must be True or False.") for value in ("no", 1, None)),
        *(
            (settings, "backoff and max_backoff must be seconds, 0 <= backoff <= max_backoff.")
            for settings in (
                {"backoff": -0.1},
                {"backoff": math.nan},
                {"backoff": 2, "max_backoff": 1},
                {"max_backoff": math.inf},
            )
        ),
    ],
)
def test_values_without_sense_are_refused(settings: dict[str, Any], words: str) -> None:
    """The message names the setting."""
    with pytest.raises(ConfigurationError) as caught:
        RetryPolicy(**settings)
    assert str(caught.value) == f"{words} Nothing was sent."


def test_the_least_and_the_most_are_allowed() -> None:
    """The bounds themselves make sense."""
    policy = RetryPolicy(max_attempts=1, deadline=threading.TIMEOUT_MAX, backoff=0, max_backoff=0)
    assert attempt(make_call(policy), refused(503)) is None
    assert RetryPolicy(backoff=3, max_backoff=3).backoff == 3


def test_the_defaults_are_the_documented_ones() -> None:
    """Users rely on them."""
    assert RetryPolicy() == RetryPolicy(
        max_attempts=5, deadline=60.0, backoff=0.5, max_backoff=8.0, resend_unknown=False
    )
