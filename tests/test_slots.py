"""Slots for threads: first come, first served, and not lost if an exception interrupts any line."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

import httpx
import pytest

from calls import make_request
from mock_api import TOKEN, answer
from yandex_market_chats import ApiKey, RetryPolicy, _limits, _retry, _transport
from yandex_market_chats._limits import Slots
from yandex_market_chats._transport import RetryingTransport


class Ticket:
    """A lock that runs an action when its thread queues up, and records the timeouts of the thread."""

    def __init__(self, action: Callable[[], object] = bool) -> None:
        """Store the action."""
        self._lock, self._action = threading.Lock(), action
        self.timeouts: list[float] = []

    def acquire(self, timeout: float = -1) -> bool:
        """Acquire the lock; only a thread in the queue sets a timeout."""
        if timeout >= 0:
            self.timeouts.append(timeout)
            self._action()
        return self._lock.acquire(timeout=timeout)

    def release(self) -> None:
        """Release the lock."""
        self._lock.release()


def test_slots_are_limited() -> None:
    """The API refuses more requests at once; a slot that is released is free again."""
    slots = Slots(2)
    first, second, third, fourth = (threading.Lock() for _ in range(4))
    assert slots.wait(first, 0)
    assert slots.wait(second, 0)
    assert not slots.wait(third, 0)
    slots.leave(third)
    slots.leave(second)
    assert slots.wait(fourth, 0)


def test_slots_are_handed_over_first_come_first_served() -> None:
    """With more threads than slots, no thread may have to wait until the others have sent everything."""
    slots, served, first = Slots(1), list[int](), threading.Lock()
    assert slots.wait(first, 0)

    def serve(number: int, ticket: Any) -> None:
        assert slots.wait(ticket, 5)
        served.append(number)
        slots.leave(ticket)

    with ThreadPoolExecutor() as pool:
        ends = []
        for number in range(4):
            queued = threading.Event()
            ends.append(pool.submit(serve, number, Ticket(queued.set)))
            assert queued.wait(5)
        slots.leave(first)
        for end in ends:
            end.result(5)
    assert served == [0, 1, 2, 3]


def test_a_thread_that_goes_on_queues_behind_those_that_wait() -> None:
    """A thread that sends one message after another must not starve the rest."""
    slots, first, again = Slots(1), threading.Lock(), threading.Lock()
    assert slots.wait(first, 0)

    def go_on() -> None:
        slots.leave(first)
        assert not slots.wait(again, 0)

    waiting: Any = Ticket(go_on)
    assert slots.wait(waiting, 5)


def test_a_thread_waits_no_longer_than_its_timeout() -> None:
    """A call that finds no slot must end at its deadline."""
    slots, ticket = Slots(1), Ticket()
    late: Any = ticket
    assert slots.wait(threading.Lock(), 0)
    assert not slots.wait(late, 0)
    assert ticket.timeouts == [0]


def test_a_ticket_that_gave_up_does_not_block_the_queue() -> None:
    """A call whose deadline passed leaves the queue, and leaving twice is harmless."""
    slots, first, second, third = Slots(1), threading.Lock(), threading.Lock(), threading.Lock()
    assert slots.wait(first, 0)
    assert not slots.wait(second, 0)
    for _ in range(2):
        slots.leave(second)
    for _ in range(2):
        slots.leave(first)
    assert slots.wait(third, 0)


# Exceptions that a signal handler or a time limit raises.


class Interruption(BaseException):
    """An exception that is raised between two lines."""


def interruptions(action: Callable[[], object], here: Callable[[CodeType], bool]) -> Iterator[None]:
    """Repeat an action, interrupted at each line of the functions `here` in turn; yield after each time."""
    for line in itertools.count():
        lines = itertools.count()

        def trace(frame: FrameType, event: str, _: object, line: int = line, lines: Any = lines) -> Any:
            if event == "line" and next(lines) == line:
                raise Interruption
            return trace if here(frame.f_code) else None

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            action()
        except Interruption:
            sys.settrace(before)
            yield
        else:
            return
        finally:
            sys.settrace(before)


def test_an_exception_at_any_line_loses_no_slot_and_locks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next call and one that waits already get their slots, no matter which line was interrupted."""
    queued, ends = threading.Event(), list[Any]()
    namespace = SimpleNamespace(Lock=lambda: Ticket(queued.set), Event=threading.Event)
    monkeypatch.setattr(_transport, "threading", namespace)

    def handle(_request: httpx.Request) -> httpx.Response:
        if not ends:
            ends.append(pool.submit(transport.handle_request, make_request()))
            assert queued.wait(5)
        return answer()

    transport = RetryingTransport(
        transport=httpx.MockTransport(handle),
        base_url=httpx.URL("https://api.example.test"),
        credentials=ApiKey(TOKEN),
        policy=RetryPolicy(deadline=5),
        max_parallel=1,
        limits=None,
        on_attempt=None,
    )
    files, count = {module.__file__ for module in (_limits, _retry, _transport)}, 0
    with ThreadPoolExecutor() as pool:
        for _ in interruptions(
            lambda: transport.handle_request(make_request()), lambda code: code.co_filename in files
        ):
            count += 1
            ends.append(pool.submit(transport.handle_request, make_request()))
            assert [end.result(5).status_code for end in ends] == [200] * len(ends)
            queued.clear()
            ends.clear()
    assert count > 100


def test_an_exception_in_the_queue_leaves_it() -> None:
    """An interrupted thread must not get a slot that it does not use."""
    slots, first = Slots(1), threading.Lock()
    assert slots.wait(first, 0)

    def queue() -> None:
        ticket = threading.Lock()
        try:
            slots.wait(ticket, 0)
        finally:
            slots.leave(ticket)

    assert len([*interruptions(queue, lambda code: "wait" in code.co_name)]) >= 5
    slots.leave(first)
    assert slots.wait(threading.Lock(), 0)
