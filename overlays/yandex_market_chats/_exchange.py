"""One request and what comes of it, attempt by attempt: all that the two clients do without waiting."""

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import cast

import httpx

from yandex_market_chats._answers import answer_error, failure_error
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

BODY_LIMIT = 128 * 1024
"""How many bytes of an answer are read, as they travel. An envelope has a few hundred."""


class AnswerHeaders(httpx.Headers):
    """The headers of an answer: the one part of it that the generated `Response` hands on as it is.

    Attributes:
        attempt: The attempt that the answer ended.

    """

    attempt: Attempt


class Exchange:
    """One request on its way.

    Args:
        request: The request; every attempt sends it.
        credentials: What the attempts carry.
        policy: When an attempt is repeated.

    """

    def __init__(self, request: httpx.Request, credentials: Credentials, policy: RetryPolicy) -> None:
        self.call = Call(policy)
        self._request = request
        self._credentials = credentials
        self._timeouts = request.extensions.get("timeout", httpx.Timeout(None).as_dict())
        self._response: httpx.Response | None = None
        self._failure: httpx.RequestError | None = None
        self._body = b""
        self._error: MarketError | None = None

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Hold an attempt: the block sends the request, gives the answer to `watch` and reads it."""
        self.call.attempts += 1
        self._response, self._failure, self._body = None, None, b""
        self._began = time.monotonic()
        remaining = self.call.remaining
        self._request.extensions["timeout"] = {
            phase: remaining if seconds is None else min(seconds, remaining)
            for phase, seconds in self._timeouts.items()
        }
        try:
            yield
        except httpx.RequestError as failure:
            self._failure = failure
        except ConfigurationError as error:  # a callable gave no token, so this was no attempt
            self.call.attempts -= 1
            self.call.wait_after(error)
            raise

    def watch(self, response: httpx.Response) -> httpx.Response:
        """Take an answer whose body is still to be read, and read along."""
        self._response = response
        response.stream = _Watched(response.stream, self)
        return response

    def read(self, chunk: bytes) -> None:
        """Take a piece of the body as it came over the wire.

        Raises:
            httpx.ReadError: The body is too long.
            httpx.ReadTimeout: The deadline has passed.

        """
        # The first piece, which mostly is all, is never too late: it may say that the message was sent.
        if self._body and not self.call.remaining:
            raise httpx.ReadTimeout("the deadline has passed", request=self._request)
        self._body += chunk
        if len(self._body) > BODY_LIMIT:
            raise httpx.ReadError(f"the answer is longer than {BODY_LIMIT} bytes", request=self._request)

    def judge(self) -> Attempt:
        """Decide what becomes of the call after an attempt, and log it."""
        response, wait = self._response, None
        self._error = error = self._find_error()
        if error is not None:
            renewed = isinstance(error, AuthenticationError) and self._credentials.renewed(self._request)
            wait = self.call.wait_after(error, renewed=renewed)
        # The exceptions of httpx, which become causes of ours, carry the request.
        self._request.headers.pop(self._credentials.header, None)
        self._attempt = Attempt(
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
        log_attempt(self._attempt)
        return self._attempt

    def answer(self) -> httpx.Response:
        """Return the answer of the last attempt, or raise what became of it."""
        if self._error is not None:
            raise self._error from self._failure
        response = cast("httpx.Response", self._response)
        response.headers = headers = AnswerHeaders(response.headers)
        headers.attempt = self._attempt
        return response

    def no_place(self) -> MarketError:
        """Give the error of a call whose deadline passed before it had a place among those in flight."""
        error = ConnectionFailedError(
            "The deadline passed while other requests of this client were in flight. Send less at a time, or"
            " set a later deadline."
        )
        self.call.wait_after(error)
        return error

    def _find_error(self) -> MarketError | None:
        failure = self._failure
        if failure is not None and (self._response is None or self._response.is_success):
            return failure_error(failure)
        response = cast("httpx.Response", self._response)
        body = response.content if failure is None else self._body
        return answer_error(response.status_code, response.headers, body, header=self._credentials.header)


class _Watched(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of an answer, read along by an exchange.

    What the exchange raises goes up through all the iterators of httpx and so ends them, which leaving a
    loop over them would not.
    """

    def __init__(self, stream: httpx.SyncByteStream | httpx.AsyncByteStream, exchange: Exchange) -> None:
        self._stream = stream
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        for chunk in cast("httpx.SyncByteStream", self._stream):
            self._exchange.read(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in cast("httpx.AsyncByteStream", self._stream):
            self._exchange.read(chunk)
            yield chunk

    def close(self) -> None:
        cast("httpx.SyncByteStream", self._stream).close()

    async def aclose(self) -> None:
        await cast("httpx.AsyncByteStream", self._stream).aclose()
