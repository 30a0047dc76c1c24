"""The deadline on the wire: what each operation of a connection may take."""

import ssl
from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from calls import Clock, make_call
from fault_server import FaultServer, answer
from yandex_market_chats import ApiKey, MarketChats, RetryPolicy
from yandex_market_chats._deadline import kept_deadline
from yandex_market_chats._policy import Call

NEW_STREAMS = [
    "connection.connect_tcp.complete",
    "connection.connect_unix_socket.complete",
    "connection.start_tls.complete",
    "proxy.start_tls.complete",
]
CONTEXT = ssl.create_default_context()
TEN_SECONDS = RetryPolicy(deadline=10)


class Stream:
    """A `NetworkStream` of httpcore that only looks at what it is given, and notes the time-outs."""

    def __init__(self) -> None:
        """Begin with none."""
        self.timeouts: list[float | None] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read nothing."""
        assert max_bytes == 65536
        self.timeouts.append(timeout)
        return b"read"

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write nothing."""
        assert buffer == b"head"
        self.timeouts.append(timeout)

    def start_tls(
        self, context: ssl.SSLContext, hostname: str | None = None, timeout: float | None = None
    ) -> str:
        """Shake no hands."""
        assert (context, hostname) == (CONTEXT, "host")
        self.timeouts.append(timeout)
        return "a stream over TLS"


def connect(*events: str) -> Any:
    """Make a connection of which httpcore tells these events, and look at what came about."""
    stream, request = Stream(), httpx.Request("POST", "https://host/")
    with kept_deadline(make_call(), request):
        for event in events:
            request.extensions["trace"](event, {"return_value": stream})
    return stream


def use(stream: Any, seconds: float | None, call: Call | None = None) -> None:
    """Do with a stream all that httpcore does, named and not as httpcore does it."""
    request = httpx.Request("POST", "https://host/")
    with kept_deadline(call, request) if call else nullcontext():
        tls = stream.start_tls(ssl_context=CONTEXT, server_hostname="host", timeout=seconds)
        stream.write(b"head", timeout=seconds)
        assert (tls, stream.read(65536, seconds)) == ("a stream over TLS", b"read")


@pytest.mark.parametrize("event", NEW_STREAMS)
def test_each_operation_is_cut_to_what_is_left_when_it_begins(event: str) -> None:
    """Not to what was left when the connection was made."""
    clock, stream = Clock(), connect(event)
    call = make_call(TEN_SECONDS, clock=clock)
    for seconds in (0, 6, 3):
        clock.sleep(seconds)
        use(stream, 5, call)
    use(stream, None, call)
    assert stream.timeouts == [5] * 3 + [4] * 3 + [1] * 3 + [1] * 3


def test_the_call_that_asks_is_the_one_that_counts() -> None:
    """Calls can share a connection in turn: over HTTP/2, with a transport of the user's."""
    stream = connect(NEW_STREAMS[0])
    for deadline in (10, 3):
        use(stream, 5, make_call(RetryPolicy(deadline=deadline), clock=Clock()))
    use(stream, 20)
    use(stream, None)
    assert stream.timeouts == [5] * 3 + [3] * 3 + [20] * 3 + [None] * 3


def test_what_is_no_new_connection_is_left_alone() -> None:
    """The extension is told of much else."""
    stream = connect("connection.connect_tcp.started", "http11.send_request_headers.complete")
    assert not vars(stream).keys() - {"timeouts"}


def test_a_past_deadline_leaves_a_moment() -> None:
    """A time-out of 0 would make the socket one that does not wait at all, which fails in other ways."""
    clock = Clock()
    call = make_call(TEN_SECONDS, clock=clock)
    clock.sleep(11)
    assert (call.cut(5), call.cut(None), call.cut(0.0001)) == (0.001, 0.001, 0.0001)


def test_a_trace_of_the_caller_s_own_is_kept() -> None:
    """Whoever looks on through `chats.client` goes on to see what they asked for."""
    events = []
    with (
        FaultServer([answer(200)]) as server,
        MarketChats(business_id=1, auth=ApiKey("token"), base_url=server.base_url) as chats,
    ):
        http = chats.client.get_httpx_client()
        http.post("/v2", extensions={"trace": lambda event, _: events.append(event)})
    assert "http11.receive_response_headers.complete" in events
