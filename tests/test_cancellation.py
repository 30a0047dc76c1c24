"""Tasks that are cancelled while they send: the notes, slots and sockets that they leave."""

import asyncio
import queue
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from fault_server import FaultServer, answer, ca_file
from mock_api import TOKEN, Api, Kind, busy, closed_url, send, settings
from mock_api import answer as response
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    Attempt,
    ConnectionFailedError,
    Delivery,
    RetryPolicy,
    _transport,
)

NOTHING_SENT = "Nothing was sent."
IN_DOUBT = "The message may have been sent: check the chat before sending it again."

# httpx and httpcore leave the iterators of a broken exchange to the garbage collector, and trio warns.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


@pytest.mark.parametrize("awaits", [False, True], ids=["waiting to retry", "in the hook"])
@pytest.mark.anyio
async def test_a_call_that_is_cancelled_between_attempts_is_not_retried(*, awaits: bool) -> None:
    """A message must not be sent after its caller has cancelled the call."""
    scope = anyio.CancelScope()
    messages = []

    def handle(request: httpx.Request) -> httpx.Response:
        messages.append(request.content)
        return busy(Retry_After="3") if len(messages) == 1 else response()

    async def cancel(_: Attempt) -> None:
        scope.cancel()
        if awaits:
            await anyio.lowlevel.checkpoint()

    async with AsyncMarketChats(**settings(handle, max_parallel=1, on_attempt=cancel)) as chats:
        with scope:
            await chats.send_message(chat_id=1, message="cancelled")
        await chats.send_message(chat_id=1, message="next")
    assert scope.cancelled_caught
    assert [b"next" in message for message in messages] == [False, True]


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.anyio
async def test_a_slot_that_is_handed_to_a_cancelled_call_is_not_lost(steps: int) -> None:
    """A call can be cancelled in the very step in which the one before it returns its slot."""
    release = anyio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        if b"first" in request.content:
            await release.wait()
        return response()

    async def send(text: str) -> None:
        await chats.send_message(chat_id=1, message=text)

    async with (
        AsyncMarketChats(**settings(handle, max_parallel=1, retries=RetryPolicy(deadline=5))) as chats,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(send, "first")
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(send, "cancelled")
            await anyio.wait_all_tasks_blocked()
            release.set()
            for _ in range(steps):
                await anyio.lowlevel.checkpoint()
            waiting.cancel_scope.cancel()
        await send("next")


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_in_the_queue_sends_nothing() -> None:
    """A call that waits for a slot leaves the queue, and its note says that nothing was sent."""
    release, notes, messages = anyio.Event(), list[str](), list[bytes]()

    async def handle(request: httpx.Request) -> httpx.Response:
        messages.append(request.content)
        await release.wait()
        return response()

    async def send(text: str) -> None:
        try:
            await chats.send_message(chat_id=1, message=text)
        except BaseException as error:
            notes.extend(error.__notes__)
            raise

    async with (
        AsyncMarketChats(**settings(handle, max_parallel=1)) as chats,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(send, "first")
        await anyio.wait_all_tasks_blocked()
        async with anyio.create_task_group() as waiting:
            waiting.start_soon(send, "cancelled")
            await anyio.wait_all_tasks_blocked()
            waiting.cancel_scope.cancel()
        release.set()
        await send("next")
    assert notes == [NOTHING_SENT]
    assert [b"cancelled" in message for message in messages] == [False, False]


class Recording:
    """Limits like those that several programs share, which record what is taken and returned."""

    def __init__(self) -> None:
        """Start with nothing taken."""
        self.taken: list[str] = []
        self.returned: queue.SimpleQueue[str] = queue.SimpleQueue()

    def take(self, slot: str, _resource: str) -> float:
        """Record that a slot is taken."""
        self.taken.append(slot)
        return 0.0

    def give_back(self, slot: str, _resource: str, _headers: Mapping[str, str] | None) -> None:
        """Record that a slot is returned."""
        self.returned.put(slot)


@pytest.mark.anyio
async def test_a_cancelled_call_returns_the_slot_of_shared_limits() -> None:
    """Another program may be waiting for the slot."""
    limits = Recording()
    scope = anyio.CancelScope()

    async def handle(_: httpx.Request) -> httpx.Response:
        scope.cancel()
        await anyio.lowlevel.checkpoint()
        raise AssertionError

    async with AsyncMarketChats(**settings(handle, limits=limits)) as chats:
        with scope:
            await chats.send_message(chat_id=1, message="cancelled")
    assert limits.taken == [limits.returned.get(timeout=5)]


# Sockets.


ONE_LEFT = {
    "Date": "Thu, 10 Jul 2018 00:42:40 GMT",
    "X-RateLimit-Resource-Remaining": "1",
    "X-RateLimit-Resource-Until": "Thu, 10 Jul 2018 01:42:40 GMT",
}
"""Near the end of an hour, a call that the limits count as in flight forever would stop all others."""

Cancel = Callable[[Callable[[], Awaitable[object]], int], Awaitable[None]]


async def cancel_natively(send: Callable[[], Any], steps: int) -> None:
    """Cancel a task of asyncio after a number of steps of the event loop."""
    task = asyncio.ensure_future(send())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def cancel_twice(send: Callable[[], Any], steps: int) -> None:
    """Cancel a task of asyncio again while it cleans up."""
    task = asyncio.ensure_future(send())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def cancel_scope(send: Callable[[], Any], steps: int) -> None:
    """Cancel a scope of anyio after a number of steps of the event loop."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def cancel_at_each_step(cancel: Cancel, *, tls: bool) -> None:
    """Cancel each call one step later than the one before, and check what they left behind."""
    ends: dict[str, list[str]] = {}
    with ExitStack() as stack:
        server = stack.enter_context(FaultServer([answer(200, headers=ONE_LEFT)], tls=tls))
        chats = AsyncMarketChats(
            business_id=1,
            auth=ApiKey(TOKEN),
            base_url=server.base_url,
            retries=RetryPolicy(deadline=5),
            max_parallel=1,
        )
        for steps in range(150):

            async def send(text: str = f"message {steps}") -> None:
                try:
                    await chats.send_message(chat_id=1, message=text)
                except BaseException as error:
                    for note in getattr(error, "__notes__", ["no note"]):
                        ends.setdefault(note, []).append(text)
                    raise

            await cancel(send, steps)
        await chats.send_message(chat_id=1, message="last")
        # In a thread, because the event loop must go on to close sockets. It fails if one is left open.
        await anyio.to_thread.run_sync(stack.pop_all().close)
    assert {NOTHING_SENT} <= set(ends) <= {NOTHING_SENT, IN_DOUBT}
    assert not set(ends[NOTHING_SENT]) & set(server.messages)
    assert len(server.messages) == len({*server.messages})
    assert "last" in server.messages


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(
    ("cancel", "backend"),
    [
        (cancel_natively, "asyncio"),
        (cancel_twice, "asyncio"),
        (cancel_scope, "asyncio"),
        (cancel_scope, "trio"),
    ],
    ids=["native", "native twice", "anyio", "trio"],
)
def test_a_cancelled_call_leaves_no_socket_no_slot_and_no_false_note(
    cancel: Cancel, backend: str, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    """A cancelled TLS handshake could leak its socket, until a long-running program has none left."""
    with ca_file() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        anyio.run(lambda: cancel_at_each_step(cancel, tls=tls), backend=backend)


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_call_that_is_cut_off_while_it_connects_sent_nothing(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline of a task can end an attempt before httpx's own timeout, which would name the phase."""

    async def connect(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(_transport, "GRACE", -59.9)
    monkeypatch.setattr("anyio.connect_tcp", connect)
    monkeypatch.setattr("trio.open_tcp_stream", connect)
    with pytest.raises(ConnectionFailedError, match=r"\(ReadTimeout: the deadline passed\)") as caught:
        send(kind, Api(), transport=None, base_url=closed_url(), retries=RetryPolicy.disabled())
    assert caught.value.delivery is Delivery.NOT_SENT
