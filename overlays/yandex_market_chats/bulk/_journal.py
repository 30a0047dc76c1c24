"""The journal, as its users see it."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from yandex_market_chats._chats import MarketChats
from yandex_market_chats._errors import InvalidRequestError
from yandex_market_chats._settings import check_count, check_instance

from ._rows import Added, Entry, Progress, Row, State
from ._run import Run
from ._store import Store

LOCK_TIMEOUT = 1.0
"""Seconds to wait for the lock: opening a journal holds it for a moment, a run for as long as it lasts."""


class Journal:
    """The rows of one or more files, and what has happened to them, in an SQLite file.

    Each row is recorded as `sending` before its call and with its outcome after it; both are on the disk
    before the program goes on. A row that was `sending` when the program died becomes `unknown` when the
    journal is opened again. The file, and what SQLite keeps beside it, can be read by its owner only, and
    must be on a local disk.

    A journal belongs to the thread that opened it: only `stop` may be called from elsewhere. Other programs
    may open it at the same time, to add rows or to list them; only one of them can `send`.

    Args:
        path: The path of the file, which is created if it does not exist.
        now: The clock; tests replace it.
        sleep: The function that waits for the hour to end; tests replace it.

    Raises:
        JournalError: The file cannot be opened, or is not a journal of this version.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._now, self._sleep = now, sleep
        self._stopped = False
        self._store = Store(Path(path))

    def add(self, rows: Iterable[Row], *, dry_run: bool = False) -> Added:
        """Add the rows whose keys are not in the journal yet.

        Args:
            rows: The rows.
            dry_run: Return what would be added, and add nothing.

        Raises:
            InvalidRequestError: A key already belongs to another chat or another text. No row was added.
        """
        return self._store.add(rows, dry_run=dry_run)

    def send(
        self,
        chats: MarketChats,
        *,
        rows: Iterable[Row] | None = None,
        parallel: int = 4,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Progress:
        """Send the waiting rows, each at most once, and return when no more can be sent now.

        When the hourly limit is used up, the run waits for the next hour; rows that wait for it are not
        claimed. Temporary errors leave a row waiting for the next run. After 8 failures in a row, and at once
        after an error that every row would get (401, 403, 423, configuration), the run stops and raises that
        error. After Ctrl-C, or any other exception in this thread, the run finishes the calls in flight.

        A client with `settle_unknown` reads the chat of each row before the row is claimed, and again after
        an `UNKNOWN`. What the first read showed is stored with the claim, so the run starts by looking for
        the messages that earlier runs left `unknown`: a row whose message is in its chat becomes `sent`.

        Args:
            chats: The client. It decides how a call is retried, and whether unknown outcomes are settled.
            rows: The rows to send. Default: all rows of the journal.
            parallel: How many calls may be in flight. Make it no larger than `max_parallel` of the client.
            on_progress: Called in this thread after each outcome, and about once a second.

        Raises:
            ConfigurationError: An argument is invalid.
            JournalError: Another run uses the journal, or one of the rows is not in the journal.
            MarketError: The error that stopped the run.
        """
        check_instance("chats", chats, MarketChats)
        check_count("parallel", parallel)
        with self._store.locked(LOCK_TIMEOUT):
            run = Run(
                self._store,
                self.entries(rows),
                chats=chats,
                parallel=parallel,
                on_progress=on_progress,
                is_stopped=lambda: self._stopped,
                now=self._now,
                sleep=self._sleep,
            )
            return run.send()

    def stop(self) -> None:
        """Make `send` return as soon as the calls in flight have ended. Open the journal again to go on.

        This method may be called from any thread and from a signal handler.
        """
        self._stopped = True

    def entries(self, rows: Iterable[Row] | None = None) -> Iterator[Entry]:
        """Return what has happened to the rows, in order, each row once.

        Args:
            rows: The rows to return. Default: all rows of the journal, in the order in which they were added.

        Raises:
            JournalError: One of the rows is not in the journal.
        """
        if rows is None:
            return self._store.entries()
        return map(self._store.entry, dict.fromkeys(row.key for row in rows))

    def mark(self, key: str, state: State) -> None:
        """Set the state of an `unknown` row by hand, after checking its chat.

        Args:
            key: The key of the row.
            state: `SENT` if the message is in the chat; `WAITING` if it is not, and the next run may send it.

        Raises:
            InvalidRequestError: `state` is neither of the two.
            JournalError: There is no such row, or it is not `unknown`.
        """
        if state not in {State.SENT, State.WAITING}:
            raise InvalidRequestError(f"state must be 'sent' or 'waiting', not {str(state)!r}.")
        self._store.mark(key, state)

    def close(self) -> None:
        """Close the file."""
        self._store.close()

    def __enter__(self) -> Self:
        """Return the journal, which is closed at the end of the block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the journal."""
        self.close()
