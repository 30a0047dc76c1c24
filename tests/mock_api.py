"""An API that is not there: it gives the answers it was told to, to clients of all three kinds."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any, Literal

import anyio
import httpx
import pytest

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, RetryPolicy, SentMessage

Kind = Literal["sync", "asyncio", "trio"]
Outcome = httpx.Response | Exception

TOKEN = "ACMA:somebody:token"
TEXT = "Заказ уже в пути"
SUCCESS = b'{"status": "OK"}'
AT_ONCE = RetryPolicy(backoff=0, max_backoff=0)
"""Repeats as the default does, without a pause."""

every_client = pytest.mark.parametrize("kind", ["sync", "asyncio", "trio"])


class Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body in pieces; an exception among them is where it breaks off, a callable is what happens there."""

    def __init__(self, *pieces: bytes | Exception | Callable[[], object]) -> None:
        """Take the pieces."""
        self._pieces = iter(pieces)

    def __iter__(self) -> Iterator[bytes]:
        """Give one piece after the other."""
        for piece in self._pieces:
            if isinstance(piece, Exception):
                raise piece
            if callable(piece):
                piece()
            else:
                yield piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Give the same; a generator that is not read to its end would leave its closing to trio."""
        return _Pieces(iter(self))


class _Pieces(AsyncIterator[bytes]):
    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    async def __anext__(self) -> bytes:
        for piece in self._pieces:
            return piece
        raise StopAsyncIteration


def answer(status: int = 200, body: bytes = SUCCESS, **headers: str) -> httpx.Response:
    """Make an answer whose body is still to be read, as it is off the wire; `_` in a name is a hyphen."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.Response(status, headers=named, stream=Body(body))


def envelope(*messages: str) -> bytes:
    """Make the body of an error with these messages."""
    items = ", ".join(f'{{"code": "CODE", "message": "{message}"}}' for message in messages)
    return f'{{"status": "ERROR", "errors": [{items}]}}'.encode()


class Api:
    """Outcomes in the order of the attempts, and what every attempt carried."""

    def __init__(self, *outcomes: Outcome) -> None:
        """Take what the attempts come to."""
        self._outcomes = iter(outcomes)
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Keep a copy of the request, for the original is used again, and give the next outcome."""
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
    """Give the URL of a port of loopback where nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{unused.getsockname()[1]}"


def settings(handler: Callable[[httpx.Request], Any], **changes: Any) -> dict[str, Any]:
    """Give the settings of a client over the handler."""
    return {
        "business_id": 123456,
        "auth": ApiKey(TOKEN),
        "base_url": "https://api.example.test",
        "retries": AT_ONCE,
        "transport": httpx.MockTransport(handler),
        **changes,
    }


def use(
    kind: Kind, action: Callable[[Any], Any], handler: Callable[[httpx.Request], Any], **changes: Any
) -> Any:
    """Do something with a client of that kind over the handler, and close the client."""
    if kind == "sync":
        with MarketChats(**settings(handler, **changes)) as chats:
            return action(chats)

    async def main() -> Any:
        async with AsyncMarketChats(**settings(handler, **changes)) as chats:
            done = action(chats)
            return await done if isinstance(done, Awaitable) else done

    return anyio.run(main, backend=kind)


def send(
    kind: Kind,
    handler: Callable[[httpx.Request], Any],
    *,
    chat_id: Any = 42,
    message: Any = TEXT,
    **changes: Any,
) -> SentMessage:
    """Send one message from a client of that kind."""
    sent = use(kind, lambda chats: chats.send_message(chat_id=chat_id, message=message), handler, **changes)
    assert isinstance(sent, SentMessage)
    return sent
