"""An attempt on the wire: whether the request began to leave, and what each operation may take."""

import asyncio
import ssl
import traceback
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from calls import Clock, make_call
from fault_server import FaultServer, Step, answer, close, mute, reset, says
from mock_api import AT_ONCE, Api, Kind, every_client, send
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketChats,
    RetryPolicy,
    SentMessage,
    _http,
)
from yandex_market_chats._policy import Call
from yandex_market_chats._wire import AsyncWire, SyncWire

NEW_STREAMS = [
    "connection.connect_tcp.complete",
    "connection.connect_unix_socket.complete",
    "connection.start_tls.complete",
    "proxy.start_tls.complete",
]
CONNECTING = [
    "connection.connect_tcp.started",
    "connection.connect_tcp.failed",
    "connection.connect_unix_socket.started",
    "connection.retry.started",
    "connection.start_tls.started",
    "proxy.start_tls.started",
    "socks.connect_tcp.started",
    "socks.setup_socks5_connection.started",
    "http11.response_closed.started",
]
LEAVING = [
    "http11.send_request_headers.started",
    "http2.send_connection_init.started",
    "http2.send_request_headers.started",
    "http11.an_event_of_tomorrow.started",
]
CONTEXT = ssl.create_default_context()
TEN_SECONDS = RetryPolicy(deadline=10)
TOKEN = "ACMA:made-up:token"

# httpx and httpcore leave the iterators of a broken exchange to the garbage collector, and trio minds.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


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


def post() -> httpx.Request:
    """Make a request, as httpx gives it to the transport."""
    return httpx.Request("POST", "https://host/")


def event(name: str, method: bytes = b"POST") -> tuple[str, dict[str, Any]]:
    """Make what httpcore tells of the request, or of the one that opens the way through a proxy."""
    info = {"request": SimpleNamespace(method=method)} if name.startswith("http") else {}
    return name, info


def connect(*events: str) -> Any:
    """Make a connection of which httpcore tells these events, and look at what came about."""
    stream, request = Stream(), post()
    with SyncWire(make_call(), request).attempt():
        for name in events:
            request.extensions["trace"](name, {"return_value": stream})
    return stream


def use(stream: Any, seconds: float | None, call: Call | None = None) -> None:
    """Do with a stream all that httpcore does, named and not as httpcore does it."""
    with SyncWire(call, post()).attempt() if call else nullcontext():
        tls = stream.start_tls(ssl_context=CONTEXT, server_hostname="host", timeout=seconds)
        stream.write(b"head", timeout=seconds)
        assert (tls, stream.read(65536, seconds)) == ("a stream over TLS", b"read")


@pytest.mark.parametrize("name", NEW_STREAMS)
def test_each_operation_is_cut_to_what_is_left_when_it_begins(name: str) -> None:
    """Not to what was left when the connection was made."""
    clock, stream = Clock(), connect(name)
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


@pytest.mark.parametrize("operation", ["read", "write", "start_tls"])
def test_past_the_deadline_nothing_is_done(operation: str) -> None:
    """A moment is enough for bytes that are there already, and a server can go on sending them for ever."""
    clock, stream = Clock(), connect(NEW_STREAMS[0])
    wire = SyncWire(make_call(TEN_SECONDS, clock=clock), post())
    clock.sleep(10)
    arguments = {"read": (65536,), "write": (b"head",), "start_tls": (CONTEXT, "host")}
    with wire.attempt(), pytest.raises(httpx.ReadTimeout, match=r"^the deadline has passed$"):
        getattr(stream, operation)(*arguments[operation])
    assert stream.timeouts == []


def test_a_traceback_does_not_show_what_was_written() -> None:
    """The head of a request carries the token."""
    stream = connect(NEW_STREAMS[0])
    with pytest.raises(AssertionError) as caught:
        stream.write(TOKEN.encode())
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if frame.f_globals["__name__"].startswith("yandex_market_chats")]
    assert [frame.f_code.co_name for frame in ours] == ["held_write"]
    assert TOKEN not in repr(ours[0].f_locals)


@pytest.mark.parametrize("name", CONNECTING)
def test_while_a_connection_is_made_nothing_leaves(name: str) -> None:
    """Also when it takes a second try."""
    wire = SyncWire(make_call(), post())
    wire.note(*event(name))
    wire.note(*event(name))
    assert wire.left is False


@pytest.mark.parametrize("name", LEAVING)
def test_whatever_is_not_the_making_of_a_connection_is_the_request_leaving(name: str) -> None:
    """An event that is not known may be the request; what comes after it changes nothing."""
    wire = SyncWire(make_call(), post())
    with wire.attempt():
        for told in (CONNECTING[0], name, "http11.response_closed.started"):
            wire.note(*event(told))
        assert wire.left is True
    with wire.attempt():
        assert wire.left is None


def test_what_is_sent_to_a_proxy_is_not_the_request() -> None:
    """The way through it is opened with a request of httpcore's own."""
    wire = SyncWire(make_call(), post())
    wire.note(*event(LEAVING[0], b"CONNECT"))
    assert wire.left is False


@pytest.mark.parametrize("cls", [SyncWire, AsyncWire])
def test_nothing_is_told_once_the_request_leaves(cls: type[SyncWire | AsyncWire]) -> None:
    """Each event costs time; every attempt is told of its own."""
    request = post()
    wire = cls(make_call(), request)
    for _ in range(2):
        with wire.attempt():
            assert request.extensions["trace"] is wire
            wire.note(*event(LEAVING[0]))
            assert "trace" not in request.extensions
            wire.note(*event(LEAVING[0]))


@pytest.mark.parametrize("cls", [SyncWire, AsyncWire])
def test_a_request_for_whose_answer_no_time_is_left_does_not_leave(cls: type[SyncWire | AsyncWire]) -> None:
    """To connect took too long, or the credentials did."""
    clock, request = Clock(), post()
    wire = cls(make_call(TEN_SECONDS, clock=clock), request)
    clock.sleep(9)
    with wire.attempt(), pytest.raises(httpx.ConnectTimeout, match=r"^no time is left for the answer$"):
        asyncio.run(request.extensions["trace"](*event(LEAVING[0])))
    assert not wire.left


def test_a_trace_of_the_caller_s_own_is_kept() -> None:
    """Whoever looks on through `chats.client` goes on to see what they asked for."""
    events = []
    with (
        FaultServer([answer(200)]) as server,
        MarketChats(business_id=1, auth=ApiKey("token"), base_url=server.base_url) as chats,
    ):
        http = chats.client.get_httpx_client()
        http.post("/v2", extensions={"trace": lambda name, _: events.append(name)})
    assert "http11.receive_response_headers.complete" in events


def through_proxy(kind: Kind, proxy: FaultServer, server: FaultServer, **changes: Any) -> SentMessage:
    """Send a message to the server by way of the proxy."""
    settings = {
        "business_id": 123456,
        "auth": ApiKey(TOKEN),
        "base_url": server.base_url,
        "retries": AT_ONCE,
        **changes,
    }
    if kind == "sync":
        transport = httpx.HTTPTransport(proxy=proxy.base_url, verify=server.ca)
        with MarketChats(transport=transport, **settings) as chats:
            return chats.send_message(chat_id=1, message="text")

    async def main() -> SentMessage:
        transport = httpx.AsyncHTTPTransport(proxy=proxy.base_url, verify=server.ca)
        async with AsyncMarketChats(transport=transport, **settings) as chats:
            return await chats.send_message(chat_id=1, message="text")

    return anyio.run(main, backend=kind)


@every_client
@pytest.mark.parametrize(
    ("step", "changes", "attempts"),
    [
        (close, {}, 5),
        (reset, {}, 5),
        (says(b"HTTP/1.1 2"), {}, 5),
        (says(b"garbage\r\n\r\n"), {}, 5),
        (answer(502), {}, 5),
        (mute, {"timeout": 0.05}, 5),
        (mute, {"retries": RetryPolicy(deadline=0.3)}, 1),
    ],
    ids=["close", "reset", "half", "garbage", "502", "mute", "mute past the deadline"],
)
def test_a_message_that_no_proxy_let_through_was_not_sent(
    kind: Kind, step: Step, changes: dict[str, Any], attempts: int
) -> None:
    """What breaks the proxy looks like a lost answer, but nothing of the request has left."""
    with (
        FaultServer([step]) as proxy,
        FaultServer(tls=True) as server,
        pytest.raises(ConnectionFailedError) as caught,
    ):
        through_proxy(kind, proxy, server, **changes)
    assert (caught.value.delivery, caught.value.attempts) == (Delivery.NOT_SENT, attempts)
    assert {request.method for request in proxy.requests} == {"CONNECT"}
    assert server.connections == 0


@every_client
def test_a_proxy_whose_name_cannot_be_one_lets_nothing_through(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The resolver raises `UnicodeError` then, which neither httpcore nor httpx expects."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy..test:1")
    with pytest.raises(ConnectionFailedError) as caught:
        send(kind, Api(), transport=None)
    assert (caught.value.delivery, caught.value.attempts) == (Delivery.NOT_SENT, 5)


@every_client
def test_a_proxy_that_lets_a_message_through_changes_nothing(kind: Kind) -> None:
    """It arrives once."""
    with FaultServer(tls=True) as server, FaultServer([server.tunnel]) as proxy:
        assert through_proxy(kind, proxy, server).attempts == 1
    assert (server.posts, proxy.connections) == (1, 1)


@every_client
def test_an_answer_that_is_lost_beyond_a_proxy_is_unknown(kind: Kind) -> None:
    """The request has left then, whoever broke the connection."""
    with (
        FaultServer([reset], tls=True) as server,
        FaultServer([server.tunnel]) as proxy,
        pytest.raises(ConnectionLostError) as caught,
    ):
        through_proxy(kind, proxy, server)
    assert (caught.value.delivery, caught.value.attempts) == (Delivery.UNKNOWN, 1)
    assert (server.posts, proxy.connections) == (1, 1)


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_task_that_is_cut_off_while_it_connects_sent_nothing(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is then the deadline that ends the task, and no time-out of httpx that would tell of connecting."""

    async def connect(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    async def main() -> None:
        async with AsyncMarketChats(
            business_id=1, auth=ApiKey(TOKEN), base_url="http://127.0.0.1:1", retries=RetryPolicy.disabled()
        ) as chats:
            await chats.send_message(chat_id=1, message="text")

    monkeypatch.setattr(_http, "GRACE", -59.9)
    monkeypatch.setattr("anyio.connect_tcp", connect)
    monkeypatch.setattr("trio.open_tcp_stream", connect)
    with pytest.raises(ConnectionFailedError, match=r"\(ReadTimeout: the deadline has passed\)") as caught:
        anyio.run(main, backend=kind)
    assert (caught.value.delivery, caught.value.attempts) == (Delivery.NOT_SENT, 1)
