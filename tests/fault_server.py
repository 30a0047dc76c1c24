"""A server on loopback that fails on the wire as scripted, and counts the requests that reach it.

    with FaultServer([reset, answer(200)], tls=True) as server:
        ...  # the first connection is reset after its request was read, the second is answered
    assert server.posts == 2

A step is a function that serves one connection. Each connection gets the next step, and the last step serves
all connections after it.
"""

import functools
import gzip
import http.client
import itertools
import json
import os
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from typing import Literal, Self

import trustme

HOST = "127.0.0.1"
OK = b'{"status": "OK"}'
PATIENCE = 5.0
"""Seconds after which a connection that its client should have closed counts as left open."""

Door = Literal["open", "closed", "full"]


@dataclass(frozen=True)
class Request:
    """A complete request, as it reached the server."""

    method: str
    target: str
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def message(self) -> str:
        """The text for the buyer."""
        return str(json.loads(self.body)["message"])


class Wire:
    """A connection, as a step sees it."""

    def __init__(self, server: "FaultServer", connection: socket.socket) -> None:
        """Wrap a connection; the TLS handshake is left to the step."""
        self._server = server
        self._socket = connection

    def open(self, certified_for: str = HOST) -> None:
        """Do the TLS handshake, unless it is done or the server speaks plain HTTP."""
        if self._server.tls and not isinstance(self._socket, ssl.SSLSocket):
            context = _server_context(certified_for)
            self._socket = context.wrap_socket(self._socket, server_side=True, do_handshake_on_connect=False)
            self._socket.do_handshake()

    def read_request(self) -> None:
        """Read a whole request, and count it."""
        self.open()
        with self._socket.makefile("rb") as stream:
            start = stream.readline().decode()
            headers = http.client.parse_headers(stream)
            length = int(headers.get("Content-Length", 0))
            body = stream.read(length)
        if not start or len(body) < length:
            raise ConnectionError("the client left in the middle of its request")
        method, target, _ = start.split()
        self._server.requests.append(Request(method, target, headers, body))

    def send(self, data: bytes) -> None:
        """Send the bytes."""
        self._socket.sendall(data)

    def send_below_tls(self, data: bytes) -> None:
        """Send the bytes without encryption."""
        os.write(self._socket.fileno(), data)

    def wait_for_bytes(self) -> None:
        """Wait until the client starts to send, and read nothing."""
        select.select([self._socket], [], [])

    def wait_for_end(self) -> None:
        """Read on until the client closes the connection."""
        while self._socket.recv(65536):
            pass

    def join(self, other: socket.socket) -> None:
        """Forward bytes in both directions until one end closes."""
        ends = {self._socket: other, other: self._socket}
        while True:
            for end in select.select([*ends], [], [])[0]:
                if not (data := end.recv(65536)):
                    return
                ends[end].sendall(data)

    def pause(self, seconds: float) -> None:
        """Do nothing for a while."""
        self._server.ending.wait(seconds)

    def reset(self) -> None:
        """Reset the connection, as a crash would."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def close(self) -> None:
        """Close the connection without an error."""
        self._socket.close()

    def abandon(self) -> None:
        """Wake the step, whether it reads or writes."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


Step = Callable[[Wire], None]


class FaultServer:
    """A server that serves each connection with the next step.

    Leaving the block waits until every step has ended, so that everything sent is counted.

    Args:
        steps: What to do with each connection; the last one is repeated.
        tls: Whether to speak TLS.
        door: Whether connections are established: `closed` refuses them, `full` leaves them unanswered.

    Attributes:
        requests: The complete requests, in the order in which they arrived.
        connections: How many connections were established.

    Raises:
        AssertionError: A client left a connection open.
    """

    def __init__(self, steps: Sequence[Step] = (), *, tls: bool = False, door: Door = "open") -> None:
        """Store the script; entering the block starts the server."""
        self.tls = tls
        self.requests: list[Request] = []
        self.connections = 0
        self.ending = threading.Event()
        self._door = door
        self._steps = itertools.chain(steps[:-1], itertools.repeat(steps[-1] if steps else answer(200)))
        self._handlers: list[tuple[threading.Thread, Wire]] = []

    @property
    def posts(self) -> int:
        """How many complete POST requests reached the server."""
        return sum(request.method == "POST" for request in self.requests)

    @property
    def messages(self) -> list[str]:
        """The texts that reached the server, in order."""
        return [request.message for request in self.requests]

    @property
    def base_url(self) -> str:
        """The address of the server."""
        return self.url_of(HOST)

    def url_of(self, host: str) -> str:
        """Return the address of the server, with `host` instead of the loopback address."""
        return f"{'https' if self.tls else 'http'}://{host}:{self._address[1]}"

    @property
    def ca(self) -> ssl.SSLContext:
        """The TLS context of a client that trusts the server."""
        return _client_context()

    def tunnel(self, wire: "Wire") -> None:
        """Forward a connection to this server: a step for another server, which then is a proxy."""
        wire.read_request()
        wire.send(head(200))
        with socket.create_connection(self._address) as beyond:
            wire.join(beyond)

    def __enter__(self) -> Self:
        """Start the server."""
        self._listener = socket.socket()
        self._listener.bind((HOST, 0))
        self._address = self._listener.getsockname()
        self._fillers: list[socket.socket] = []
        self._ended, self._end = socket.socketpair()
        self._doorman = threading.Thread(target=self._accept)
        if self._door == "full":
            self._listener.listen(0)
            self._fillers += [self._filler(), self._filler()]
        elif self._door == "open":
            self._listener.listen(128)
            self._doorman.start()
        return self

    def __exit__(self, raised: type[BaseException] | None, *_: object) -> None:
        """Wait for the clients to leave, and clean up."""
        self._end.close()
        if self._door == "open":
            self._doorman.join()
        end = time.monotonic() + (0 if raised else PATIENCE)
        for thread, _wire in self._handlers:
            thread.join(max(0.0, end - time.monotonic()))
        left = [wire for thread, wire in self._handlers if thread.is_alive()]
        self.ending.set()
        for wire in left:
            wire.abandon()
        for thread, _wire in self._handlers:
            thread.join()
        for opened in (self._ended, self._listener, *self._fillers):
            opened.close()
        assert raised or not left, f"{len(left)} connections were left open"

    def _accept(self) -> None:
        while self._listener in select.select([self._listener, self._ended], [], [])[0]:
            wire = Wire(self, self._listener.accept()[0])
            thread = threading.Thread(target=self._handle, args=(next(self._steps), wire))
            self.connections += 1
            self._handlers.append((thread, wire))
            thread.start()

    @staticmethod
    def _handle(step: Step, wire: Wire) -> None:
        with suppress(OSError):  # the client left, or the handshake failed
            step(wire)
        wire.close()

    def _filler(self) -> socket.socket:
        filler = socket.socket()
        filler.setblocking(False)  # noqa: FBT003 -- the argument has no name
        filler.connect_ex(self._address)
        return filler


def head(status: int, headers: dict[str, str] | None = None) -> bytes:
    """Return the head of a response."""
    lines = [f"HTTP/1.1 {status} Reason", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join([*lines, "", ""]).encode()


def envelope(message: str) -> bytes:
    """Return the API's error envelope."""
    return json.dumps({"status": "ERROR", "errors": [{"code": "CODE", "message": message}]}).encode()


def answer(status: int, body: bytes | None = None, headers: dict[str, str] | None = None) -> Step:
    """Read the request, and send a response; the default body is the API's envelope for the status."""
    content = body if body is not None else OK if status == 200 else envelope("no")
    return says(head(status, {"Content-Length": str(len(content)), **(headers or {})}), content)


def says(*pieces: bytes, then: Step = Wire.close) -> Step:
    """Read the request, send the pieces as they are, and then run the last step."""

    def step(wire: Wire) -> None:
        wire.read_request()
        for piece in pieces:
            wire.send(piece)
        then(wire)

    return step


def drips(start: bytes, rest: bytes) -> Step:
    """Read the request, send the start of a response, and then the rest byte by byte."""

    def step(wire: Wire) -> None:
        wire.read_request()
        wire.send(start)
        for byte in rest:
            wire.pause(0.02)
            wire.send(bytes([byte]))

    return step


def floods(piece: bytes, start: bytes = b"") -> Step:
    """Read the request, send the start of a response, and then one piece until the client leaves."""

    def step(wire: Wire) -> None:
        wire.read_request()
        wire.send(start)
        for _ in range(10_000):
            wire.send(piece)

    return step


def packed(status: int, content: bytes) -> Step:
    """Read the request, and send a response compressed with gzip."""
    return answer(status, gzip.compress(content), {"Content-Encoding": "gzip"})


def reset_unread(wire: Wire) -> None:
    """Reset the connection when the request starts to arrive, and read nothing of it."""
    wire.open()
    wire.wait_for_bytes()
    wire.reset()


def reset_handshake(wire: Wire) -> None:
    """Reset the connection in the middle of the TLS handshake."""
    wire.wait_for_bytes()
    wire.reset()


def mute_handshake(wire: Wire) -> None:
    """Do not answer the TLS handshake."""
    wire.wait_for_end()


def plain_handshake(wire: Wire) -> None:
    """Answer the TLS handshake in plain HTTP."""
    wire.wait_for_bytes()
    wire.send(head(400))


def wrong_name(wire: Wire) -> None:
    """Present the certificate of another host."""
    wire.open(certified_for="elsewhere.example.org")


def untrusted(wire: Wire) -> None:
    """Present the certificate of an unknown authority."""
    wire.open(certified_for="")


ACCEPTED = head(200, {"Content-Length": str(len(OK))}) + OK
"""A complete successful response."""

mute = says(then=Wire.wait_for_end)
reset = says(then=Wire.reset)
close = says()


def ca_file() -> AbstractContextManager[str]:
    """Write the certificate of the servers' authority to a temporary file, for `SSL_CERT_FILE`."""
    return _authority().cert_pem.tempfile()


@functools.cache
def _authority() -> trustme.CA:
    return trustme.CA()


@functools.cache
def _server_context(name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = _authority() if name else trustme.CA()
    authority.issue_cert(name or HOST).configure_cert(context)
    return context


@functools.cache
def _client_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    _authority().configure_trust(context)
    return context
