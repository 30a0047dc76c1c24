"""One run: it claims rows, hands them to threads that send them, and records the outcomes."""

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from queue import Empty, SimpleQueue
from typing import NamedTuple

from yandex_market_chats._chats import MarketChats
from yandex_market_chats._limits import HOUR, RateLimit
from yandex_market_chats._operations import SentMessage

from ._outcome import judge
from ._rows import Entry, Progress, State
from ._store import Store

TICK = 1.0
"""Seconds after which a waiting run reports its progress and checks whether it must stop."""
MAX_FAILURES = 8
"""Failures in a row that stop a run, because the API or the network must be down."""


class Result(NamedTuple):
    """What a thread reports: the key of a row, and what `send_message` returned or raised."""

    key: str
    value: SentMessage | BaseException


class Run:
    """The state of one run, which belongs to the thread that opened the journal."""

    def __init__(
        self,
        store: Store,
        entries: Iterable[Entry],
        *,
        chats: MarketChats,
        parallel: int,
        on_progress: Callable[[Progress], object] | None,
        is_stopped: Callable[[], bool],
        now: Callable[[], datetime],
        sleep: Callable[[float], None],
    ) -> None:
        self._store, self._chats, self._parallel = store, chats, parallel
        self._on_progress, self._is_stopped, self._now, self._sleep = on_progress, is_stopped, now, sleep
        self._counts: Counter[State] = Counter()
        self._todo: deque[str] = deque()
        for entry in entries:
            self._counts[entry.state] += 1
            if entry.state is State.WAITING:
                self._todo.append(entry.key)
        self._claimed: SimpleQueue[Entry | None] = SimpleQueue()
        self._results: SimpleQueue[Result] = SimpleQueue()
        self._in_flight = self._failures = 0
        self._limit: RateLimit | None = None
        self._left, self._hour_ends = math.inf, datetime.min.replace(tzinfo=UTC)
        self._error: BaseException | None = None

    def send(self) -> Progress:
        """Send what is waiting, and return when nothing is in flight any more.

        Raises:
            BaseException: The error that stopped the run.
        """
        threads = [threading.Thread(target=self._send_claimed, daemon=True) for _ in range(self._parallel)]
        for thread in threads:
            thread.start()
        try:
            while self._step():
                pass
        finally:  # however the run ends, what is in flight is finished and recorded
            for _ in threads:
                self._claimed.put(None)
            for thread in threads:
                thread.join()
            while not self._results.empty():
                self._record(self._results.get())
        if self._error is not None:
            raise self._error
        return self.progress()

    def progress(self) -> Progress:
        """Return how far the run has got."""
        return Progress(
            waiting=self._counts[State.WAITING],
            sending=self._counts[State.SENDING],
            sent=self._counts[State.SENT],
            refused=self._counts[State.REFUSED],
            unknown=self._counts[State.UNKNOWN],
            rate_limit=self._limit,
            paused_until=self._hour_ends if self._todo and not self._room() else None,
            stopping=self._stopping,
        )

    @property
    def _stopping(self) -> bool:
        return self._error is not None or self._is_stopped()

    def _step(self) -> bool:
        """Claim what may be sent now, then record an outcome or wait; return whether there is more to do."""
        while self._todo and not self._stopping and self._in_flight < min(self._parallel, self._room()):
            self._claim()
        if self._on_progress is not None:
            self._on_progress(self.progress())
        if self._in_flight:
            with suppress(Empty):
                self._record(self._results.get(timeout=TICK))
        elif self._todo and not self._stopping:
            self._sleep(TICK)
        else:
            return False
        return True

    def _claim(self) -> None:
        """Hand a row to the threads, unless another program has changed its state."""
        key = self._todo.popleft()
        is_ours = self._store.claim(key, self._now())
        entry = self._store.entry(key)
        self._move(State.WAITING, entry.state)
        if is_ours:
            self._claimed.put(entry)
            self._in_flight += 1

    def _record(self, result: Result) -> None:
        """Record the outcome of a call, and decide whether the run goes on."""
        key, value = result
        outcome = judge(value, self._now())
        self._store.record(
            key,
            outcome.state,
            self._now(),
            attempts=outcome.attempts,
            error=outcome.error,
            message_id=outcome.message_id,
        )
        self._in_flight -= 1
        self._move(State.SENDING, outcome.state)
        self._observe(outcome.rate_limit)
        if outcome.held:
            self._todo.appendleft(key)
        elif outcome.state in {State.SENT, State.REFUSED}:
            self._failures = 0
        else:
            self._failures += 1
        if isinstance(value, BaseException) and (outcome.fatal or self._failures >= MAX_FAILURES):
            self._error = self._error or value

    def _move(self, old: State, new: State) -> None:
        self._counts[old] -= 1
        self._counts[new] += 1

    def _observe(self, limit: RateLimit | None) -> None:
        """Keep the latest hour, and the least that is left of it, because responses overtake each other."""
        if limit is None or limit.remaining is None or limit.until is None:
            return
        ends = min(limit.until, self._now() + timedelta(seconds=HOUR))
        if (ends, -limit.remaining) > (self._hour_ends, -self._left):
            self._limit, self._hour_ends, self._left = limit, ends, limit.remaining

    def _room(self) -> float:
        """Return how many more requests the hour accepts, including those in flight."""
        return self._left if self._now() < self._hour_ends else math.inf

    def _send_claimed(self) -> None:
        """Send claimed rows, in a thread, until `None` arrives."""
        while entry := self._claimed.get():
            try:
                sent = self._chats.send_message(chat_id=entry.chat_id, message=entry.message)
            except BaseException as error:  # noqa: BLE001 -- the run raises it, if it must stop
                self._results.put(Result(entry.key, error))
            else:
                self._results.put(Result(entry.key, sent))
