"""When an attempt is repeated. Nothing here reads, writes or waits: the clients in `_http.py` do."""

import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from yandex_market_chats._errors import (
    HTTP_METHOD_FAILURE,
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    MarketError,
    RateLimitError,
    ServerError,
)
from yandex_market_chats._limits import retry_after, seconds_until

_BRIEFLY = 0.001
"""Seconds that a time-out has when the deadline has passed."""

_LAST_SHARE, _LAST_SECONDS = 0.1, 1.0
"""The end of a deadline in which no attempt is begun, for its answer would hardly come in time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and how patiently, a call that did not succeed is repeated.

    The wait before a repeat is what the API asks for, or else a random part ("full jitter") of
    `backoff * 2 ** (attempts - 1)`.

    Attributes:
        max_attempts: How many times a request is tried in all.
        deadline: Seconds for the whole call, waits included. A wait that would cross it is not
            begun, and the time-outs of an attempt are cut to what is left of it. No attempt is begun
            in its last tenth, or last second if that is less. What can outlast it in a thread: a name
            being resolved or a host of several addresses being tried, before anything is sent; and a
            proxy that is itself spoken to over TLS, or HTTP/2, with a transport of your own.
        backoff: The longest wait after the first attempt, in seconds.
        max_backoff: The longest wait after any attempt, in seconds, unless the API asks for more.
        resend_unknown: Repeat also when the message may have been sent already: your word that a
            message read twice is better than one not read at all.

    Raises:
        ConfigurationError: A value makes no sense.
    """

    max_attempts: int = 5
    deadline: float = 60.0
    backoff: float = 0.5
    max_backoff: float = 8.0
    resend_unknown: bool = False

    def __post_init__(self) -> None:
        """Refuse what makes no sense; a text that is true would send twice."""
        if not isinstance(self.max_attempts, int) or self.max_attempts < 1:
            raise ConfigurationError("max_attempts must be a whole number from 1.")
        if not all(isinstance(n, int | float) for n in (self.deadline, self.backoff, self.max_backoff)):
            raise ConfigurationError("deadline, backoff and max_backoff must be numbers of seconds.")
        if not isinstance(self.resend_unknown, bool):
            raise ConfigurationError("resend_unknown must be True or False.")
        if not 0 < self.deadline <= threading.TIMEOUT_MAX:
            raise ConfigurationError("deadline must be a number of seconds above 0.")
        if not 0 <= self.backoff <= self.max_backoff < math.inf:
            raise ConfigurationError("backoff and max_backoff must be seconds, 0 <= backoff <= max_backoff.")

    @classmethod
    def disabled(cls) -> Self:
        """Give the policy that repeats nothing."""
        return cls(max_attempts=1)


class Call:
    """One call: it counts its attempts and judges how each of them ended.

    The clock (monotonic seconds), the local time and the source of chance can be replaced by a test.
    """

    def __init__(
        self,
        policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.policy = policy
        self.attempts = 0
        self._clock, self._now, self._uniform = clock, now, uniform
        self._end = clock() + policy.deadline
        self._maybe_sent = False
        self._renewed = False

    @property
    def remaining(self) -> float:
        """Seconds until the deadline; 0 when it has passed."""
        return max(0.0, self._end - self._clock())

    @property
    def slack(self) -> float:
        """Seconds that may pass before another attempt is begun; 0 when it is too late for one."""
        return max(0.0, self.remaining - min(_LAST_SHARE * self.policy.deadline, _LAST_SECONDS))

    def cut(self, seconds: float | None) -> float:
        """Cut a time-out to what is left of the deadline; never to 0, which would mean not to wait at all."""
        left = max(self.remaining, _BRIEFLY)
        return left if seconds is None else min(seconds, left)

    def wait_after(self, error: MarketError, *, renewed: bool = False) -> float | None:
        """Give the seconds to wait before the next attempt, or `None`: stop, and raise `error`.

        The error learns the number of attempts, and that its message may have been sent when an
        attempt before it left that open. `renewed`: the credentials are now others than the attempt's.
        """
        wait = self._wait(error, renewed=renewed)
        self._maybe_sent |= error.delivery is Delivery.UNKNOWN
        error.attempts = self.attempts
        error.delivery = Delivery.UNKNOWN if self._maybe_sent else Delivery.NOT_SENT
        if wait is None or self.attempts >= self.policy.max_attempts or wait >= self.slack:
            return None
        return wait

    def _wait(self, error: MarketError, *, renewed: bool) -> float | None:
        if error.delivery is Delivery.UNKNOWN:
            return self._backoff() if self.policy.resend_unknown else None
        if isinstance(error, AuthenticationError) and renewed and not self._renewed:
            self._renewed = True
            return 0.0
        if isinstance(error, RateLimitError) and error.parallel:
            # A place becomes free as soon as one of the cabinet's requests is answered.
            return self._uniform(self.policy.backoff / 2, self.policy.backoff)
        if isinstance(error, RateLimitError) and error.status_code == HTTP_METHOD_FAILURE:
            return self._asked(seconds_until(error.until, error.headers, self._now()))
        if isinstance(error, RateLimitError | ServerError):  # 429, 503: other ServerErrors are UNKNOWN
            return self._asked(retry_after(error.headers, self._now()))
        return self._backoff() if isinstance(error, ConnectionFailedError) else None

    def _asked(self, seconds: float | None) -> float:
        """Wait as long as the API asks; a date that lies in the past or cannot be read asks for nothing."""
        return seconds if seconds is not None and seconds > 0 else self._backoff()

    def _backoff(self) -> float:
        doublings = min(self.attempts - 1, 30)  # more of them are past any max_backoff, and then past a float
        return self._uniform(0, min(self.policy.max_backoff, self.policy.backoff * 2**doublings))
