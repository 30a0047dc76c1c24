"""One request and what comes of it, attempt by attempt: all that the two clients do without waiting."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import NoReturn, cast

import httpx

from yandex_market_chats._answers import answer_error, carried_out, failure_error
from yandex_market_chats._attempts import Attempt, log_attempt
from yandex_market_chats._credentials import Credentials
from yandex_market_chats._errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    MarketError,
)
from yandex_market_chats._limits import RateLimit
from yandex_market_chats._policy import Call, RetryPolicy
from yandex_market_chats._wire import Wire

ATTEMPTS = "X-Attempts"
"""A header put on the answer: of all that httpx answers, the generated `Response` hands on no more."""


class Exchange:
    """One request on its way; every attempt sends it."""

    def __init__(
        self, request: httpx.Request, credentials: Credentials, policy: RetryPolicy, wire: type[Wire]
    ) -> None:
        self.call = Call(policy)
        self._request = request
        self._credentials = credentials
        self._wire = wire(self.call, request)
        self._timeouts = request.extensions.get("timeout", httpx.Timeout(None).as_dict())
        self._error: MarketError | None = None
        self._failure: Exception | None = None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Hold an attempt: the block sends the request."""
        if not self.call.slack:
            self.give_up()
        self._began = time.monotonic()
        self._failure = None
        self._request.extensions["timeout"] = {
            phase: self.call.cut(seconds) for phase, seconds in self._timeouts.items()
        }
        try:
            with self._wire.attempt():
                yield
        except ConfigurationError as error:  # this was no attempt
            self.call.wait_after(error)
            raise
        except Exception as failure:  # noqa: BLE001 -- of whatever library: it becomes the cause of ours
            self._credentials.mask(self._request, failure)
            self._failure = failure
        self.call.attempts += 1

    def judge(self) -> Attempt:
        """Decide what becomes of the call after an attempt, and log it."""
        wait = None
        self._error = error = self._find_error()
        if error is not None:
            renewed = isinstance(error, AuthenticationError) and self._credentials.renewed(self._request)
            wait = self.call.wait_after(error, renewed=renewed)
        # The exceptions of httpx, which become causes of ours, carry the request.
        self._request.headers.pop(self._credentials.header, None)
        response = self._wire.response
        attempt = Attempt(
            number=self.call.attempts,
            method=self._request.method,
            path=self._request.url.path,
            elapsed=time.monotonic() - self._began,
            status_code=None if response is None else response.status_code,
            rate_limit=None if response is None else RateLimit.from_headers(response.headers),
            error=None if error is None else type(error).__name__,
            delivery=None if error is None else error.delivery,
            wait=wait,
        )
        log_attempt(attempt)
        return attempt

    def pause(self, wait: float) -> float:
        """Return the seconds to wait; give up when a hook took so long that they do not fit any more."""
        if wait >= self.call.slack:
            self.give_up()
        return wait

    def answer(self) -> httpx.Response:
        """Return the answer of the last attempt, or raise what became of it."""
        if self._error is not None:
            self.give_up()
        response = cast("httpx.Response", self._wire.response)
        response.headers[ATTEMPTS] = str(self.call.attempts)
        return response

    def give_up(self) -> NoReturn:
        """Raise what became of the last attempt, or that there was no time for a first one."""
        if self._error is None:
            self._error = ConnectionFailedError(
                "The deadline came before the first attempt could begin. Send less at a time, or set a later"
                " deadline."
            )
        raise self._error from self._failure

    def _find_error(self) -> MarketError | None:
        response, failure = self._wire.response, self._failure
        if response is None or (failure is not None and response.is_success):
            return failure_error(cast("Exception", failure), left=self._wire.left)
        body = b"" if failure is not None else response.content
        if carried_out(response.status_code, body):
            return None
        masked = partial(self._credentials.masked, self._request)
        headers = httpx.Headers([(name, masked(value)) for name, value in response.headers.raw])
        return answer_error(response.status_code, headers, masked(body), header=self._credentials.header)
