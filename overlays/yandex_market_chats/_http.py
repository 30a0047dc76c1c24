"""The httpx clients below the generated one: what they send is sent as the policy says.

`send()` takes a place among the requests in flight, makes an attempt, has it judged, and waits and begins
again, or raises. It knows no endpoint. Repeating lives here and not in a transport, because a transport sees
neither the credentials nor a body that breaks off.
"""

import copy
import inspect
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, TypeVar

import anyio
import httpx
import sniffio

from yandex_market_chats._attempts import hook_cannot_fail
from yandex_market_chats._errors import ConfigurationError, InvalidRequestError
from yandex_market_chats._exchange import Exchange
from yandex_market_chats._settings import Settings
from yandex_market_chats._wire import AsyncWire, SyncWire, Wire, keep, keep_async

GRACE = 0.1
"""Seconds after the deadline in which the time-outs of httpx, which tell more, can end a task's attempt."""

C = TypeVar("C", "SyncHTTP", "AsyncHTTP")


class _NoCookies(httpx.Cookies):
    """A jar that takes nothing out of answers: the API has no sessions, and looking takes time."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Take nothing."""


class SyncHTTP(httpx.Client):
    """The `httpx.Client` that sends as its settings say."""

    def __init__(self, settings: Settings, transport: httpx.BaseTransport | None) -> None:
        if inspect.iscoroutinefunction(settings.on_attempt):
            raise ConfigurationError("on_attempt must be a plain function here; AsyncMarketChats awaits one.")
        super().__init__(**settings.httpx_options(), transport=transport, event_hooks={"response": [keep]})
        self.settings = settings
        self.owner = self
        self._cookies = _NoCookies()
        self._places = threading.Semaphore(settings.max_parallel)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request as httpx does, but sooner."""
        return super().build_request(method, _whole_url(self, url, options), **options)

    def send(
        self, request: httpx.Request, *, auth: Any = httpx.USE_CLIENT_DEFAULT, **_ignored: Any
    ) -> httpx.Response:
        """Send the request, and repeat it as the policy says.

        The answer is always read, for it decides what comes next; a redirect is never followed.

        Raises:
            MarketError: The request was not carried out, or it is not known whether it was.
        """
        exchange = _exchange(self, request, SyncWire)
        while True:
            if not self._places.acquire(timeout=exchange.call.slack):
                exchange.give_up()
            try:
                with exchange.attempt():
                    _refuse_closed(self)
                    super().send(request, auth=auth, follow_redirects=False)
            finally:
                self._places.release()
            attempt = exchange.judge()
            if self.settings.on_attempt:
                with hook_cannot_fail():
                    self.settings.on_attempt(attempt)
            if attempt.wait is None:
                return exchange.answer()
            time.sleep(exchange.pause(attempt.wait))

    def close(self) -> None:
        """Close the connections; a view leaves that to the client that it is a view of."""
        if self is self.owner:
            super().close()


class AsyncHTTP(httpx.AsyncClient):
    """The `httpx.AsyncClient` that sends as its settings say."""

    def __init__(self, settings: Settings, transport: httpx.AsyncBaseTransport | None) -> None:
        super().__init__(
            **settings.httpx_options(), transport=transport, event_hooks={"response": [keep_async]}
        )
        self.settings = settings
        self.owner = self
        self._cookies = _NoCookies()
        self._places = anyio.Semaphore(settings.max_parallel, fast_acquire=True)

    def build_request(self, method: str, url: httpx.URL | str, **options: Any) -> httpx.Request:
        """Build a request as httpx does, but sooner."""
        return super().build_request(method, _whole_url(self, url, options), **options)

    async def send(
        self, request: httpx.Request, *, auth: Any = httpx.USE_CLIENT_DEFAULT, **_ignored: Any
    ) -> httpx.Response:
        """Send the request, and repeat it as the policy says.

        The answer is always read, for it decides what comes next; a redirect is never followed.

        Raises:
            MarketError: The request was not carried out, or it is not known whether it was.
        """
        exchange = _exchange(self, request, AsyncWire)
        while True:
            await self._take_place(exchange)
            try:
                with exchange.attempt(), _library_told():
                    _refuse_closed(self)
                    with anyio.move_on_after(exchange.call.remaining + GRACE) as scope:
                        await super().send(request, auth=auth, follow_redirects=False)
                    if scope.cancelled_caught:
                        raise httpx.ReadTimeout("the deadline has passed", request=request)
            finally:
                self._places.release()
            attempt = exchange.judge()
            if self.settings.on_attempt:
                with hook_cannot_fail():
                    told = self.settings.on_attempt(attempt)
                    if inspect.isawaitable(told):
                        await told
            if attempt.wait is None:
                return exchange.answer()
            await anyio.sleep(exchange.pause(attempt.wait))

    async def aclose(self) -> None:
        """Close the connections; a view leaves that to the client that it is a view of."""
        if self is self.owner:
            await super().aclose()

    async def _take_place(self, exchange: Exchange) -> None:
        try:
            self._places.acquire_nowait()
        except anyio.WouldBlock:
            with anyio.move_on_after(exchange.call.slack):
                await self._places.acquire()
                return
            exchange.give_up()


def view_of(client: C, settings: Settings) -> C:
    """Give a client with other settings over the same connections and places."""
    view = copy.copy(client)
    view.settings = settings
    view.timeout = settings.timeout
    return view


def _whole_url(
    client: SyncHTTP | AsyncHTTP, url: httpx.URL | str, options: dict[str, Any]
) -> httpx.URL | str:
    """Put the path of a generated function, and its parameters, behind the base URL.

    It comes to what httpx would make of them, but httpx would parse a URL three times for every message.
    """
    if not isinstance(url, str) or not url.startswith("/") or set("?#") & set(url) or client.params:
        return url
    query = httpx.QueryParams(options.pop("params", None))
    whole = f"{client.settings.base}/{url.lstrip('/')}"
    return _parse_url(f"{whole}?{query}" if query else whole)


# A conversation takes several messages, and to parse the URL of each takes a quarter of a call in memory.
_parse_url = lru_cache(maxsize=128)(httpx.URL)


def _exchange(client: SyncHTTP | AsyncHTTP, request: httpx.Request, wire: type[Wire]) -> Exchange:
    """Begin an exchange, unless the request would carry the credentials elsewhere."""
    here, there = client.base_url, request.url
    if (here.scheme, here.netloc) != (there.scheme, there.netloc):
        raise InvalidRequestError(f"The credentials are for {here.host} and go nowhere else.")
    return Exchange(request, client.settings.credentials, client.settings.retries, wire)


def _refuse_closed(client: SyncHTTP | AsyncHTTP) -> None:
    """Stop an attempt of a client that was closed, maybe since the last one; a view ends with its owner."""
    if client.owner.is_closed:
        raise ConfigurationError("This client is closed: make a new one, or close it later.")


@contextmanager
def _library_told() -> Iterator[None]:
    """Tell sniffio what runs the task: httpcore and anyio ask thirty times a call, and it would look anew."""
    told = sniffio.current_async_library_cvar.set(sniffio.current_async_library())
    try:
        yield
    finally:
        sniffio.current_async_library_cvar.reset(told)
