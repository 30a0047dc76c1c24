"""Many callers on one client, and many clients of one business: slots, the hour, and interruptions."""

import collections
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from fault_server import ACCEPTED, FaultServer, Wire, answer
from mock_api import SUCCESS, Kind, every_client, use
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    Attempt,
    Delivery,
    MarketChats,
    MarketError,
    RateLimitError,
    RetryPolicy,
)
from yandex_market_chats.sandbox import Sandbox

SLOTS = 4
"""The default of `max_parallel`."""
CROWD = [f"message {number}" for number in range(64)]

HOUR = 500_000 * 3600.0
"""The start of an hour, at which the clock of the sandbox stands still."""

done = answer(200)


def settings(server: FaultServer, **more: Any) -> dict[str, Any]:
    """Return the settings of a client of the server."""
    return {
        "business_id": 123456,
        "auth": ApiKey("token"),
        "base_url": server.base_url,
        "retries": RetryPolicy(backoff=0, deadline=5),
        **more,
    }


class Quartets:
    """A step that answers only when as many requests as there are slots are in flight.

    Attributes:
        most: How many requests were ever in flight at a time.
    """

    def __init__(self) -> None:
        """Start with nothing in flight."""
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._complete = threading.Barrier(SLOTS, timeout=5)

    def __call__(self, wire: Wire) -> None:
        """Serve a connection."""
        wire.read_request()
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._complete.wait()
        wire.pause(0.02)  # for one more to arrive, if it may
        with self._lock:
            self._now -= 1
        wire.send(ACCEPTED)


class Held:
    """A step that holds a request until it is released."""

    def __init__(self) -> None:
        """Start with no request."""
        self._arrived = threading.Event()
        self._released = threading.Event()

    def __call__(self, wire: Wire) -> None:
        """Serve a connection."""
        wire.read_request()
        self._arrived.set()
        self._released.wait(5)
        wire.send(ACCEPTED)

    def wait(self) -> None:
        """Wait until the request has arrived."""
        assert self._arrived.wait(5)

    def release(self) -> None:
        """Answer the request."""
        self._released.set()


# Slots


def test_threads_have_four_requests_in_flight_and_lose_none() -> None:
    """A business may have four requests in flight; more would be refused."""
    quartets = Quartets()
    with (
        FaultServer([quartets]) as server,
        MarketChats(**settings(server)) as chats,
        ThreadPoolExecutor(len(CROWD)) as threads,
    ):
        list(threads.map(lambda text: chats.send_message(chat_id=1, message=text), CROWD))
    assert quartets.most == SLOTS
    assert sorted(server.messages) == sorted(CROWD)


@pytest.mark.anyio
async def test_tasks_have_four_requests_in_flight_and_lose_none() -> None:
    """Tasks share the slots of their client like threads."""
    quartets = Quartets()

    async def send(text: str) -> None:
        await chats.send_message(chat_id=1, message=text)

    with FaultServer([quartets]) as server:
        async with AsyncMarketChats(**settings(server)) as chats, anyio.create_task_group() as tasks:
            for text in CROWD:
                tasks.start_soon(send, text)
    assert quartets.most == SLOTS
    assert sorted(server.messages) == sorted(CROWD)


def test_threads_that_go_on_sending_starve_none() -> None:
    """With `threading.Semaphore`, four of eight threads sent everything, and the others nothing."""
    counts = collections.Counter[int]()
    start = threading.Barrier(8)

    def handle(_: httpx.Request) -> httpx.Response:
        threading.Event().wait(0.001)
        return httpx.Response(200, content=SUCCESS)

    def go_on(thread: int) -> None:
        start.wait()
        while counts.total() < 400:
            chats.send_message(chat_id=1, message="text")
            counts[thread] += 1

    transport = httpx.MockTransport(handle)
    with (
        MarketChats(business_id=1, auth=ApiKey("token"), transport=transport) as chats,
        ThreadPoolExecutor(8) as threads,
    ):
        list(threads.map(go_on, range(8)))
    assert min(counts[thread] for thread in range(8)) >= 25, counts


@every_client
def test_call_between_two_attempts_holds_no_slot(kind: Kind) -> None:
    """A call that waits for its retry must not keep others from sending."""
    messages = []

    def handle(request: httpx.Request) -> httpx.Response:
        messages.append(request.content)
        return httpx.Response(200 if len(messages) > 1 else 429, content=SUCCESS)

    def send_between(attempt: Attempt) -> Any:
        if attempt.wait is not None:
            return clients[0].send_message(chat_id=1, message="between")
        return None

    clients: list[Any] = []

    def action(chats: Any) -> Any:
        clients.append(chats)
        return chats.send_message(chat_id=1, message="retried")

    use(kind, action, handle, max_parallel=1, on_attempt=send_between)
    assert [b"between" in message for message in messages] == [False, True, False]


@every_client
def test_interrupt_returns_the_slot(kind: Kind) -> None:
    """A program that handles Ctrl-C may go on to send."""
    outcomes = iter((KeyboardInterrupt(), httpx.Response(200, content=SUCCESS)))

    def handle(_: httpx.Request) -> httpx.Response:
        outcome = next(outcomes)
        if isinstance(outcome, httpx.Response):
            return outcome
        raise outcome

    def action(chats: Any) -> Any:
        if kind != "sync":
            return action_async(chats)
        with pytest.raises(KeyboardInterrupt):
            chats.send_message(chat_id=1, message="interrupted")
        return chats.send_message(chat_id=1, message="next")

    async def action_async(chats: Any) -> Any:
        with pytest.raises(KeyboardInterrupt):
            await chats.send_message(chat_id=1, message="interrupted")
        return await chats.send_message(chat_id=1, message="next")

    assert use(kind, action, handle, max_parallel=1, retries=RetryPolicy(deadline=1)).attempts == 1


# Cancelled tasks


@pytest.mark.parametrize("awaits", [False, True], ids=["waiting to retry", "in the hook"])
@pytest.mark.anyio
async def test_call_cancelled_between_attempts_is_not_retried(*, awaits: bool) -> None:
    """A message that its caller gave up must not be sent afterwards."""
    scope = anyio.CancelScope()

    async def cancel(_: Attempt) -> None:
        scope.cancel()
        if awaits:
            await anyio.lowlevel.checkpoint()

    with FaultServer([answer(503, headers={"Retry-After": "3"}), done]) as server:
        async with AsyncMarketChats(**settings(server, max_parallel=1, on_attempt=cancel)) as chats:
            with scope:
                await chats.send_message(chat_id=1, message="cancelled")
            await chats.send_message(chat_id=1, message="next")
    assert scope.cancelled_caught
    assert server.messages == ["cancelled", "next"]


@pytest.mark.parametrize("steps", range(8))
@pytest.mark.anyio
async def test_slot_handed_to_a_cancelled_call_is_not_lost(steps: int) -> None:
    """A call can be cancelled in the very step in which the one before it returns its slot."""
    release = anyio.Event()

    async def handle(request: httpx.Request) -> httpx.Response:
        if b"first" in request.content:
            await release.wait()
        return httpx.Response(200, content=SUCCESS)

    async def send(text: str) -> None:
        await chats.send_message(chat_id=1, message=text)

    async with (
        AsyncMarketChats(
            business_id=1,
            auth=ApiKey("token"),
            transport=httpx.MockTransport(handle),
            retries=RetryPolicy(deadline=5),
            max_parallel=1,
        ) as chats,
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
async def test_call_cancelled_in_the_queue_sends_nothing() -> None:
    """A call that waits for a slot leaves the queue, and its note says that nothing was sent."""
    held, notes = Held(), list[str]()

    async def send(text: str) -> None:
        try:
            await chats.send_message(chat_id=1, message=text)
        except BaseException as error:
            notes.extend(error.__notes__)
            raise

    with FaultServer([held, done]) as server:
        async with (
            AsyncMarketChats(**settings(server, max_parallel=1)) as chats,
            anyio.create_task_group() as tasks,
        ):
            tasks.start_soon(send, "first")
            await anyio.to_thread.run_sync(held.wait)
            async with anyio.create_task_group() as waiting:
                waiting.start_soon(send, "cancelled")
                await anyio.wait_all_tasks_blocked()
                waiting.cancel_scope.cancel()
            held.release()
            await send("next")
    assert notes == ["Nothing was sent."]
    assert server.messages == ["first", "next"]


class Recording:
    """Limits like those that several programs share, which record what is taken and returned."""

    def __init__(self) -> None:
        """Start with nothing taken."""
        self.taken: list[str] = []
        self.returned: queue.SimpleQueue[str] = queue.SimpleQueue()

    def take(self, slot: str, _resource: str) -> float:
        """Record a slot."""
        self.taken.append(slot)
        return 0.0

    def give_back(self, slot: str, _resource: str, _headers: Mapping[str, str] | None) -> None:
        """Record a slot."""
        self.returned.put(slot)


@pytest.mark.anyio
async def test_cancelled_call_returns_the_slot_of_shared_limits() -> None:
    """Another program may be waiting for the slot."""
    limits = Recording()
    scope = anyio.CancelScope()

    async def handle(_: httpx.Request) -> httpx.Response:
        scope.cancel()
        await anyio.lowlevel.checkpoint()
        raise AssertionError

    transport = httpx.MockTransport(handle)
    async with AsyncMarketChats(
        business_id=1, auth=ApiKey("token"), transport=transport, limits=limits
    ) as chats:
        with scope:
            await chats.send_message(chat_id=1, message="cancelled")
    assert limits.taken == [limits.returned.get(timeout=5)]


# Signals and processes


CLIENT = """
import random, signal, sys
from concurrent.futures import ThreadPoolExecutor
from yandex_market_chats import ApiKey, MarketChats

url, token, *arguments = sys.argv[1:]
chats = MarketChats(business_id=123456, auth=ApiKey(token), base_url=url)

def send(text):
    chats.send_message(chat_id=1, message=text)
"""

ONE_MESSAGE = "send('once')"

MANY_MESSAGES = """
with ThreadPoolExecutor(4) as threads:
    list(threads.map(send, [f"message {number} of process {arguments[0]}" for number in range(20)]))
"""

TIME_LIMITS = """
class TimeLimit(Exception):
    pass

def strike(*_):
    if armed:
        raise TimeLimit

send("first")  # an interrupted import would lock its module, which is Python's affair
signal.signal(signal.SIGALRM, strike)
seconds = random.Random(18)
for number in range(1000):
    note = "no exception"
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, seconds.uniform(0.00001, 0.003))
        send(f"message {number}")
        armed = False
    except TimeLimit as error:
        armed = False
        note = getattr(error, "__notes__", ["no note: it struck outside the call"])[0]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    print(note, f"message {number}", sep="\t")

with ThreadPoolExecutor(4) as threads:
    list(threads.map(send, [f"last {number}" for number in range(4)]))
"""
"""A worker whose tasks are interrupted at random moments, and who needs all slots at the end."""


@contextmanager
def running(program: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a program until the end of the block; its arguments are the base URL, the token, and its own."""
    command = [sys.executable, "-c", CLIENT + program, *arguments]
    # Coverage has a lock of its own, which an exception of a signal handler can leave locked.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=plain) as child:
        try:
            yield child
        finally:
            child.kill()


def test_killed_process_has_sent_once() -> None:
    """A process that dies between its request and the response leaves one message, and nothing follows."""
    held = Held()
    with FaultServer([held]) as server:
        with running(ONE_MESSAGE, server.base_url, "token"):
            held.wait()
        held.release()
    assert server.connections == 1
    assert server.messages == ["once"]


def test_four_processes_that_share_a_business_lose_no_message() -> None:
    """Programs that know nothing of each other exceed the limit together, so their waits must grow."""
    with Sandbox(latency=0.05) as sandbox, ExitStack() as stack:
        settings = (sandbox.base_url, sandbox.token)
        children = [stack.enter_context(running(MANY_MESSAGES, *settings, str(n))) for n in range(4)]
        assert [child.wait(60) for child in children] == [0] * 4
        texts = [message.text for message in sandbox.messages]
    assert sorted(texts) == sorted(f"message {n} of process {p}" for n in range(20) for p in range(4))


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such signals")
def test_time_limits_lose_no_slot_and_leave_no_false_note() -> None:
    """Celery and RQ raise from a signal handler, at any line, and their workers go on to the next task."""
    together = threading.Barrier(SLOTS, timeout=5)

    def step(wire: Wire) -> None:
        wire.read_request()
        if b"last" in server.requests[-1].body:
            together.wait()
        wire.send(ACCEPTED)

    ends: dict[str, set[str]] = collections.defaultdict(set)
    with FaultServer([step]) as server, running(TIME_LIMITS, server.base_url, "token") as worker:
        for line in worker.communicate(timeout=60)[0].splitlines():
            note, text = line.split("\t")
            ends[note].add(text)
        assert worker.returncode == 0
    sent = collections.Counter(server.messages)
    assert len(ends) >= 3, ends.keys()
    assert not ends["Nothing was sent."] & set(sent)
    assert ends["The message was sent."] | ends["no exception"] <= set(sent)
    assert set(sent.values()) == {1}


# The hour


def outcome(error: MarketError | None) -> Any:
    """Return what matters of the end of a call."""
    if error is None:
        return "sent"
    assert isinstance(error, RateLimitError)
    assert error.until is not None
    return error.status_code, error.attempts, error.delivery


def test_client_of_threads_ends_its_hour_without_a_refusal() -> None:
    """What cannot be sent within the deadline is refused without a request, as the API would refuse it."""
    with (
        Sandbox(hourly_limit=20, clock=lambda: HOUR) as sandbox,
        MarketChats(business_id=123456, auth=ApiKey(sandbox.token), base_url=sandbox.base_url) as chats,
        ThreadPoolExecutor(4) as threads,
    ):

        def send(number: int) -> Any:
            try:
                chats.send_message(chat_id=42, message=f"message {number}")
            except MarketError as error:
                return outcome(error)
            return outcome(None)

        ends = collections.Counter(threads.map(send, range(60)))
        assert (sandbox.requests, len(sandbox.messages)) == (20, 20)
    assert ends == {"sent": 20, (420, 0, Delivery.NOT_SENT): 40}


@pytest.mark.anyio
async def test_client_of_tasks_ends_its_hour_without_a_refusal() -> None:
    """Tasks share the hour of their client like threads."""
    ends = collections.Counter[Any]()
    with Sandbox(hourly_limit=20, clock=lambda: HOUR) as sandbox:

        async def send(number: int) -> None:
            error: MarketError | None = None
            try:
                await chats.send_message(chat_id=42, message=f"message {number}")
            except MarketError as raised:
                error = raised
            ends[outcome(error)] += 1

        async with (
            AsyncMarketChats(
                business_id=123456, auth=ApiKey(sandbox.token), base_url=sandbox.base_url
            ) as chats,
            anyio.create_task_group() as tasks,
        ):
            for number in range(60):
                tasks.start_soon(send, number)
        assert (sandbox.requests, len(sandbox.messages)) == (20, 20)
    assert ends == {"sent": 20, (420, 0, Delivery.NOT_SENT): 40}
