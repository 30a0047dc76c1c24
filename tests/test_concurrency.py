"""Many callers on one client: its places, what gives them back, its views, and its end."""

import gc
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock

import anyio
import anyio.lowlevel
import httpx
import pytest

from fault_server import ACCEPTED, OK, FaultServer, Wire, answer
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    Attempt,
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    MarketChats,
    RetryPolicy,
)

PLACES = 4
"""What `max_parallel` is when it is not given."""
CROWD = [f"message {number}" for number in range(64)]
LATER = {"Retry-After": "3"}

both_wires = pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
done = answer(200)


def settings(server: FaultServer, **more: Any) -> dict[str, Any]:
    """Give what every client here is made with."""
    return {
        "business_id": 123456,
        "auth": ApiKey("token"),
        "base_url": server.base_url,
        "retries": RetryPolicy(backoff=0, deadline=5),
        **more,
    }


def sync_chats(server: FaultServer, **more: Any) -> MarketChats:
    """Make a sync client of the server."""
    return MarketChats(**settings(server, **{"transport": httpx.HTTPTransport(verify=server.ca), **more}))


def async_chats(server: FaultServer, **more: Any) -> AsyncMarketChats:
    """Make an async client of the server."""
    return AsyncMarketChats(
        **settings(server, **{"transport": httpx.AsyncHTTPTransport(verify=server.ca), **more})
    )


class Quartets:
    """A step that answers only when as many requests as there are places are in flight.

    Attributes:
        most: How many requests ever were in flight at a time.
    """

    def __init__(self) -> None:
        """Begin with nothing in flight."""
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._complete = threading.Barrier(PLACES, timeout=5)

    def __call__(self, wire: Wire) -> None:
        """Serve a connection."""
        wire.read_request()
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._complete.wait()
        wire.pause(0.02)  # for one more to come, if it may
        with self._lock:
            self._now -= 1
        wire.send(ACCEPTED)


class Held:
    """A step that holds a request until it is told to answer."""

    def __init__(self) -> None:
        """Begin with nothing arrived."""
        self._arrived = threading.Event()
        self._released = threading.Event()

    def __call__(self, wire: Wire) -> None:
        """Serve a connection."""
        wire.read_request()
        self._arrived.set()
        self._released.wait(5)
        wire.send(ACCEPTED)

    def wait(self) -> None:
        """Wait until the request is there."""
        assert self._arrived.wait(5)

    def release(self) -> None:
        """Answer the request."""
        self._released.set()


@both_wires
def test_threads_have_four_requests_in_flight_and_lose_none(*, tls: bool) -> None:
    """Of 64 threads on one client four are in flight at a time, and each message arrives once."""
    quartets = Quartets()
    with (
        FaultServer([quartets], tls=tls) as server,
        sync_chats(server) as chats,
        ThreadPoolExecutor(len(CROWD)) as threads,
    ):
        list(threads.map(lambda text: chats.send_message(chat_id=1, message=text), CROWD))
    assert quartets.most == PLACES
    assert sorted(server.messages) == sorted(CROWD)


@both_wires
@pytest.mark.anyio
async def test_tasks_have_four_requests_in_flight_and_lose_none(*, tls: bool) -> None:
    """Of 64 tasks on one client four are in flight at a time, and each message arrives once."""
    quartets = Quartets()

    async def send(text: str) -> None:
        await chats.send_message(chat_id=1, message=text)

    with FaultServer([quartets], tls=tls) as server:
        async with async_chats(server) as chats, anyio.create_task_group() as tasks:
            for text in CROWD:
                tasks.start_soon(send, text)
    assert quartets.most == PLACES
    assert sorted(server.messages) == sorted(CROWD)


class CancelledAt(httpx.AsyncHTTPTransport):
    """A transport that cancels its first request when that comes to a stage.

    The stages are those of httpcore's extension "trace".
    """

    def __init__(self, stage: str, **options: Any) -> None:
        """Note the stage."""
        super().__init__(**options)
        self.scope = anyio.CancelScope()
        self._stage = stage

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and watch its stages."""
        request.extensions["trace"] = self._trace
        return await super().handle_async_request(request)

    async def _trace(self, stage: str, _: dict[str, Any]) -> None:
        if stage == self._stage and not self.scope.cancel_called:
            self.scope.cancel()
            await anyio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("stage", "posts"),
    [
        ("connection.connect_tcp.started", 0),
        ("connection.start_tls.started", 0),
        ("http11.send_request_headers.started", 0),
        ("http11.send_request_body.started", 0),
        ("http11.send_request_body.complete", 1),
        ("http11.receive_response_headers.started", 1),
        ("http11.receive_response_body.started", 1),
    ],
)
# httpx and httpcore leave a cancelled handshake and a cancelled iterator to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning", "ignore:Async generator 'http:ResourceWarning")
@pytest.mark.anyio
async def test_cancelled_call_gives_its_place_back_and_is_not_repeated(stage: str, posts: int) -> None:
    """Wherever a call is cancelled, its place serves the next call, and its message is not sent again."""
    with FaultServer([done], tls=True) as server:
        transport = CancelledAt(stage, verify=server.ca)
        async with async_chats(server, transport=transport, max_parallel=1) as chats:
            with transport.scope:
                await chats.send_message(chat_id=1, message="cancelled")
            await chats.send_message(chat_id=1, message="next")
        gc.collect()
    assert transport.scope.cancelled_caught
    assert sorted(server.messages) == ["cancelled"] * posts + ["next"]


@pytest.mark.parametrize("awaits", [False, True], ids=["waiting to repeat", "in the hook"])
@pytest.mark.anyio
async def test_call_cancelled_between_attempts_is_not_repeated(*, awaits: bool) -> None:
    """A call that is cancelled before its second attempt ends, and the next one is sent."""
    scope = anyio.CancelScope()

    async def cancel(_: Attempt) -> None:
        scope.cancel()
        if awaits:
            await anyio.lowlevel.checkpoint()

    with FaultServer([answer(503, headers=LATER), done]) as server:
        async with async_chats(server, max_parallel=1, on_attempt=cancel) as chats:
            with scope:
                await chats.send_message(chat_id=1, message="cancelled")
            await chats.send_message(chat_id=1, message="next")
    assert scope.cancelled_caught
    assert server.messages == ["cancelled", "next"]


@pytest.mark.anyio
async def test_call_cancelled_while_it_waits_for_a_place_sends_nothing() -> None:
    """A call that is cancelled in the queue leaves the queue, and the place goes to the next one."""
    held = Held()

    async def send(text: str) -> None:
        await chats.send_message(chat_id=1, message=text)

    with FaultServer([held, done]) as server:
        async with async_chats(server, max_parallel=1) as chats, anyio.create_task_group() as tasks:
            tasks.start_soon(send, "first")
            await anyio.to_thread.run_sync(held.wait)
            async with anyio.create_task_group() as queue:
                queue.start_soon(send, "cancelled")
                await anyio.wait_all_tasks_blocked()
                queue.cancel_scope.cancel()
            held.release()
            await send("next")
    assert server.messages == ["first", "next"]


@pytest.mark.anyio
async def test_call_cancelled_as_it_gets_its_place_gives_it_back() -> None:
    """A place that is handed over in the very moment of a cancellation is not lost."""
    with FaultServer([done]) as server:
        async with async_chats(server, max_parallel=1) as chats:
            places = chats._http._places
            await places.acquire()
            async with anyio.create_task_group() as queue:
                queue.start_soon(lambda: chats.send_message(chat_id=1, message="cancelled"))
                await anyio.wait_all_tasks_blocked()
                places.release()
                queue.cancel_scope.cancel()
            await chats.send_message(chat_id=1, message="next")
    assert server.messages == ["next"]


def test_an_interrupt_gives_the_place_back() -> None:
    """It goes up, and its place serves the next call."""
    broken = mock.patch.object(httpx.HTTPTransport, "handle_request", side_effect=KeyboardInterrupt)
    with FaultServer([done]) as server, sync_chats(server, max_parallel=1) as chats:
        with broken, pytest.raises(KeyboardInterrupt):
            chats.send_message(chat_id=1, message="broken")
        chats.send_message(chat_id=1, message="next")
    assert server.messages == ["next"]


@pytest.mark.anyio
async def test_an_interrupt_gives_the_place_of_a_task_back() -> None:
    """The same for tasks."""
    broken = mock.patch.object(
        httpx.AsyncHTTPTransport, "handle_async_request", side_effect=KeyboardInterrupt
    )
    with FaultServer([done]) as server:
        async with async_chats(server, max_parallel=1) as chats:
            with broken, pytest.raises(KeyboardInterrupt):
                await chats.send_message(chat_id=1, message="broken")
            await chats.send_message(chat_id=1, message="next")
    assert server.messages == ["next"]


def test_thread_that_waits_to_repeat_holds_no_place() -> None:
    """Between two attempts of one call another call has the place."""

    def send_between(attempt: Attempt) -> None:
        if attempt.wait is not None:
            chats.send_message(chat_id=1, message="between")

    with (
        FaultServer([answer(503), done]) as server,
        sync_chats(server, max_parallel=1, on_attempt=send_between) as chats,
    ):
        chats.send_message(chat_id=1, message="repeated")
    assert server.messages == ["repeated", "between", "repeated"]


@pytest.mark.anyio
async def test_task_that_waits_to_repeat_holds_no_place() -> None:
    """The same for tasks."""

    async def send_between(attempt: Attempt) -> None:
        if attempt.wait is not None:
            await chats.send_message(chat_id=1, message="between")

    with FaultServer([answer(503), done]) as server:
        async with async_chats(server, max_parallel=1, on_attempt=send_between) as chats:
            await chats.send_message(chat_id=1, message="repeated")
    assert server.messages == ["repeated", "between", "repeated"]


def test_killed_process_has_sent_once() -> None:
    """A process that dies between its request and the answer leaves one request, and nothing follows."""
    program = """if True:
        import sys
        from yandex_market_chats import ApiKey, MarketChats
        chats = MarketChats(business_id=123456, auth=ApiKey("token"), base_url=sys.argv[1])
        chats.send_message(chat_id=1, message="once")
    """
    held = Held()
    with FaultServer([held]) as server:
        with subprocess.Popen([sys.executable, "-c", program, server.base_url]) as child:
            held.wait()
            child.kill()
        held.release()
    assert server.connections == 1
    assert server.messages == ["once"]


def test_view_shares_the_places() -> None:
    """A view has no place while its client's only one is taken."""
    held = Held()
    with (
        FaultServer([held]) as server,
        sync_chats(server, max_parallel=1) as chats,
        ThreadPoolExecutor() as threads,
    ):
        first = threads.submit(chats.send_message, chat_id=1, message="first")
        held.wait()
        with pytest.raises(ConnectionFailedError) as raised:
            chats.with_options(retries=RetryPolicy(deadline=0.01)).send_message(chat_id=1, message="second")
        held.release()
        assert first.result().attempts == 1
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_SENT, 0)
    assert server.messages == ["first"]


@pytest.mark.anyio
async def test_async_view_shares_the_places() -> None:
    """The same for tasks."""
    held = Held()

    async def first() -> None:
        await chats.send_message(chat_id=1, message="first")

    with FaultServer([held]) as server:
        async with async_chats(server, max_parallel=1) as chats, anyio.create_task_group() as tasks:
            tasks.start_soon(first)
            await anyio.to_thread.run_sync(held.wait)
            view = chats.with_options(retries=RetryPolicy(deadline=0.01))
            with pytest.raises(ConnectionFailedError) as raised:
                await view.send_message(chat_id=1, message="second")
            held.release()
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_SENT, 0)
    assert server.messages == ["first"]


class Counting(httpx.MockTransport):
    """A transport that counts what it is asked for."""

    def __init__(self) -> None:
        """Begin at nothing."""
        super().__init__(self._answer)
        self.sent = 0
        self.closed = 0

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.sent += 1
        return httpx.Response(200, content=OK)

    def close(self) -> None:
        """Count."""
        self.closed += 1

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


def offline(kind: type[Any], transport: Counting) -> Any:
    """Make a client that reaches no network."""
    return kind(business_id=123456, auth=ApiKey("token"), transport=transport)


def test_view_leaves_the_connections_of_its_client_open() -> None:
    """A view sends over its client's connections, and closing it closes nothing; the client closes once."""
    transport = Counting()
    with offline(MarketChats, transport) as chats:
        with chats.with_options(timeout=1) as view:
            view.send_message(chat_id=1, message="from the view")
        chats.send_message(chat_id=1, message="from the client")
        assert transport.closed == 0
    chats.close()
    assert (transport.sent, transport.closed) == (2, 1)


@pytest.mark.anyio
async def test_async_view_leaves_the_connections_of_its_client_open() -> None:
    """The same for tasks."""
    transport = Counting()
    async with offline(AsyncMarketChats, transport) as chats:
        async with chats.with_options(timeout=1) as view:
            await view.send_message(chat_id=1, message="from the view")
        await chats.send_message(chat_id=1, message="from the client")
        assert transport.closed == 0
    await chats.aclose()
    assert (transport.sent, transport.closed) == (2, 1)


def test_closed_client_and_its_views_refuse_to_send() -> None:
    """After its end a client sends nothing, and neither do its views, nor theirs."""
    transport = Counting()
    with offline(MarketChats, transport) as chats:
        view = chats.with_options(timeout=1)
        view.send_message(chat_id=1, message="before")
    for closed in (chats, view, view.with_options(timeout=2)):
        with pytest.raises(ConfigurationError, match="closed"):
            closed.send_message(chat_id=1, message="after")
    assert transport.sent == 1


@pytest.mark.anyio
async def test_closed_async_client_and_its_views_refuse_to_send() -> None:
    """The same for tasks."""
    transport = Counting()
    async with offline(AsyncMarketChats, transport) as chats:
        view = chats.with_options(timeout=1)
        await view.send_message(chat_id=1, message="before")
    for closed in (chats, view, view.with_options(timeout=2)):
        with pytest.raises(ConfigurationError, match="closed"):
            await closed.send_message(chat_id=1, message="after")
    assert transport.sent == 1


@pytest.mark.parametrize("of_view", [False, True], ids=["client", "view"])
def test_client_closed_between_attempts_ends_the_call(*, of_view: bool) -> None:
    """A call that would be repeated is not, once its client is closed, and says that nothing was sent."""
    with FaultServer([answer(503), done]) as server:
        chats: MarketChats = sync_chats(server, on_attempt=lambda _: chats.close())
        sender = chats.with_options(timeout=5) if of_view else chats
        with pytest.raises(ConfigurationError, match="closed") as raised:
            sender.send_message(chat_id=1, message="once")
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_SENT, 1)
    assert server.messages == ["once"]


@pytest.mark.parametrize("of_view", [False, True], ids=["client", "view"])
@pytest.mark.anyio
async def test_async_client_closed_between_attempts_ends_the_call(*, of_view: bool) -> None:
    """The same for tasks."""

    async def close(_: Attempt) -> None:
        await chats.aclose()

    with FaultServer([answer(503), done]) as server:
        chats = async_chats(server, on_attempt=close)
        sender = chats.with_options(timeout=5) if of_view else chats
        with pytest.raises(ConfigurationError, match="closed") as raised:
            await sender.send_message(chat_id=1, message="once")
    assert (raised.value.delivery, raised.value.attempts) == (Delivery.NOT_SENT, 1)
    assert server.messages == ["once"]
