"""An attempt on the wire: whether the request began to leave, what answered, and the deadline of a thread.

httpcore tells of both by its extension `trace`. Whether the request began to leave decides between NOT_SENT
and UNKNOWN before the kind of an exception does: a proxy that breaks raises the same ones as a server.

httpx bounds each phase of an attempt, and httpcore gives every reading of an answer's head the same
time-out: a server that sends byte by byte, each of them in time, could hold a call for ever. A task is simply
cancelled then. A thread cannot be, so each operation of its connection is cut to what is left of the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast

import httpx

from yandex_market_chats._policy import Call

if TYPE_CHECKING:
    from ssl import SSLContext

_NEW_STREAM = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")
# All else is taken for a request that leaves: the safe reading of an event that is not known here.
_NOTHING_LEAVES = (
    *(".connect_tcp.started", ".connect_unix_socket.started", ".setup_socks5_connection.started"),
    *(".start_tls.started", ".retry.started", ".response_closed.started", ".complete", ".failed"),
)

# Not an attribute of the connection: calls can share one, over HTTP/2 with a transport of the user's.
_wire: ContextVar[Wire | None] = ContextVar("wire", default=None)


class Wire:
    """Follows the attempts of a call onto the wire, unless its request has a `trace` of its own.

    Attributes:
        call: The call, which knows what is left of its deadline.
        left: Whether the request began to leave; `None` when the transport does not tell.
        response: The answer, as soon as its head is there; `None` before.
    """

    def __init__(self, call: Call, request: httpx.Request) -> None:
        self.call = call
        self.left: bool | None = None
        self.response: httpx.Response | None = None
        self._extensions = request.extensions
        self._tells = "trace" not in self._extensions

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Follow an attempt."""
        self.left, self.response = None, None
        if self._tells:
            self._extensions["trace"] = self
        outer = _wire.set(self)
        try:
            yield
        finally:
            _wire.reset(outer)

    def note(self, event: str, info: Mapping[str, Any]) -> None:
        """Note whether the request begins to leave.

        Raises:
            httpx.ConnectTimeout: It would, but there is no time left for the answer.
        """
        to_proxy = getattr(info.get("request"), "method", None) == b"CONNECT"
        if to_proxy or event.endswith(_NOTHING_LEAVES):
            self.left = self.left or False
        elif not self.left:
            if not self.call.slack:
                raise httpx.ConnectTimeout("no time is left for the answer")
            self.left = True
            del self._extensions["trace"]  # for to be told more takes time


class SyncWire(Wire):
    """The wire of a thread."""

    def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Take hold of a new connection, which is a `NetworkStream` of httpcore."""
        self.note(event, info)
        if event.endswith(_NEW_STREAM):
            _hold(info["return_value"])


class AsyncWire(Wire):
    """The wire of a task."""

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Note what happens."""
        self.note(event, info)


def keep(response: httpx.Response) -> None:
    """Keep an answer before httpx reads its `Location` and its body, which may raise: its status counts."""
    cast("Wire", _wire.get()).response = response


async def keep_async(response: httpx.Response) -> None:
    """Keep an answer, as `keep` does."""
    keep(response)


def _hold(stream: Any) -> None:
    read, write, start_tls = stream.read, stream.write, stream.start_tls

    def held_read(max_bytes: int, timeout: float | None = None) -> Any:
        return read(max_bytes, _cut(timeout))

    def held_write(buffer: bytes, timeout: float | None = None) -> Any:
        try:
            return write(buffer, _cut(timeout))
        finally:
            del buffer  # a traceback would show it, and it carries the token

    def held_start_tls(
        ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        return start_tls(ssl_context, server_hostname, _cut(timeout))

    stream.read, stream.write, stream.start_tls = held_read, held_write, held_start_tls


def _cut(seconds: float | None) -> float | None:
    wire = _wire.get()
    if wire is None:
        return seconds
    if not wire.call.remaining:
        raise httpx.ReadTimeout("the deadline has passed")
    return wire.call.cut(seconds)
