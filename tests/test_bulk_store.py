"""The rows of a journal and its file: what is added once, who may open it, and who may change a row."""

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path

import pytest

from journals import Bulk, answer, execute, rows
from mock_api import NOW
from yandex_market_chats import InvalidRequestError
from yandex_market_chats.bulk import Journal, JournalError, Row, State, _journal, _store
from yandex_market_chats.bulk._store import Store

FIRST = Row(42, "Ждём", "a")


@pytest.fixture
def bulk(tmp_path: Path) -> Iterator[Bulk]:
    """Return an empty journal, and an API that accepts each message."""
    with Bulk(tmp_path / "orders.journal") as bulk:
        yield bulk


# Adding rows


def test_a_row_is_added_once(bulk: Bulk) -> None:
    """The same command can be run again: it sends what is new."""
    added = bulk.journal.add([*rows(41, 42), *rows(41)])
    assert added == ({State.WAITING: 2}, 2, 1)
    bulk.send()
    added = bulk.add(41, 42, 43)
    assert added == ({State.SENT: 2, State.WAITING: 1}, 1, 0)
    bulk.send()
    assert sorted(bulk.api.chats) == [41, 42, 43]


def test_a_key_makes_two_rows_of_the_same_text(bulk: Bulk) -> None:
    """A reminder may be sent to the same chat twice on purpose."""
    bulk.journal.add([Row(42, "Ждём", "monday"), Row(42, "Ждём", "friday")])
    bulk.send()
    assert bulk.api.received == [(42, "Ждём")] * 2


@pytest.mark.parametrize(
    ("journal", "file"),
    [
        ([FIRST], [*rows(41), Row(43, "Ждём", "a", "x.csv, line 3")]),
        ([], [*rows(41), FIRST, Row(42, "Нет", "a", "x.csv, line 3")]),
    ],
    ids=["another chat", "another text"],
)
def test_a_key_that_is_used_for_another_message_rejects_the_whole_file(
    bulk: Bulk, journal: list[Row], file: list[Row]
) -> None:
    """One of the two messages would be lost silently."""
    bulk.journal.add(journal)
    with pytest.raises(InvalidRequestError, match=r"^x\.csv, line 3: key 'a' already belongs to another"):
        bulk.journal.add(file)
    assert [entry.key for entry in bulk.journal.entries()] == [row.key for row in journal]


def test_a_dry_run_adds_nothing(bulk: Bulk) -> None:
    """The counts are those of the real thing, and the row is new afterwards."""
    bulk.add(41)
    assert bulk.journal.add(rows(41, 42, 42), dry_run=True) == ({State.WAITING: 2}, 1, 1)
    assert list(bulk.states()) == [41]
    assert bulk.add(42).new == 1


# The file


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_can_read_the_journal(bulk: Bulk) -> None:
    """The journal contains messages to buyers, and so do the files that SQLite keeps beside it."""
    bulk.add(42)
    modes = {file.name: file.stat().st_mode & 0o777 for file in bulk.path.parent.iterdir()}
    assert modes == {f"orders.journal{suffix}": 0o600 for suffix in ("", "-wal", "-shm", ".lock")}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_an_empty_file_that_was_there_becomes_private(tmp_path: Path) -> None:
    """`touch orders.journal` must not let everyone read the messages."""
    path = tmp_path / "orders.journal"
    path.touch(0o644)
    with Journal(path):
        assert path.stat().st_mode & 0o777 == 0o600


def test_programs_that_create_the_same_journal_at_once_share_it(tmp_path: Path) -> None:
    """Two timers may start in the same minute, before there is a journal."""
    together = threading.Barrier(4)

    def create(path: Path) -> None:
        together.wait(10)
        Journal(path).close()

    paths = [tmp_path / f"{number}.journal" for number in range(5)]
    with ThreadPoolExecutor(4) as programs:
        for path in paths:
            list(programs.map(create, [path] * 4))
    assert [execute(path, "SELECT count(*) FROM rows") for path in paths] == [[(0,)]] * 5


@pytest.mark.parametrize(("patience", "opens"), [(30.0, True), (-1.0, False)])
def test_a_journal_that_another_program_prepares_is_opened_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, patience: float, opens: bool
) -> None:
    """SQLite does not wait for the lock under which a new journal is switched to WAL."""
    prepare, busy = Store._create_or_check, iter([sqlite3.OperationalError("database is locked")])

    def prepare_later(store: Store) -> None:
        for error in busy:
            raise error
        prepare(store)

    monkeypatch.setattr(Store, "_create_or_check", prepare_later)
    monkeypatch.setattr(_store, "PATIENCE", patience)
    with nullcontext() if opens else pytest.raises(JournalError, match="database is locked"):
        Journal(tmp_path / "orders.journal").close()


def test_a_closed_journal_is_one_file(bulk: Bulk) -> None:
    """A seller who copies the file must not lose the rows that SQLite has written beside it so far."""
    bulk.add(42)
    bulk.journal.close()
    assert sorted(file.name for file in bulk.path.parent.iterdir()) == [
        "orders.journal",
        "orders.journal.lock",
    ]


def test_commits_survive_a_power_failure(bulk: Bulk) -> None:
    """With less than FULL, SQLite may lose the last commits, which say what is being sent."""
    assert bulk.execute("PRAGMA journal_mode") == [("wal",)]
    assert bulk.journal._store._database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_what_a_dead_run_was_sending_becomes_unknown(bulk: Bulk) -> None:
    """The process died between the claim and the outcome, so no one knows how that call ended."""
    bulk.add(41, 42)
    bulk.execute(f"UPDATE rows SET state = 'sending', time = '{NOW}' WHERE chat_id = 41")
    Journal(bulk.path).close()
    assert bulk.states() == {41: State.UNKNOWN, 42: State.WAITING}
    assert next(bulk.journal.entries()).time == NOW
    assert bulk.error().startswith("The run ended during the call")


def test_a_journal_of_a_newer_version_is_rejected(bulk: Bulk) -> None:
    """An older program does not know what the new states mean."""
    assert bulk.execute("PRAGMA user_version") == [(1,)]
    bulk.execute("PRAGMA user_version = 2")
    with pytest.raises(JournalError, match="was written by a newer version: update yandex-market-chats"):
        Journal(bulk.path)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("text.csv", "file is not a database"),
        ("other.db", "is a database of another program"),
        ("missing/orders.journal", "No such file or directory"),
        (".", "unable to open database file"),
    ],
)
def test_another_file_is_not_mistaken_for_a_journal(tmp_path: Path, name: str, error: str) -> None:
    """A mistyped path must not change someone else's file."""
    (tmp_path / "text.csv").write_text("chat_id,message\n" * 100, encoding="utf-8")
    execute(tmp_path / "other.db", "CREATE TABLE rows (id INTEGER)")

    def look() -> dict[str, tuple[bytes, int]]:
        return {file.name: (file.read_bytes(), file.stat().st_mode) for file in tmp_path.iterdir()}

    before = look()
    with pytest.raises(JournalError, match=error):
        Journal(tmp_path / name)
    assert look() == before


# The lock


def test_only_one_run_at_a_time(bulk: Bulk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program may look into the journal or add rows during a run, but neither send nor settle."""
    monkeypatch.setattr(_journal, "LOCK_TIMEOUT", 0.0)
    seen: list[dict[int, State]] = []

    def overlap() -> None:
        with Journal(bulk.path) as other:
            other.add(rows(43))
            seen.append({entry.chat_id: entry.state for entry in other.entries()})
            with pytest.raises(JournalError, match=r"Another run uses .*: wait until it ends"):
                other.send(bulk.chats)

    bulk.api.on(41, do=overlap)
    bulk.add(41, 42)
    bulk.send(parallel=1)
    assert seen == [{41: State.SENDING, 42: State.WAITING, 43: State.WAITING}]
    assert bulk.send().sent == 3


def test_opening_a_journal_does_not_release_the_lock_of_a_run(bulk: Bulk) -> None:
    """On Unix a process loses its locks of a file as soon as it closes any descriptor of that file."""
    lock = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN EXCLUSIVE')"
    ended: list[subprocess.CompletedProcess[bytes]] = []

    def look_and_lock() -> None:
        Journal(bulk.path).close()
        command = [sys.executable, "-c", lock, f"{bulk.path}.lock"]
        ended.append(subprocess.run(command, capture_output=True, check=False))

    bulk.api.on(41, do=look_and_lock)
    bulk.add(41)
    bulk.send()
    assert b"database is locked" in ended[0].stderr


# Marks


@pytest.mark.parametrize("state", [State.SENT, State.WAITING])
def test_a_person_settles_an_unknown_row(bulk: Bulk, state: State) -> None:
    """A person who has checked the chat knows what the API did not say."""
    bulk.api.on(42, answer(500))
    bulk.journal.add([Row(42, "Ждём", "a")])
    bulk.send()
    bulk.journal.mark("a", state)
    assert bulk.send().sent == 1
    assert len(bulk.api.received) == (1 if state is State.SENT else 2)


def test_only_unknown_rows_can_be_marked(bulk: Bulk) -> None:
    """A typing error in the key must not send a message again."""
    bulk.journal.add([Row(42, "Ждём", "a")])
    bulk.send()
    with pytest.raises(JournalError, match="The row 'a' is sent: only an unknown one can be marked"):
        bulk.journal.mark("a", State.WAITING)
    with pytest.raises(JournalError, match="has no row with the key 'b'"):
        bulk.journal.mark("b", State.SENT)
    with pytest.raises(InvalidRequestError, match="state must be 'sent' or 'waiting'"):
        bulk.journal.mark("a", State.REFUSED)
    assert bulk.states() == {42: State.SENT}
