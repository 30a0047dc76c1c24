"""The transports that retry: every request of a client goes through one of them.

A retrying transport wraps transports of httpx. For each attempt it waits for a slot, sends the request with
the token, and reads the whole response; a `Call` decides what follows. The layers above, httpx's client and
the generated functions, see successful responses and errors only.
"""

import copy
import inspect
import logging
import ssl
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, closing, nullcontext
from typing import Any, ClassVar, Self, TypeVar

import anyio
import anyio.to_thread
import httpx

from ._credentials import Credentials
from ._errors import ConfigurationError, InvalidRequestError
from ._exchange import Exchange
from ._limits import BRIEF, HourlyLimits, Limits, Slots, new_slot
from ._retry import Attempt, Call
from ._settings import RetryPolicy, transport_options

logger = logging.getLogger("yandex_market_chats")
logger.addHandler(logging.NullHandler())

GRACE = 0.1
"""Seconds after the deadline in which httpx's own timeouts, which are more specific, may end an attempt."""

HTTPX_ERRORS = (httpx.HTTPError, httpx.StreamError, ssl.SSLError)
"""What becomes a `MarketError`: all else propagates. Under asyncio, httpcore lets TLS errors through."""

R = TypeVar("R")


class _Retrying:
    """The part that both transports share."""

    _network: ClassVar[Any]
    _slots: Any

    def __init__(
        self,
        *,
        transport: Any,
        base_url: httpx.URL,
        credentials: Credentials,
        policy: RetryPolicy,
        limits: Limits | None,
        on_attempt: Callable[[Attempt], Any] | None,
    ) -> None:
        self._transport, self._base_url, self._credentials = transport, base_url, credentials
        self.policy, self._on_attempt = policy, on_attempt
        self._limits = HourlyLimits() if limits is None else limits
        self._options = transport_options(base_url) if transport is None else {}
        self._closed = threading.Event()

    def view(self, policy: RetryPolicy) -> Self:
        """Return a transport with another policy, but the same slots and limits; closing one closes both."""
        view = copy.copy(self)
        view.policy = policy
        return view

    def _open(self) -> Any:
        """Return the transport for one attempt: the user's, or a new one for this attempt alone."""
        return self._network(**self._options) if self._transport is None else self._transport

    def _call(self, request: httpx.Request) -> Call:
        call = Call(request, self._credentials, self.policy)
        here, there = self._base_url, request.url
        if self._closed.is_set():
            call.fail(ConfigurationError("This client has been closed."))
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            call.fail(InvalidRequestError(f"Refusing to send credentials for {here.host} to another host."))
        return call


class _Network(httpx.HTTPTransport):
    """The network for one attempt. Its pool needs no lock: a lock hangs if a signal handler raises in it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._pool._optional_thread_lock = nullcontext()  # type: ignore[assignment] # noqa: SLF001


class RetryingTransport(_Retrying, httpx.BaseTransport):
    """Retries for threads."""

    _network = _Network

    def __init__(self, *, max_parallel: int, **settings: Any) -> None:
        hook = settings["on_attempt"]
        call = getattr(hook, "__call__", None)  # noqa: B004 -- it may be a coroutine function, too
        if inspect.iscoroutinefunction(hook) or inspect.iscoroutinefunction(call):
            raise ConfigurationError(
                "on_attempt must not be a coroutine function: use AsyncMarketChats for that."
            )
        super().__init__(**settings)
        self._slots = Slots(max_parallel)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request until it succeeds or the policy says to stop."""
        with self._call(request) as call:
            request.read()  # a stream can be sent only once
            while True:
                made = self._attempt(call)
                if not isinstance(made, Exchange):
                    time.sleep(call.pause_for_hour(made))
                    continue
                attempt = call.judge(made)
                _log(attempt)
                if self._on_attempt is not None:
                    try:
                        self._on_attempt(attempt)
                    except Exception as error:  # noqa: BLE001 -- delivering the message matters more
                        _log_hook_error(error)
                if attempt.wait is None:
                    return call.answer()
                time.sleep(call.pause(attempt.wait))

    def close(self) -> None:
        """Refuse new calls, and close the user's transport."""
        if not self._closed.is_set():
            self._closed.set()
            if self._transport is not None:
                self._transport.close()

    def _attempt(self, call: Call) -> Exchange | float:
        """Make an attempt in a slot; return its exchange, or the seconds until a used-up hour ends."""
        ticket, slot = threading.Lock(), new_slot()  # one for the local slots, one for the limits
        released = False
        try:
            try:
                if not self._slots.wait(ticket, call.deadline.slack):
                    call.give_up()
                return self._attempt_in_slot(call, slot)
            finally:
                self._release(call, ticket, slot)
                released = True
        except BaseException:
            if not released:  # a signal handler or a time limit interrupted the release
                self._release(call, ticket, slot)
            raise

    def _attempt_in_slot(self, call: Call, slot: str) -> Exchange | float:
        while wait := self._limits.take(slot, call.resource):
            if wait > BRIEF:
                return wait
            time.sleep(call.pause(wait))
        exchange = call.start(Exchange.trace)
        try:
            response = self._open().handle_request(call.request)
            exchange.arrived(response)
            with closing(response):
                for chunk in response.stream:
                    if not exchange.reads_on(chunk):
                        break
        except HTTPX_ERRORS as failure:
            exchange.failed(failure)
        return exchange

    def _release(self, call: Call, ticket: threading.Lock, slot: str) -> None:
        """Return both slots, whether they were taken or not."""
        try:
            self._limits.give_back(slot, call.resource, call.headers)
        finally:
            self._slots.leave(ticket)


class AsyncRetryingTransport(_Retrying, httpx.AsyncBaseTransport):
    """Retries for tasks, whose attempts are cancelled at the deadline."""

    _network = httpx.AsyncHTTPTransport

    def __init__(self, *, max_parallel: int, **settings: Any) -> None:
        super().__init__(**settings)
        self._slots = anyio.Semaphore(max_parallel, fast_acquire=True)
        self._limiter = anyio.CapacityLimiter(max_parallel)
        shared = not isinstance(self._limits, HourlyLimits)  # HourlyLimits never block: they need no threads
        self._threads = [ThreadPoolExecutor(1) for _ in range(max_parallel if shared else 0)]

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request until it succeeds or the policy says to stop."""
        with self._call(request) as call:
            await request.aread()  # a stream can be sent only once
            while True:
                made = await self._attempt(call)
                if not isinstance(made, Exchange):
                    await anyio.sleep(call.pause_for_hour(made))
                    continue
                attempt = call.judge(made)
                _log(attempt)
                if self._on_attempt is not None:
                    try:
                        result = self._on_attempt(attempt)
                        if inspect.isawaitable(result):
                            await result
                    except Exception as error:  # noqa: BLE001 -- delivering the message matters more
                        _log_hook_error(error)
                if attempt.wait is None:
                    return call.answer()
                await anyio.sleep(call.pause(attempt.wait))

    async def aclose(self) -> None:
        """Refuse new calls, and close the user's transport."""
        if not self._closed.is_set():
            self._closed.set()
            if self._transport is not None:
                await self._transport.aclose()

    async def _attempt(self, call: Call) -> Exchange | float:
        """Make an attempt in a slot; return its exchange, or the seconds until a used-up hour ends."""
        try:
            self._slots.acquire_nowait()  # a cancel scope costs more than the rest of this method
        except anyio.WouldBlock:
            with anyio.move_on_after(call.deadline.slack) as scope:
                await self._slots.acquire()
            if scope.cancelled_caught:
                call.give_up()
        try:
            return await self._attempt_in_slot(call)
        finally:
            self._slots.release()

    async def _attempt_in_slot(self, call: Call) -> Exchange | float:
        slot = new_slot()
        try:
            while wait := await self._ask(self._limits.take, slot, call.resource):
                if wait > BRIEF:
                    return wait
                await anyio.sleep(call.pause(wait))
            exchange = call.start(Exchange.atrace)
            try:
                await self._send(call, exchange)
            except HTTPX_ERRORS as failure:
                exchange.failed(failure)
            return exchange
        finally:
            await self._ask(self._limits.give_back, slot, call.resource, call.headers)

    async def _send(self, call: Call, exchange: Exchange) -> None:
        with anyio.move_on_after(call.deadline.remaining + GRACE) as scope:
            try:
                response = await self._open().handle_async_request(call.request)
                exchange.arrived(response)
                async with aclosing(response):
                    async for chunk in response.stream:
                        if not exchange.reads_on(chunk):
                            break
            except BaseException:
                if self._transport is None and exchange.connection is not None:
                    with anyio.CancelScope(shield=True):  # httpcore leaks it if a TLS handshake is cancelled
                        await exchange.connection.aclose()
                raise
        if scope.cancelled_caught:
            raise httpx.ReadTimeout("the deadline passed")

    async def _ask(self, method: Callable[..., R], slot: str, *arguments: Any) -> R:
        """Call a method of the limits, in a thread unless they never block.

        All work for a slot is queued in the same thread before anything is awaited. So wherever a task is
        cancelled, its slot is returned, and never before it was taken.
        """
        if isinstance(self._limits, HourlyLimits):
            return method(slot, *arguments)
        future = self._threads[hash(slot) % len(self._threads)].submit(method, slot, *arguments)
        return await anyio.to_thread.run_sync(future.result, abandon_on_cancel=True, limiter=self._limiter)


def _log(attempt: Attempt) -> None:
    """Log an attempt: as a warning if it is retried, otherwise for debugging."""
    if attempt.wait is None:
        logger.debug("%s", attempt)
    else:
        logger.warning("%s; trying again in %.3f s", attempt, attempt.wait)


def _log_hook_error(error: Exception) -> None:
    """Log an error of `on_attempt` with the frames of the hook, but without ours."""
    traceback = error.__traceback__ and error.__traceback__.tb_next
    logger.error("on_attempt raised an exception; the call goes on", exc_info=(type(error), error, traceback))
