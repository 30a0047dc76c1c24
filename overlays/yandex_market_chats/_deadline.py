"""The deadline of a call, kept on the wire of a thread.

httpx bounds each phase of an attempt, and httpcore gives every reading of an answer's head the same
time-out: a server that sends byte by byte, each of them in time, could hold a call for ever. A task is simply
cancelled then. A thread cannot be, so each operation of its connection is cut to what is left of the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import httpx

from yandex_market_chats._policy import Call

if TYPE_CHECKING:
    from ssl import SSLContext

_NEW_STREAM = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")

# Not an attribute of the connection: calls can share one, over HTTP/2 with a transport of the user's.
_call: ContextVar[Call | None] = ContextVar("call", default=None)


@contextmanager
def kept_deadline(call: Call, request: httpx.Request) -> Iterator[None]:
    """Hold the thread's attempt within its call's deadline, unless the request has a `trace` of its own."""
    request.extensions.setdefault("trace", _bound_new_stream)
    outer = _call.set(call)
    try:
        yield
    finally:
        _call.reset(outer)


def _bound_new_stream(event: str, info: Mapping[str, Any]) -> None:
    """Take hold of a new connection: the extension `trace` of httpcore, and its `NetworkStream`."""
    if not event.endswith(_NEW_STREAM):
        return
    stream = info["return_value"]
    read, write, start_tls = stream.read, stream.write, stream.start_tls

    def bound_read(max_bytes: int, timeout: float | None = None) -> Any:
        return read(max_bytes, _cut(timeout))

    def bound_write(buffer: bytes, timeout: float | None = None) -> Any:
        return write(buffer, _cut(timeout))

    def bound_start_tls(
        ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        return start_tls(ssl_context, server_hostname, _cut(timeout))

    stream.read, stream.write, stream.start_tls = bound_read, bound_write, bound_start_tls


def _cut(seconds: float | None) -> float | None:
    call = _call.get()
    return seconds if call is None else call.cut(seconds)
