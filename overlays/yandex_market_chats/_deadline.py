"""The deadline of a call, kept on the wire.

httpx bounds each phase of an attempt, and httpcore gives every reading of an answer's head the same
time-out: a server that sends byte by byte, each of them in time, could hold a call for ever. Here each
operation of a connection is cut to what is left of the call that asks for it.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from ssl import SSLContext
from typing import Any

from yandex_market_chats._policy import Call

CALL: ContextVar[Call] = ContextVar("call")
"""The call whose attempt is under way."""

_NEW_STREAM = (".connect_tcp.complete", ".connect_unix_socket.complete", ".start_tls.complete")


def keep_deadline(event: str, info: Mapping[str, Any]) -> None:
    """Take hold of a new connection: the extension `trace` of httpcore, whose `NetworkStream` it is."""
    if not event.endswith(_NEW_STREAM):
        return
    stream = info["return_value"]
    read, write, start_tls = stream.read, stream.write, stream.start_tls

    def read_in_time(max_bytes: int, timeout: float | None = None) -> Any:
        return read(max_bytes, _cut(timeout))

    def write_in_time(buffer: bytes, timeout: float | None = None) -> Any:
        return write(buffer, _cut(timeout))

    def start_tls_in_time(
        ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> Any:
        return start_tls(ssl_context, server_hostname, _cut(timeout))

    stream.read, stream.write, stream.start_tls = read_in_time, write_in_time, start_tls_in_time


async def keep_deadline_async(event: str, info: Mapping[str, Any]) -> None:
    """Do the same where httpcore awaits it."""
    keep_deadline(event, info)


def _cut(seconds: float | None) -> float | None:
    call = CALL.get(None)  # none: a transport that the user shares with another client
    return seconds if call is None else call.cut(seconds)
