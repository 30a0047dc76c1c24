"""One call, attempt by attempt: whether to retry, and when. Nothing here does I/O or waits."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NoReturn, Self

import httpx

from ._credentials import Credentials
from ._error_texts import hour_used_up
from ._errors import (
    SENT,
    SENTENCES,
    AnswerError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketError,
    RateLimitError,
    ServerError,
)
from ._exchange import Deadline, Exchange
from ._limits import RateLimit, retry_after, seconds_until
from ._settings import RetryPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A report on one attempt of a call, for metrics and tracing. It contains nothing secret.

    Attributes:
        number: Which attempt of its call this was, from 1.
        method: The HTTP method.
        path: The path of the URL, without the query, which names the chat.
        elapsed: Seconds that the attempt took, to the end of the response, without the wait for a slot.
        status_code: The status of the response; `None` if there was none.
        rate_limit: What the headers of the response say about the hourly limit.
        error: The name of the error's class; `None` if the request succeeded.
        delivery: Whether the message may have been sent; `None` if the request succeeded.
        wait: Seconds until the next attempt; `None` if this was the last.
    """

    number: int
    method: str
    path: str
    elapsed: float
    status_code: int | None
    rate_limit: RateLimit | None
    error: str | None
    delivery: Delivery | None
    wait: float | None

    def __str__(self) -> str:
        """Return a one-line summary."""
        outcome = f"{self.status_code or 'no response'}, {self.error or 'ok'}"
        return f"{self.method} {self.path}: attempt {self.number} in {self.elapsed:.3f} s: {outcome}"


class Call:
    """One call: decides what follows each attempt. Sync and async transports share it, and it does no I/O.

    When its block ends, the token is removed from the request, and an exception that is not ours gets a note,
    because it has no `delivery`. Tests replace the clock (monotonic), the local time and the random source.
    """

    def __init__(
        self,
        request: httpx.Request,
        credentials: Credentials,
        policy: RetryPolicy,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self.request, self._credentials, self._policy = request, credentials, policy
        self._now, self._uniform = now, uniform
        self.resource = f"{request.method} {request.url.path}"
        end = clock() + request.extensions.get("deadline", policy.deadline)
        self.deadline = Deadline(end, min(0.1 * policy.deadline, 1.0), clock)
        self._extensions = request.extensions  # an attempt adds to them, and limits the timeouts
        self._repeatable = is_repeatable(request)
        self._renewed = False
        self._exchange: Exchange | None = None  # the attempt in progress
        # The result of the attempts that have ended.
        self.attempts = 0
        self._maybe_sent = False
        self._error: MarketError | None = None
        self._answer: httpx.Response | None = None

    def __enter__(self) -> Self:
        """Start the call."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """End the call."""
        self.request.headers.pop(self._credentials.header, None)
        self.request.extensions = self._extensions
        if error is not None and error is not self._error and not self._repeatable:
            self._maybe_sent |= self._exchange is not None and self._exchange.request_left is not False
            error.add_note(SENT if self._answer else SENTENCES[self._delivery])
            if isinstance(error, MarketError) and self._maybe_sent:  # of the caller's own code
                error.delivery = Delivery.UNKNOWN

    @property
    def headers(self) -> httpx.Headers | None:
        """The headers of the response to the attempt in progress."""
        response = None if self._exchange is None else self._exchange.response
        return None if response is None else response.headers

    def start(self, trace: Callable[[Exchange, str, Mapping[str, Any]], Any]) -> Exchange:
        """Start an attempt: set the token, the timeouts, and the function that receives httpcore's events."""
        if not self.deadline.slack:
            self.give_up()
        self.request.headers[self._credentials.header] = self._token()
        longest = max(self.deadline.remaining, 0.001)  # 0 would mean not to wait at all
        timeouts = self._extensions.get("timeout", httpx.Timeout(None).as_dict()).items()
        exchange = self._exchange = Exchange(self.request, self.deadline)
        self.request.extensions = {
            "trace": partial(trace, exchange),
            **self._extensions,
            "timeout": {k: longest if v is None else min(v, longest) for k, v in timeouts},
        }
        return exchange

    def judge(self, exchange: Exchange) -> Attempt:
        """Decide what follows an attempt that has ended."""
        self.attempts += 1
        elapsed, response, result = exchange.elapsed, exchange.response, exchange.result()
        limit = None if response is None else RateLimit.from_headers(response.headers)
        wait = None
        if isinstance(result, httpx.Response):
            result.extensions = {**result.extensions, "attempts": self.attempts, "rate_limit": limit}
            self._answer, self._error, self._exchange = result, None, None
        else:
            self._maybe_sent |= result.delivery is Delivery.UNKNOWN
            result.__cause__ = exchange.failure
            self._error, self._exchange = result, None
            wait = self._wait(result)
            result.delivery = self._delivery
        return Attempt(
            number=self.attempts,
            method=self.request.method,
            path=self.request.url.path,
            elapsed=elapsed,
            status_code=None if response is None else response.status_code,
            rate_limit=limit,
            error=None if self._error is None else type(self._error).__name__,
            delivery=None if self._error is None else self._error.delivery,
            wait=wait,
        )

    def pause(self, wait: float) -> float:
        """Return the seconds to wait, or raise if the deadline comes first."""
        if wait >= self.deadline.slack:
            self.give_up()
        return wait

    def pause_for_hour(self, wait: float) -> float:
        """Return the seconds until the hour ends, or raise if the deadline comes first."""
        if wait >= self.deadline.slack and not self._maybe_sent:
            error = hour_used_up(self._now() + timedelta(seconds=wait))
            error.__cause__ = self._error
            self.fail(error)
        return self.pause(wait)

    def answer(self) -> httpx.Response:
        """Return the successful response, or raise the error of the last attempt."""
        if self._answer is None:
            self.give_up()
        return self._answer

    def give_up(self) -> NoReturn:
        """Raise the error of the last attempt, or one that says that no attempt could start in time."""
        self.fail(
            self._error
            or ConnectionFailedError(
                "The deadline passed before the first attempt could start. Send fewer requests at once, or"
                " allow more time. If the limits are shared, check that they are available."
            )
        )

    def fail(self, error: MarketError) -> NoReturn:
        """Raise an error, after adding the number of attempts and whether the message may have been sent."""
        self._error = error
        error.attempts, error.delivery = self.attempts, self._delivery
        text = error.args[0] if self._repeatable else f"{error.args[0]} {SENTENCES[error.delivery]}"
        # An error that is rebuilt from its `args` must know that the message may have been sent.
        error.args = (text,) if error.delivery is Delivery.NOT_SENT else (text, error.delivery.value)
        raise error

    @property
    def _delivery(self) -> Delivery:
        return Delivery.UNKNOWN if self._maybe_sent and not self._repeatable else Delivery.NOT_SENT

    def _token(self) -> str:
        try:
            return self._credentials.value()
        except ConfigurationError as error:
            self.fail(ConfigurationError(error.args[0]))  # not the object itself: it may be the caller's

    def _wait(self, error: MarketError) -> float | None:
        """Return the seconds until the next attempt; `None` if no other may follow, or no time is left."""
        if self.attempts >= self._policy.max_attempts:
            return None
        wait = self._asked(error)
        return wait if wait is not None and wait < self.deadline.slack else None

    def _asked(self, error: MarketError) -> float | None:
        """Return the seconds to wait before a retry; `None` if the error must not be retried."""
        rejected = isinstance(error, AnswerError) and error.status_code in self._credentials.rejected
        # The token is in no local variable, because error trackers record those, and the callable may raise.
        if rejected and not self._renewed and self.request.headers[self._credentials.header] != self._token():
            self._renewed = True
            return 0.0
        if error.delivery is Delivery.UNKNOWN:
            retried = self._policy.resend_unknown or (self._repeatable and _may_pass(error))
            return self._backoff() if retried else None
        match error:
            case (
                ConnectionFailedError(refused_by_proxy=False) | RateLimitError(status_code=420, parallel=True)
            ):
                asked = None
            case RateLimitError(status_code=420):
                asked = seconds_until(error.until, error.headers, self._now())
            case RateLimitError() | ServerError():  # 429 and 503: the other 5xx are UNKNOWN
                asked = retry_after(error.headers, self._now())
                if asked is None and error.rate_limit and not error.rate_limit.remaining:
                    asked = seconds_until(error.rate_limit.until, error.headers, self._now())
            case _:
                return None
        return asked if asked is not None and asked > 0 else self._backoff()

    def _backoff(self) -> float:
        doublings = min(self.attempts - 1, 30)  # 2**31 exceeds any max_backoff, 2**1024 a float
        return self._uniform(0, min(self._policy.max_backoff, self._policy.backoff * 2**doublings))


def is_repeatable(request: httpx.Request) -> bool:
    """Return whether a request may be sent twice: it is a GET, or the contract says so."""
    return request.method == "GET" or request.extensions.get("repeatable") is True


def _may_pass(error: MarketError) -> bool:
    """Return whether a retry may succeed: after a timeout, a broken connection or an error of the server."""
    timed_out = isinstance(error, AnswerError) and error.status_code in {408, 499}
    return timed_out or isinstance(error, ConnectionLostError | ServerError)
