"""One call, attempt by attempt: which error it was, and whether to retry. Nothing here does I/O or waits."""

import random
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, Self, cast

import httpx

from ._credentials import Credentials
from ._errors import (
    AnswerError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketError,
    RateLimitError,
    ServerError,
    is_success,
)
from ._limits import BRIEF, RateLimit, retry_after, seconds_until
from ._outcomes import answer_error, failure_error, hour_used_up
from ._settings import RetryPolicy

MAX_BODY = 16 * 2**20
"""Bytes of a response that are read and decoded at most. A longer one counts by its status."""

SENTENCES = {
    Delivery.NOT_SENT: "Nothing was sent.",
    Delivery.UNKNOWN: "The message may have been sent: check the chat before sending it again.",
}
"""How an error, or the note on an exception that is not ours, ends."""

_CONNECTING = ("connection.", "proxy.", "socks.")
"""How the names of httpcore's trace events begin while it connects. Any other event may be the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt of a call, for metrics and tracing. It contains nothing secret.

    Attributes:
        number: Which attempt of its call this was, from 1.
        method: The HTTP method.
        path: The path of the URL, without the query, which names the chat.
        elapsed: Seconds from the start of the attempt, its wait for a slot excluded, to the whole response.
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
    """The state of one call: everything that the sync and async transports share and that does no I/O.

    When its block ends, the token is taken off the request, and an exception that is not ours gets a note,
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
        self.resource = f"{request.method} {request.url.path}"
        self._clock, self._now, self._uniform = clock, now, uniform
        self._end: float = clock() + request.extensions.get("deadline", policy.deadline)
        self._timeouts = request.extensions.get("timeout", httpx.Timeout(None).as_dict())
        self._repeatable = is_repeatable(request)
        self._maybe_sent = self._renewed = False
        self.attempts = 0
        self.response: httpx.Response | None = None
        self.rate_limit: RateLimit | None = None
        self.failure: Exception | None = None
        self.error: MarketError | None = None
        self._left: bool | None = False  # whether the request began to leave; None: no trace event said so
        self.connection: Any = None  # httpcore's, from the moment that it is established
        self._body = bytearray()
        self._answer: httpx.Response | None = None

    def __enter__(self) -> Self:
        """Start the call."""
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """End the call."""
        self.request.headers.pop(self._credentials.header, None)
        if error is not None and error is not self.error and not self._repeatable:
            delivery = self._delivery(in_doubt=self._left is not False)
            error.add_note("The message was sent." if self._answer else SENTENCES[delivery])

    @property
    def headers(self) -> httpx.Headers | None:
        """The headers of the attempt's response."""
        return None if self.response is None else self.response.headers

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self._end - self._clock())

    @property
    def slack(self) -> float:
        """Seconds within which another attempt may start."""
        return max(0.0, self.remaining - min(0.1 * self._policy.deadline, 1.0))

    def start(self, trace: Callable[[str, Mapping[str, Any]], Any]) -> None:
        """Prepare the request for an attempt; `trace` is called with the events of httpcore."""
        if not self.slack:
            self.give_up()
        self.response = self.failure = None
        self._body.clear()
        self.request.headers[self._credentials.header] = self._token()
        self.request.extensions.setdefault("trace", trace)
        left = max(self.remaining, 0.001)  # 0 would mean not to block
        timeouts = self._timeouts.items()
        self.request.extensions["timeout"] = {k: left if v is None else min(v, left) for k, v in timeouts}
        self._left, self._started = None, self._clock()

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Keep a new connection; note that the request begins to leave, or raise if it is too late."""
        if event.endswith("connect_tcp.complete"):
            self.connection = info["return_value"]
        if self._left or not event.endswith(".started"):
            return
        to_proxy = getattr(info.get("request"), "method", None) == b"CONNECT"
        self._left = not (to_proxy or event.startswith(_CONNECTING) or event.endswith("closed.started"))
        if self._left and not self.slack:
            self._left = False
            raise httpx.ConnectTimeout("no time is left for the response")
        if self._left:  # each further event would cost time
            self.request.extensions.pop("trace", None)

    async def atrace(self, event: str, info: Mapping[str, Any]) -> None:
        """Do the same as `trace`, as a coroutine function: httpcore awaits it in a task."""
        self.trace(event, info)

    def arrived(self, response: httpx.Response) -> None:
        """Keep a response whose body is still to be read."""
        self.response, self._left = response, True

    def reads_on(self, chunk: bytes) -> bool:
        """Keep a chunk of the body as it came; return whether to read the next one."""
        self._body += chunk
        if self.remaining:
            return len(self._body) < MAX_BODY
        if not is_success(httpx.codes.OK, self._body):
            raise httpx.ReadTimeout("the deadline passed")
        return False

    def judge(self) -> float | None:
        """Decide what follows: return the seconds until the next attempt, or `None` if this was the last."""
        self.attempts += 1
        self.elapsed = self._clock() - self._started
        self.rate_limit = None if self.response is None else RateLimit.from_headers(self.response.headers)
        self.error = error = self._find_error()
        self._left = False
        if error is None:
            return None
        wait = self._wait(error)
        error.delivery = self._delivery(in_doubt=error.delivery is Delivery.UNKNOWN)
        self._maybe_sent = error.delivery is Delivery.UNKNOWN
        fits = wait is not None and wait < self.slack and self.attempts < self._policy.max_attempts
        return wait if fits else None

    def pause(self, wait: float) -> float:
        """Return the seconds to wait, or raise if the deadline comes first."""
        if wait >= self.slack:
            if wait > BRIEF and self.error is None:
                self.fail(hour_used_up(self._now() + timedelta(seconds=wait)))
            self.give_up()
        return wait

    def answer(self) -> httpx.Response:
        """Return the successful response, or raise the error of the last attempt."""
        if self._answer is None:
            self.give_up()
        return self._answer

    def give_up(self) -> NoReturn:
        """Raise the error of the last attempt, or say that there was no time for a first one."""
        self.fail(
            self.error
            or ConnectionFailedError(
                "The deadline passed before the first attempt could start. Send fewer requests at once, or"
                " allow more time."
                " If the limits are shared, check that they are available."
            )
        )

    def fail(self, error: MarketError) -> NoReturn:
        """Raise an error, with the attempts, and with what became of the message."""
        self.error = error
        error.attempts = self.attempts
        error.delivery = self._delivery(in_doubt=error.delivery is Delivery.UNKNOWN)
        text = f"{error.args[0]} {SENTENCES[error.delivery]}" if not self._repeatable else error.args[0]
        # An error that is rebuilt from its `args` must know that the message may have been sent.
        error.args = (text,) if error.delivery is Delivery.NOT_SENT else (text, error.delivery.value)
        raise error from self.failure

    def _delivery(self, *, in_doubt: bool) -> Delivery:
        doubt = (in_doubt or self._maybe_sent) and not self._repeatable
        return Delivery.UNKNOWN if doubt else Delivery.NOT_SENT

    def _token(self) -> str:
        try:
            return self._credentials.value()
        except ConfigurationError as error:
            self.fail(error)

    def _find_error(self) -> MarketError | None:
        """Return the error of the attempt, or keep its successful response and return `None`."""
        response, failure = self.response, self.failure
        if response is None or (failure is not None and response.is_success):
            return failure_error(cast("Exception", failure), self.request, left=self._left)
        body = _decode(self._body, response.headers.get("Content-Encoding", "identity"))
        if not is_success(response.status_code, body):
            return answer_error(response.status_code, response.headers, body)
        extensions = {**response.extensions, "attempts": self.attempts, "rate_limit": self.rate_limit}
        self._answer = httpx.Response(
            200, headers=response.headers, stream=httpx.ByteStream(body), extensions=extensions
        )
        self._answer.headers.pop("Content-Encoding", None)
        return None

    def _wait(self, error: MarketError) -> float | None:
        """Return the seconds to wait before a retry; `None` if the error must not be retried."""
        rejected = isinstance(error, AnswerError) and error.status_code in self._credentials.rejected
        # In place, because error trackers record local variables, and the callable may raise.
        if rejected and not self._renewed and self.request.headers[self._credentials.header] != self._token():
            self._renewed = True
            return 0.0
        if error.delivery is Delivery.UNKNOWN:
            retried = self._policy.resend_unknown or (self._repeatable and _may_pass(error))
            return self._backoff() if retried else None
        match error:
            case ConnectionFailedError(refused=False) | RateLimitError(status_code=420, parallel=True):
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
    """Return whether a retry may bring a readable answer: the connection broke, or the server failed."""
    timed_out = isinstance(error, AnswerError) and error.status_code in {408, 499}
    return timed_out or isinstance(error, ConnectionLostError | ServerError)


def _decode(body: bytes | bytearray, encoding: str) -> bytes:
    """Return the decoded body; an empty one if it cannot be decoded, so that the status alone counts."""
    if encoding.strip().lower() in {"", "identity"}:
        return bytes(body)
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_BODY)  # gzip or zlib
    except zlib.error:
        return b""
