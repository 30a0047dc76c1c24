"""Calls that Ctrl-C or the time limit of a worker interrupts: the notes and the slots that they leave."""

import collections
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from fault_server import ACCEPTED, FaultServer, Wire
from mock_api import Api, Kind, answer, busy, closed_url, done, every_client, http_client, send, use
from yandex_market_chats import (
    Attempt,
    RetryPolicy,
)

SLOTS = 4
"""The default of `max_parallel`."""
NOTHING_SENT = "Nothing was sent."
IN_DOUBT = "The message may have been sent: check the chat before sending it again."
SENT = "The message was sent."


class TimeLimit(Exception):  # noqa: N818 -- named like those of task queues
    """The exception that a worker raises, at any line, in a task that takes too long."""


def limit(*_: object, **__: object) -> Any:
    """Raise the exception of the worker."""
    raise TimeLimit


async def limit_task(*_: object, **__: object) -> Any:
    """Raise the exception of the worker in a task."""
    raise TimeLimit


def notes(action: Callable[[], object]) -> list[str]:
    """Return the notes on the worker's exception when it reaches the caller."""
    with pytest.raises(TimeLimit) as caught:
        action()
    return caught.value.__notes__


class Interrupted:
    """Limits that a worker's exception interrupts."""

    take = limit

    def give_back(self, *_: object) -> None:
        """Do nothing."""


@every_client
def test_a_call_that_is_interrupted_in_its_limits_sent_nothing(kind: Kind) -> None:
    """No request leaves before the limits allow it."""
    assert notes(lambda: send(kind, Api(), limits=Interrupted())) == [NOTHING_SENT]


@every_client
def test_a_call_that_is_interrupted_while_it_connects_sent_nothing(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network reports that it connects, so the request has not left."""
    monkeypatch.setattr("socket.create_connection", limit)
    monkeypatch.setattr("anyio.connect_tcp", limit_task)
    monkeypatch.setattr("trio.open_tcp_stream", limit_task)
    assert notes(lambda: send(kind, Api(), transport=None, base_url=closed_url())) == [NOTHING_SENT]


@every_client
def test_a_call_that_is_interrupted_in_a_transport_without_events_is_unknown(kind: Kind) -> None:
    """A transport that reports nothing may have sent the request."""
    assert notes(lambda: send(kind, limit)) == [IN_DOUBT]


@every_client
def test_a_call_that_is_interrupted_in_its_hook_was_sent(kind: Kind) -> None:
    """The hook is called after the attempt, whose outcome is known."""

    def interrupt(_: Attempt) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt) as caught:
        send(kind, Api(answer()), on_attempt=interrupt)
    assert caught.value.__notes__ == [SENT]


@every_client
def test_a_call_that_is_interrupted_before_its_retry_sent_nothing(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt before the wait was refused."""
    monkeypatch.setattr("time.sleep", limit)
    monkeypatch.setattr("anyio.sleep", limit_task)
    assert notes(lambda: send(kind, Api(busy(Retry_After="2")))) == [NOTHING_SENT]


@every_client
def test_a_call_that_is_interrupted_while_it_reads_its_content_sent_nothing(kind: Kind) -> None:
    """The content of a request is read before the first attempt."""

    async def broken() -> Any:
        yield limit()

    content = map(limit, [b"part"]) if kind == "sync" else broken()
    assert notes(lambda: use(kind, lambda chats: http_client(chats).post("/v2", content=content), Api())) == [
        NOTHING_SENT
    ]


@every_client
def test_an_interrupted_call_returns_its_slot(kind: Kind) -> None:
    """A program that handles Ctrl-C may go on to send."""
    outcomes = iter((KeyboardInterrupt(), answer()))

    def handle(_: httpx.Request) -> httpx.Response:
        outcome = next(outcomes)
        if isinstance(outcome, httpx.Response):
            return outcome
        raise outcome

    async def action(chats: Any) -> Any:
        with pytest.raises(KeyboardInterrupt):
            await done(chats.send_message(chat_id=1, message="interrupted"))
        return await done(chats.send_message(chat_id=1, message="next"))

    assert use(kind, action, handle, max_parallel=1, retries=RetryPolicy(deadline=1)).attempts == 1


def test_an_interrupted_return_of_a_slot_is_done_again() -> None:
    """The time limit of a worker can strike there, too, and shared limits would miss the slot for a lease."""
    returned: list[str] = []

    class Limits:
        def take(self, *_: str) -> float:
            return 0.0

        def give_back(self, slot: str, *_: object) -> None:
            returned.append(slot)
            if len(returned) == 1:
                raise TimeLimit

    with pytest.raises(TimeLimit):
        send("sync", Api(answer()), limits=Limits())
    first, second = returned
    assert first == second


WORKER = """
import random, signal, sys
from concurrent.futures import ThreadPoolExecutor
from yandex_market_chats import ApiKey, MarketChats

chats = MarketChats(business_id=123456, auth=ApiKey("token"), base_url=sys.argv[1])

def send(text):
    chats.send_message(chat_id=1, message=text)

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
    print(note, f"message {number}", sep="\\t")

with ThreadPoolExecutor(4) as threads:
    list(threads.map(send, [f"last {number}" for number in range(4)]))
"""
"""A worker whose tasks are interrupted at random moments, and which needs all slots at the end."""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="Windows has no such signals")
def test_time_limits_lose_no_slot_and_leave_no_false_note() -> None:
    """Celery and RQ raise from a signal handler, at any line, and their workers go on to the next task."""
    together = threading.Barrier(SLOTS, timeout=5)

    def step(wire: Wire) -> None:
        wire.read_request()
        if b"last" in server.requests[-1].body:
            together.wait()
        wire.send(ACCEPTED)

    # Coverage has its own lock, which an exception of a signal handler can leave locked.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with FaultServer([step]) as server:
        worker = subprocess.run(
            [sys.executable, "-c", WORKER, server.base_url],
            stdout=subprocess.PIPE,
            text=True,
            env=plain,
            timeout=60,
            check=True,
        )
    ends: dict[str, set[str]] = collections.defaultdict(set)
    for line in worker.stdout.splitlines():
        note, text = line.split("\t")
        ends[note].add(text)
    sent = collections.Counter(server.messages)
    assert len(ends) >= 3, ends.keys()
    assert not ends[NOTHING_SENT] & set(sent)
    assert ends[SENT] | ends["no exception"] <= set(sent)
    assert set(sent.values()) == {1}
