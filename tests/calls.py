"""Calls as the policy sees them: attempts that end, and clocks and chance that do as they are told."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx

from mock_api import envelope
from yandex_market_chats import ConnectionLostError, Delivery, MarketError, RetryPolicy
from yandex_market_chats._answers import answer_error
from yandex_market_chats._errors import AnswerError
from yandex_market_chats._policy import Call

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
DEFAULT = RetryPolicy()
RESEND = RetryPolicy(resend_unknown=True)
PARALLEL = envelope("Hit rate limit of 4 parallel requests for businessId 12345")
HOURLY = envelope("Hit rate limit of 1000 requests per 1 hour for resource x")
BACKOFF = [0.5, 1.0, 2.0, 4.0, None]
"""The longest waits of the default policy."""


class Clock:
    """Monotonic seconds that pass when they are told to."""

    seconds = 1000.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


def longest(_low: float, high: float) -> float:
    """Draw the upper bound."""
    return high


def shortest(low: float, _high: float) -> float:
    """Draw the lower bound."""
    return low


def make_call(
    policy: RetryPolicy = DEFAULT,
    *,
    clock: Callable[[], float] = Clock(),  # noqa: B008 -- one that nobody moves
    uniform: Callable[[float, float], float] = longest,
) -> Call:
    """Make a call with everything that a run would leave to chance."""
    return Call(policy, clock=clock, now=lambda: NOW, uniform=uniform)


def refused(status: int, body: bytes = b"", **headers: str) -> AnswerError:
    """Make the error of an answer; `_` in the name of a header is a hyphen."""
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return answer_error(status, named, body, header="Api-Key")


def lost() -> ConnectionLostError:
    """Make the error of an answer that did not come."""
    return ConnectionLostError("Lost.", delivery=Delivery.UNKNOWN)


def attempt(call: Call, error: MarketError, **options: Any) -> float | None:
    """End one attempt with the error."""
    call.attempts += 1
    return call.wait_after(error, **options)
