"""An attempt in progress, as its transport reports it. Nothing here does I/O or waits."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import httpx

from ._error_texts import answer_error, failure_error
from ._errors import MarketError

MAX_BODY = 16 * 2**20
"""How many bytes of a response are read and decoded at most. A longer one is judged by its status."""

_CONNECTING = ("connection.", "proxy.", "socks.")
"""The prefixes of httpcore's trace events while it connects. Any other event may mean the request."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """The time by `clock` when a call must end. No attempt starts in the last `reserve` seconds before it."""

    end: float
    reserve: float
    clock: Callable[[], float]

    @property
    def remaining(self) -> float:
        """Seconds until the deadline."""
        return max(0.0, self.end - self.clock())

    @property
    def slack(self) -> float:
        """Seconds for which another attempt may still start."""
        return max(0.0, self.remaining - self.reserve)


class Exchange:
    """A request, and what came back in one attempt.

    Attributes:
        request_left: Whether sending has started; `None` as long as no trace event shows it.
        connection: httpcore's connection, once it is established.
        response: The response, once its head has arrived.
        failure: The exception that the transport raised, if any.
    """

    def __init__(self, request: httpx.Request, deadline: Deadline) -> None:
        self.request_left: bool | None = None
        self.connection: Any = None
        self.response: httpx.Response | None = None
        self.failure: Exception | None = None
        self._request, self._deadline = request, deadline
        self._started = deadline.clock()
        self._body = bytearray()

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the attempt."""
        return self._deadline.clock() - self._started

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Store a new connection; record that sending starts, or raise if it is too late to send."""
        if event.endswith("connect_tcp.complete"):
            self.connection = info["return_value"]
        if self.request_left or not event.endswith(".started"):
            return
        to_proxy = getattr(info.get("request"), "method", None) == b"CONNECT"
        self.request_left = not (
            to_proxy or event.startswith(_CONNECTING) or event.endswith("closed.started")
        )
        if self.request_left and not self._deadline.slack:
            self.request_left = False
            raise httpx.ConnectTimeout("no time is left for the response")
        if self.request_left:  # each further event would cost time
            self._request.extensions.pop("trace", None)

    async def atrace(self, event: str, info: Mapping[str, Any]) -> None:
        """Do the same as `trace`, in a task: httpcore awaits this function."""
        self.trace(event, info)

    def arrived(self, response: httpx.Response) -> None:
        """Store a response whose body has not been read yet."""
        self.response, self.request_left = response, True

    def failed(self, failure: Exception) -> None:
        """Store the exception that the transport raised."""
        self.failure = failure

    def reads_on(self, chunk: bytes) -> bool:
        """Store a chunk of the body, still encoded; return whether to read the next one."""
        self._body += chunk
        if self._deadline.remaining:
            return len(self._body) < MAX_BODY
        if not is_success(httpx.codes.OK, self._body):
            raise httpx.ReadTimeout("the deadline passed")
        return False

    def result(self) -> httpx.Response | MarketError:
        """Return the response, with a decoded body, if the API carried out the request; else the error."""
        response, failure = self.response, self.failure
        if response is None or (failure is not None and response.is_success):
            return failure_error(cast("Exception", failure), self._request, request_left=self.request_left)
        body = _decode(self._body, response.headers.get("Content-Encoding", "identity"))
        if not is_success(response.status_code, body):
            return answer_error(response.status_code, response.headers, body)
        decoded = httpx.Response(
            200, headers=response.headers, stream=httpx.ByteStream(body), extensions=response.extensions
        )
        decoded.headers.pop("Content-Encoding", None)
        return decoded


def is_success(status_code: int, body: bytes | bytearray) -> bool:
    """Return whether the API carried out the request: 200, `"status": "OK"`, and no errors.

    The status code decides first, because the vendor's examples show `"status": "OK"` in error bodies too.
    """
    try:
        envelope = json.loads(body) if status_code == httpx.codes.OK else None
    except (RecursionError, ValueError):
        return False
    return isinstance(envelope, dict) and envelope.get("status") == "OK" and not envelope.get("errors")


def _decode(body: bytes | bytearray, encoding: str) -> bytes:
    """Return the decoded body, or an empty one if decoding fails: then the status alone counts."""
    if encoding.strip().lower() in {"", "identity"}:
        return bytes(body)
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, MAX_BODY)  # gzip or zlib
    except zlib.error:
        return b""
