"""A scripted API for sync, asyncio and trio clients, and a clock that moves only while someone waits."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import anyio
import httpx
import pytest

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, RetryPolicy, SentMessage

Kind = Literal["sync", "asyncio", "trio"]
Outcome = httpx.Response | Exception

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TOKEN = "ACMA:someone:token"
TEXT = "Заказ уже в пути"
SUCCESS = b'{"status": "OK"}'
AT_ONCE = RetryPolicy(backoff=0, max_backoff=0)
"""Retries like the default policy, without waiting."""

every_client = pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])


class Clock:
    """Monotonic seconds that pass only in `sleep`.

    Attributes:
        seconds: The time.
        waits: How long each sleep took.
    """

    def __init__(self) -> None:
        """Start at any time other than zero."""
        self.seconds = 1000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.seconds += seconds


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces: chunks are yielded, exceptions raised, and callables called."""

    def __init__(self, *pieces: bytes | Exception | Callable[[], object]) -> None:
        """Store the pieces."""
        self._pieces = iter(pieces)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the chunks."""
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            if callable(piece):
                piece()
            else:
                yield piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Return the same chunks; trio would complain about an async generator that is not exhausted."""
        return _Pieces(iter(self))


class _Pieces(AsyncIterator[bytes]):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


def answer(status: int = 200, body: bytes = SUCCESS, **headers: str) -> httpx.Response:
    """Return a response whose body has not been read; `_` in the name of a header is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=Body(body))


def envelope(*messages: str) -> bytes:
    """Return the body of an error with these messages."""
    items = ", ".join(f'{{"code": "CODE", "message": "{message}"}}' for message in messages)
    return f'{{"status": "ERROR", "errors": [{items}]}}'.encode()


PARALLEL = envelope("Hit rate limit of 4 parallel requests for businessId 12345")
HOURLY = envelope("Hit rate limit of 1000 requests per 1 hour for resource x")
OVERLOADED = envelope("Service temporarily unavailable. Please, try again later")


def busy(**headers: str) -> httpx.Response:
    """Return the refusal of an overloaded API: a 503 that sent nothing, so it is retried."""
    return answer(503, OVERLOADED, **headers)


class Api:
    """The outcomes of the attempts in order, and the requests that they received."""

    def __init__(self, *outcomes: Outcome) -> None:
        """Store the outcomes."""
        self._outcomes = iter(outcomes)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Copy the request, because the original is reused, and return or raise the next outcome."""
        self.requests.append(
            httpx.Request(
                request.method,
                request.url,
                headers=request.headers,
                content=request.content,
                extensions={"timeout": dict(request.extensions["timeout"])},
            )
        )
        outcome = next(self._outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def closed_url() -> str:
    """Return the URL of a loopback port that refuses connections."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def settings(handler: Callable[[httpx.Request], Any], **changes: Any) -> dict[str, Any]:
    """Return the settings of a client whose requests go to the handler."""
    return {
        "business_id": 123456,
        "auth": ApiKey(TOKEN),
        "base_url": "https://api.example.test",
        "retries": AT_ONCE,
        "transport": httpx.MockTransport(handler),
        **changes,
    }


async def done(result: Any) -> Any:
    """Return the result of a call; await it first if the client is async."""
    return await result if isinstance(result, Awaitable) else result


def run_sync(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine that never suspends: one with calls of the sync client only."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("a call of an async client")


def use(
    kind: Kind, action: Callable[[Any], Any], handler: Callable[[httpx.Request], Any], **changes: Any
) -> Any:
    """Return the result of an action with a client, which is closed afterwards.

    An action that makes more than one call is a coroutine function. It awaits `done(…)` of each call, so that
    it works with all clients.
    """
    if kind == "sync":
        with MarketChats(**settings(handler, **changes)) as chats:
            return run_sync(done(action(chats)))

    async def main() -> Any:
        async with AsyncMarketChats(**settings(handler, **changes)) as chats:
            return await done(action(chats))

    return anyio.run(main, backend=kind)


def http_client(chats: Any) -> Any:
    """Return the httpx client below the generated client."""
    if isinstance(chats, MarketChats):
        return chats.client.get_httpx_client()
    return chats.client.get_async_httpx_client()


def send(
    kind: Kind,
    handler: Callable[[httpx.Request], Any],
    *,
    chat_id: Any = 42,
    message: Any = TEXT,
    **changes: Any,
) -> SentMessage:
    """Send one message."""
    sent = use(kind, lambda chats: chats.send_message(chat_id=chat_id, message=message), handler, **changes)
    assert isinstance(sent, SentMessage)
    return sent
