"""One run: it claims rows, hands them to threads that send them, and records the outcomes."""

import math
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from queue import Empty, SimpleQueue
from typing import Any

from yandex_market_chats._chats import MarketChats
from yandex_market_chats._limits import HOUR, RateLimit
from yandex_market_chats._operations import SentMessage
from yandex_market_chats._settle import Before

from ._outcome import judge
from ._rows import Entry, Progress, State
from ._settled import SettledCall
from ._store import Store

TICK = 1.0
"""Seconds after which a waiting run reports its progress and checks whether it must stop."""
MAX_FAILURES = 8
"""Failures in a row that stop a run, because the API or the network must be down."""


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
        self._settles = chats._settle_unknown  # noqa: SLF001 -- of this package
        self._todo: deque[str] = deque()
        self._lost: deque[tuple[Entry, Before]] = deque()
        for entry in entries:
            self._counts[entry.state] += 1
            if entry.state is State.WAITING:
                self._todo.append(entry.key)
            elif self._settles and entry.state is State.UNKNOWN and (before := store.before(entry.key)):
                self._lost.append((entry, before))
        self._jobs: SimpleQueue[tuple[Callable[[], Any], Callable[[Any], None]] | None] = SimpleQueue()
        self._results: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._in_flight = self._failures = 0
        self._limit: RateLimit | None = None
        self._left, self._hour_ends = math.inf, datetime.min.replace(tzinfo=UTC)
        self._error: BaseException | None = None

    def send(self) -> Progress:
        """Settle the unknown rows of earlier runs, send the waiting rows, and finish the calls in flight.

        Raises:
            BaseException: The error that stopped the run.
        """
        threads = [threading.Thread(target=self._work, daemon=True) for _ in range(self._parallel)]
        for thread in threads:
            thread.start()
        try:
            while self._step():
                pass
        except BaseException as error:  # noqa: BLE001 -- it is raised below
            self._error = error
        for _ in threads:  # however the run ends, the calls in flight are finished and recorded
            self._jobs.put(None)
        for thread in threads:
            thread.join()
        while not self._results.empty():
            self._results.get()()
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
        """Start what may start now, then handle a result or wait; return whether there is more to do."""
        while self._lost and not self._stopping and self._in_flight < self._parallel:
            entry, before = self._lost.popleft()
            self._start(partial(SettledCall(self._chats, entry).find, before), partial(self._settle, entry))
        while self._todo and not self._stopping and self._in_flight < min(self._parallel, self._room()):
            self._start_row(self._store.entry(self._todo.popleft()))
        if self._on_progress is not None:
            self._on_progress(self.progress())
        if self._in_flight:
            with suppress(Empty):
                self._results.get(timeout=TICK)()
        elif self._todo and not self._stopping:
            self._sleep(TICK)
        else:
            return False
        return True

    def _start_row(self, entry: Entry) -> None:
        """Claim a row; if outcomes are to be settled, read its chat first."""
        if self._settles:
            call = SettledCall(self._chats, entry)
            self._start(call.look, partial(self._claim_settled, entry.key, call))
        else:
            send = partial(self._chats.send_message, chat_id=entry.chat_id, message=entry.message)
            self._claim(entry.key, send)

    def _claim_settled(self, key: str, call: SettledCall, failure: BaseException | None) -> None:
        """Claim a row whose chat has been read, unless the run is ending or the hour is used up by now."""
        self._error = self._error or failure
        if self._stopping or not self._room():
            self._todo.appendleft(key)
        else:
            self._claim(key, call.send, call)

    def _claim(self, key: str, send: Callable[[], SentMessage], call: SettledCall | None = None) -> None:
        """Claim a row and send it, unless another program has changed its state."""
        is_ours = self._store.claim(key, self._now(), call.before if call else None)
        self._move(State.WAITING, self._store.entry(key).state)
        if is_ours:
            self._start(send, partial(self._record, key, call))

    def _record(self, key: str, call: SettledCall | None, value: SentMessage | BaseException) -> None:
        """Record the outcome of a call, and decide whether the run goes on."""
        outcome = judge(value, self._now())
        self._store.record(
            key,
            outcome.state,
            self._now(),
            attempts=outcome.attempts,
            error=outcome.error,
            message_id=outcome.message_id,
            before=call.before if call and outcome.state is State.UNKNOWN else None,
        )
        self._move(State.SENDING, outcome.state)
        self._observe(outcome.rate_limit)
        if outcome.held:
            self._todo.appendleft(key)
        elif outcome.state in {State.SENT, State.REFUSED}:
            self._failures = 0
        else:
            self._failures += 1
        if isinstance(value, BaseException) and (outcome.fatal or self._failures >= MAX_FAILURES):
            if not outcome.fatal and self._error is None:
                value.add_note(f"The run stopped after {MAX_FAILURES} failures in a row.")
            self._error = self._error or value

    def _settle(self, entry: Entry, found: int | str | BaseException) -> None:
        """Record what the chat shows about an unknown row of an earlier run."""
        if isinstance(found, BaseException):
            self._error = self._error or found
        else:
            self._store.settle(entry, found, self._now())
            self._move(State.UNKNOWN, self._store.entry(entry.key).state)

    def _start(self, work: Callable[[], Any], then: Callable[[Any], None]) -> None:
        """Call `work` in another thread, and `then` with its result in the thread of the run."""
        self._in_flight += 1
        self._jobs.put((work, then))

    def _move(self, old: State, new: State) -> None:
        self._counts[old] -= 1
        self._counts[new] += 1

    def _observe(self, limit: RateLimit | None) -> None:
        """Keep the latest hour and its lowest count, because responses overtake each other."""
        if limit is None or limit.remaining is None or limit.until is None:
            return
        ends = min(limit.until, self._now() + timedelta(seconds=HOUR))
        if (ends, -limit.remaining) > (self._hour_ends, -self._left):
            self._limit, self._hour_ends, self._left = limit, ends, limit.remaining

    def _room(self) -> float:
        """Return how many more requests the hour accepts, including those in flight."""
        return self._left if self._now() < self._hour_ends else math.inf

    def _work(self) -> None:
        """Do the jobs of one thread, until `None` arrives."""
        while job := self._jobs.get():
            work, then = job
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 -- the run raises it if the run must stop
                result = error
            self._results.put(partial(self._finish, then, result))

    def _finish(self, then: Callable[[Any], None], result: Any) -> None:
        self._in_flight -= 1
        then(result)
