"""The SQLite file of a journal. Each change is on the disk when its method returns."""

import json
import os
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from yandex_market_chats._errors import Delivery, InvalidRequestError, MarketError
from yandex_market_chats._settle import UNSETTLED, Before

from ._rows import Added, Entry, Row, State

VERSION = 1
"""The version of the schema, in `PRAGMA user_version`."""
PATIENCE = 30.0
"""Seconds to wait while another program changes the file."""
APPLICATION_ID = 0x594D4331
"""In `PRAGMA application_id`, so that no other program's database is mistaken for a journal."""

_SCHEMA = """
    CREATE TABLE rows (
        key TEXT NOT NULL UNIQUE,
        chat_id INTEGER NOT NULL,
        message TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'waiting'
            CHECK (state IN ('waiting', 'sending', 'sent', 'refused', 'unknown')),
        attempts INTEGER NOT NULL DEFAULT 0,
        time TEXT,
        error TEXT,
        message_id INTEGER,
        before_ids TEXT,
        before_date TEXT
    )
"""
_ENTRIES = "SELECT chat_id, message, key, state, attempts, time, error, message_id FROM rows"
_DIED = "The run ended during the call: the message may have been sent."


class JournalError(MarketError):
    """The journal cannot be used: it is invalid, in use by another run, or has no such row."""

    delivery = Delivery.NOT_SENT


class Store:
    """A connection to the file, which belongs to the thread that opened it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = _connect(path, timeout=PATIENCE)
        with ExitStack() as stack:
            stack.callback(self.close)
            try:
                self._prepare(monotonic() + PATIENCE)
            except sqlite3.Error as error:
                raise JournalError(f"{path} cannot be opened: {error}.") from error
            with suppress(JournalError), self.locked():
                pass
            stack.pop_all()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    @contextmanager
    def locked(self, timeout: float = 0.0) -> Iterator[None]:
        """Hold the lock of a run; rows that a dead run was sending become `unknown`.

        The lock is SQLite's own lock of a second file, so the same code works on every system (fcntl on Unix,
        LockFileEx on Windows), and the system releases it when the process dies.

        Raises:
            JournalError: Another run holds the lock.
        """
        with closing(_connect(Path(f"{self._path}.lock"), timeout)) as lock:
            try:
                lock.execute("BEGIN EXCLUSIVE")
            except sqlite3.OperationalError as error:
                raise JournalError(f"Another run uses {self._path}: wait until it ends.") from error
            died = "UPDATE rows SET state = 'unknown', error = ? WHERE state = 'sending'"
            self._database.execute(died, [_DIED])
            yield

    def add(self, rows: Iterable[Row], *, dry_run: bool) -> Added:
        """Add the new rows; after an error, the journal is unchanged.

        Raises:
            InvalidRequestError: A key already belongs to another chat or another text.
        """
        insert = "INSERT INTO rows (key, chat_id, message) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
        states: Counter[State] = Counter()
        seen: set[str] = set()
        new = duplicates = 0
        with self._database:
            self._database.execute("BEGIN IMMEDIATE")
            for row in rows:
                new += self._database.execute(insert, [row.key, row.chat_id, row.message]).rowcount
                entry = self.entry(row.key)
                if (entry.chat_id, entry.message) != (row.chat_id, row.message):
                    where = f"{row.source}: " if row.source else ""
                    raise InvalidRequestError(
                        f"{where}key {row.key!r} already belongs to another chat or another message: use a"
                        " different key."
                    )
                if row.key in seen:
                    duplicates += 1
                else:
                    seen.add(row.key)
                    states[entry.state] += 1
            if dry_run:
                self._database.rollback()
        return Added(states, new, duplicates)

    def entry(self, key: str) -> Entry:
        """Return the row with a key.

        Raises:
            JournalError: There is no such row.
        """
        for values in self._database.execute(f"{_ENTRIES} WHERE key = ?", [key]):
            return _entry(values)
        raise JournalError(f"{self._path} has no row with the key {key!r}: check the key, or add the row.")

    def entries(self) -> Iterator[Entry]:
        """Return all rows in the order in which they were added."""
        for values in self._database.execute(f"{_ENTRIES} ORDER BY rowid"):
            yield _entry(values)

    def claim(self, key: str, now: datetime, before: Before | None) -> bool:
        """Record that a row is being sent, and what its chat showed; return whether it was still waiting."""
        claim = (
            "UPDATE rows SET state = 'sending', time = ?, before_ids = ?, before_date = ?"
            " WHERE key = ? AND state = 'waiting'"
        )
        return self._database.execute(claim, [_text(now), *_columns(before), key]).rowcount == 1

    def before(self, key: str) -> Before | None:
        """Return what the chat showed before the row was claimed; `None` if it was not read."""
        seen = "SELECT before_ids, before_date FROM rows WHERE key = ?"
        for ids, date in self._database.execute(seen, [key]):
            if date:
                return Before(json.loads(ids), datetime.fromisoformat(date))
        return None

    def record(
        self,
        key: str,
        state: State,
        now: datetime,
        *,
        attempts: int = 0,
        error: str | None = None,
        message_id: int | None = None,
        before: Before | None = None,
    ) -> None:
        """Record the outcome of a call, and what a later run needs to settle it."""
        self._database.execute(
            "UPDATE rows SET state = ?, time = ?, attempts = attempts + ?, error = ?, message_id = ?,"
            " before_ids = ?, before_date = ? WHERE key = ?",
            [state, _text(now), attempts, error, message_id, *_columns(before), key],
        )

    def settle(self, entry: Entry, found: int | str, now: datetime) -> None:
        """Record the id of the message that the chat shows, or why an `unknown` row stays `unknown`.

        Nothing changes if someone else has marked the row.
        """
        if isinstance(found, int) and self._has_equal(entry):
            found = "another row has the same message for this chat."
        if isinstance(found, int):
            state, time, error, message_id = State.SENT, _text(now), None, found
        else:
            known = (entry.error or "").partition(UNSETTLED)[0].rstrip()
            state, time, error, message_id = State.UNKNOWN, None, f"{known} {UNSETTLED} {found}", None
        settle = (
            "UPDATE rows SET state = ?, time = coalesce(?, time), error = ?, message_id = ?"
            " WHERE key = ? AND state = 'unknown'"
        )
        self._database.execute(settle, [state, time, error, message_id, entry.key])

    def _has_equal(self, entry: Entry) -> bool:
        """Return whether the message in the chat may belong to another row."""
        equal = (
            "SELECT message FROM rows WHERE chat_id = ? AND key != ? AND state NOT IN ('waiting', 'refused')"
        )
        texts = self._database.execute(equal, [entry.chat_id, entry.key])
        return any(text.strip() == entry.message.strip() for (text,) in texts)

    def mark(self, key: str, state: State) -> None:
        """Change the state of an `unknown` row.

        Raises:
            JournalError: There is no such row, or it is not `unknown`.
        """
        mark = "UPDATE rows SET state = ? WHERE key = ? AND state = 'unknown'"
        if not self._database.execute(mark, [state, key]).rowcount:
            raise JournalError(
                f"The row {key!r} is {self.entry(key).state}: only an unknown one can be marked."
            )

    def _prepare(self, end: float) -> None:
        """Prepare the file, and try again until the monotonic time `end` while another program does so.

        SQLite waits for most locks, but not for the one that switches a new journal to WAL.
        """
        while True:
            try:
                self._create_or_check()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or monotonic() > end:
                    raise
                sleep(0.01)
            else:
                return

    def _create_or_check(self) -> None:
        """Make an empty file a journal; check that any other file is one."""
        with self._database as database:
            # Another program may open the same new journal at this moment.
            database.execute("BEGIN IMMEDIATE")
            if not database.execute("SELECT 1 FROM sqlite_master").fetchone():
                database.execute(_SCHEMA)
                database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                database.execute(f"PRAGMA user_version = {VERSION}")
            (application,) = database.execute("PRAGMA application_id").fetchone()
            (version,) = database.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            raise JournalError(f"{self._path} is a database of another program: choose another path.")
        if version > VERSION:
            raise JournalError(f"{self._path} was written by a newer version: update yandex-market-chats.")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = FULL")


def _connect(path: Path, timeout: float) -> sqlite3.Connection:
    """Open a file; only its owner can read a new one, and the files that SQLite keeps beside it.

    An existing file is not opened here: on Unix, closing any other descriptor of it would release the locks
    that this process holds.
    """
    try:
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))
        if not path.stat().st_size:  # anything else may be another program's file
            path.chmod(0o600)
        return sqlite3.connect(path, timeout=timeout, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"{path} cannot be opened: {error}.") from error


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="seconds")


def _columns(before: Before | None) -> tuple[str | None, str | None]:
    if before is None:
        return None, None
    return json.dumps(sorted(filter(None, before.ids))), before.date.isoformat()


def _entry(values: Sequence[Any]) -> Entry:
    chat_id, message, key, state, attempts, time, error, message_id = values
    at = time and datetime.fromisoformat(time)
    return Entry(chat_id, message, key, State(state), attempts, at, error, message_id)
