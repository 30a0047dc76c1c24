"""`Journal`: each row is sent at most once, whatever happens, and each row is in a state."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    AuthenticationError,
    ConfigurationError,
    InvalidRequestError,
    LockedError,
    MarketChats,
    MarketError,
    PermissionDeniedError,
    RateLimit,
    RetryPolicy,
    ServerError,
)
from yandex_market_chats.bulk import Entry, Journal, JournalError, Progress, Row, State, _journal, _run

NOW = datetime(2026, 11, 26, 20, 40, tzinfo=UTC)
NINE = datetime(2026, 11, 26, 21, tzinfo=UTC)


def answer(
    status: int = 200, *, remaining: int | None = None, until: datetime | None = None
) -> httpx.Response:
    """Return a response of the API."""
    ok = {"status": "OK"}
    error = {
        "status": "ERROR",
        "errors": [{"code": "CODE", "message": "per 1 hour" if status == 420 else ""}],
    }
    headers = {"Date": format_datetime(NOW, usegmt=True)}
    if remaining is not None:
        headers["X-RateLimit-Resource-Remaining"] = str(remaining)
    if until is not None:
        headers["X-RateLimit-Resource-Until"] = format_datetime(until, usegmt=True)
    return httpx.Response(status, json=ok if status == 200 else error, headers=headers)


class Api:
    """A scripted API: each chat answers in its own way, and every other chat accepts the message."""

    def __init__(self) -> None:
        """Start without a script."""
        self.received: list[tuple[int, str]] = []
        self._script: dict[int, tuple[Iterator[httpx.Response], Callable[[], object]]] = {}

    def on(self, chat_id: int, *replies: httpx.Response, do: Callable[[], object] = lambda: None) -> None:
        """Let a chat do something and then answer: with each reply once, and with OK afterwards."""
        self._script[chat_id] = (iter(replies), do)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        chat_id = int(request.url.params["chatId"])
        self.received.append((chat_id, json.loads(request.content)["message"]))
        replies, do = self._script.get(chat_id, (iter(()), int))
        do()
        return next(replies, answer())

    @property
    def chats(self) -> list[int]:
        """The chats that received a request, in order."""
        return [chat_id for chat_id, _ in self.received]


class Unlimited:
    """Limits that leave the hour to the journal."""

    def take(self, *_: str) -> float:
        """Take a slot."""
        return 0.0

    def give_back(self, *_: object) -> None:
        """Return a slot."""


class Clock:
    """A clock that advances only while someone sleeps."""

    def __init__(self) -> None:
        """Start at 20:40."""
        self.now = NOW

    def sleep(self, seconds: float) -> None:
        """Advance."""
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def api() -> Api:
    """Return an API that accepts each message."""
    return Api()


def client(api: Api, **settings: Any) -> MarketChats:
    """Return a client of the API that makes one attempt per call."""
    defaults: dict[str, Any] = {
        "business_id": 7,
        "base_url": "https://api.test",
        "auth": ApiKey("key"),
        "transport": httpx.MockTransport(api),
        "retries": RetryPolicy.disabled(),
        "limits": Unlimited(),
    }
    return MarketChats(**defaults | settings)


@pytest.fixture
def chats(api: Api) -> MarketChats:
    """Return a client of the API."""
    return client(api)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the path of a journal that does not exist yet."""
    return tmp_path / "orders.journal"


@pytest.fixture
def clock() -> Clock:
    """Return a clock that stands still."""
    return Clock()


@pytest.fixture
def journal(path: Path, clock: Clock) -> Iterator[Journal]:
    """Return an empty journal."""
    with Journal(path, now=lambda: clock.now, sleep=clock.sleep) as journal:
        yield journal


def rows(*chat_ids: int) -> list[Row]:
    """Return a row for each chat."""
    return [Row(chat_id, f"Заказ {chat_id}") for chat_id in chat_ids]


def states(journal: Journal) -> dict[int, State]:
    """Return the state of the row of each chat."""
    return {entry.chat_id: entry.state for entry in journal.entries()}


def execute(path: Path, statement: str) -> list[Any]:
    """Do something to the file from outside."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        return database.execute(statement).fetchall()


# Adding rows


def test_a_row_is_added_once(journal: Journal, chats: MarketChats, api: Api) -> None:
    """The same command can be run again: it sends what is new."""
    added = journal.add([*rows(41, 42), *rows(41)])
    assert added == ({State.WAITING: 2}, 2, 1)
    journal.send(chats)
    added = journal.add(rows(41, 42, 43))
    assert added == ({State.SENT: 2, State.WAITING: 1}, 1, 0)
    journal.send(chats)
    assert sorted(api.chats) == [41, 42, 43]


def test_a_key_makes_two_rows_of_the_same_text(journal: Journal, chats: MarketChats, api: Api) -> None:
    """A reminder may be sent to the same chat twice on purpose."""
    journal.add([Row(42, "Ждём", "monday"), Row(42, "Ждём", "friday")])
    journal.send(chats)
    assert api.received == [(42, "Ждём")] * 2


@pytest.mark.parametrize(
    "other", [Row(43, "Ждём", "a", "x.csv, line 3"), Row(42, "Нет", "a", "x.csv, line 3")]
)
@pytest.mark.parametrize("before", [True, False])
def test_a_key_that_is_used_for_another_message_rejects_all_rows(
    journal: Journal, other: Row, *, before: bool
) -> None:
    """One of the two messages would be lost silently."""
    first = [Row(42, "Ждём", "a")]
    journal.add(first if before else [])
    with pytest.raises(
        InvalidRequestError, match=r"^x\.csv, line 3: key 'a' already belongs to another chat"
    ):
        journal.add([*rows(41), *first, other])
    assert [entry.key for entry in journal.entries()] == (["a"] if before else [])


def test_a_dry_run_adds_nothing(journal: Journal) -> None:
    """A dry run says what would be added."""
    journal.add(rows(41))
    assert journal.add(rows(41, 42, 42), dry_run=True) == ({State.WAITING: 2}, 1, 1)
    assert list(states(journal)) == [41]
    assert journal.add(rows(42)).new == 1


# Sending


def test_a_sent_row_has_its_attempts_and_the_time(journal: Journal, chats: MarketChats, clock: Clock) -> None:
    """The journal is the only record of what was sent when."""
    journal.add([Row(42, "Ждём", "a")])
    progress = journal.send(chats)
    assert list(journal.entries()) == [Entry(42, "Ждём", "a", State.SENT, 1, clock.now, None, None)]
    assert (progress.sent, progress.done, progress.total) == (1, 1, 1)


def test_a_row_is_on_the_disk_as_sending_before_its_call(
    journal: Journal, chats: MarketChats, api: Api, path: Path
) -> None:
    """A program that dies in the call must not find the row waiting."""
    seen: list[Any] = []
    api.on(42, do=lambda: seen.extend(execute(path, "SELECT state FROM rows")))
    journal.add(rows(42))
    journal.send(chats)
    assert seen == [("sending",)]


def test_commits_survive_a_power_failure(journal: Journal, path: Path) -> None:
    """With less than FULL, SQLite may lose the last commits, which say what is being sent."""
    assert execute(path, "PRAGMA journal_mode") == [("wal",)]
    assert journal._store._database.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_unknown_row_is_never_sent_again(journal: Journal, chats: MarketChats, api: Api) -> None:
    """The buyer may have received it; the other rows go on."""
    api.on(42, answer(500))
    journal.add(rows(42, 43))
    journal.send(chats)
    journal.send(chats)
    assert api.chats.count(42) == 1
    assert states(journal) == {42: State.UNKNOWN, 43: State.SENT}
    assert "may have been sent" in (next(journal.entries()).error or "")


def test_refused_rows_do_not_stop_a_run(journal: Journal, chats: MarketChats, api: Api) -> None:
    """A list of old orders may start with many chats that no longer exist."""
    for chat_id in range(1, 21):
        api.on(chat_id, answer(404))
    journal.add(rows(*range(1, 22)))
    progress = journal.send(chats)
    assert (progress.refused, progress.sent) == (20, 1)
    journal.send(chats)
    assert len(api.received) == 21


def test_a_row_that_was_not_sent_waits_for_the_next_run(
    journal: Journal, chats: MarketChats, api: Api
) -> None:
    """A run tries each row once; attempts add up, and the last error stays until the row succeeds."""
    api.on(42, answer(409))
    journal.add(rows(42, 43))
    assert journal.send(chats).waiting == 1
    (entry,) = (entry for entry in journal.entries() if entry.chat_id == 42)
    assert (entry.state, entry.attempts) == (State.WAITING, 1)
    assert (entry.error or "").endswith("Nothing was sent.")
    assert journal.send(chats).waiting == 0
    (entry,) = (entry for entry in journal.entries() if entry.chat_id == 42)
    assert (entry.state, entry.attempts, entry.error) == (State.SENT, 2, None)


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError), (423, LockedError)]
)
def test_an_error_that_no_row_can_cure_stops_the_run(
    journal: Journal, chats: MarketChats, api: Api, status: int, error: type[MarketError]
) -> None:
    """A wrong token would otherwise fail thousands of times."""
    api.on(41, answer(status))
    journal.add(rows(41, 42))
    with pytest.raises(error):
        journal.send(chats, parallel=1)
    assert api.chats == [41]
    assert states(journal) == {41: State.WAITING, 42: State.WAITING}


def test_a_closed_client_stops_the_run(journal: Journal, chats: MarketChats, api: Api) -> None:
    """No row can cure a wrong configuration."""
    chats.close()
    journal.add(rows(41, 42))
    with pytest.raises(ConfigurationError, match="This client has been closed"):
        journal.send(chats)
    assert (api.chats, set(states(journal).values())) == ([], {State.WAITING})


@pytest.mark.parametrize(("status", "state"), [(502, State.UNKNOWN), (503, State.WAITING)])
def test_eight_failures_in_a_row_stop_the_run(
    journal: Journal, chats: MarketChats, api: Api, status: int, state: State
) -> None:
    """In an outage each row would become unknown, and someone would have to check each chat."""
    for chat_id in [*range(1, 8), *range(9, 20)]:
        api.on(chat_id, answer(status))
    journal.add(rows(*range(1, 20)))
    with pytest.raises(ServerError):
        journal.send(chats, parallel=1)
    assert api.chats == list(range(1, 17))
    assert [chat_id for chat_id, found in states(journal).items() if found is State.SENT] == [8]
    assert states(journal)[16] is state
    assert states(journal)[17] is State.WAITING


def test_rows_in_flight_end_in_a_state_when_the_run_stops(
    journal: Journal, chats: MarketChats, api: Api
) -> None:
    """The error of one row must not leave another row `sending`."""
    stopping = threading.Event()
    api.on(41, answer(401))
    api.on(42, do=lambda: stopping.wait(10))
    journal.add(rows(41, 42, 43))
    with pytest.raises(AuthenticationError):
        journal.send(chats, parallel=2, on_progress=lambda p: stopping.set() if p.stopping else None)
    assert states(journal) == {41: State.WAITING, 42: State.SENT, 43: State.WAITING}


@pytest.mark.parametrize(
    ("where", "state"), [("token", State.WAITING), ("transport", State.UNKNOWN), ("hook", State.SENT)]
)
def test_an_exception_that_is_not_ours_stops_the_run_and_its_note_decides(
    journal: Journal, api: Api, where: str, state: State
) -> None:
    """An error in the user's own code must not turn a sent row into one that waits."""

    def fail(*_: object) -> Any:
        raise SystemExit(where)

    settings: dict[str, dict[str, Any]] = {
        "token": {"auth": ApiKey(fail)},
        "transport": {"transport": httpx.MockTransport(fail)},
        "hook": {"on_attempt": fail},
    }
    journal.add(rows(41, 42))
    with pytest.raises(SystemExit, match=where):
        journal.send(client(api, **settings[where]), parallel=1)
    first, second = journal.entries()
    assert (first.state, second.state) == (state, State.WAITING)
    assert (first.error or "").startswith("SystemExit: ")


def test_as_many_calls_as_asked_for_are_in_flight(journal: Journal, chats: MarketChats, api: Api) -> None:
    """Each of these calls ends only when the others have started."""
    all_three = threading.Barrier(3)
    for chat_id in (1, 2, 3):
        api.on(chat_id, do=lambda: all_three.wait(10))
    journal.add(rows(1, 2, 3))
    assert journal.send(chats, parallel=3).sent == 3


def test_a_run_can_be_restricted_to_some_rows(journal: Journal, chats: MarketChats, api: Api) -> None:
    """A row that was removed from a file must not be sent by the next run over that file."""
    journal.add(rows(41, 42, 43))
    progress = journal.send(chats, rows=rows(43, 41, 43), parallel=1)
    assert (api.chats, progress.total) == ([43, 41], 2)
    assert [entry.chat_id for entry in journal.entries(rows(42, 41))] == [42, 41]


def test_rows_that_were_not_added_cannot_be_sent(journal: Journal, chats: MarketChats, api: Api) -> None:
    """To send some of the rows and skip the others silently would lose messages."""
    journal.add(rows(41))
    with pytest.raises(JournalError, match="has no row with the key"):
        journal.send(chats, rows=rows(41, 42))
    assert not api.received


def test_a_row_that_another_program_settled_is_not_sent(
    journal: Journal, chats: MarketChats, api: Api, path: Path
) -> None:
    """A claim succeeds only while the row waits, even where the lock of the file system fails."""
    api.on(41, do=lambda: execute(path, "UPDATE rows SET state = 'sent' WHERE chat_id = 42"))
    journal.add(rows(41, 42, 43))
    assert journal.send(chats, parallel=1).sent == 3
    assert api.chats == [41, 43]


def test_async_clients_and_invalid_arguments_are_rejected(journal: Journal, chats: MarketChats) -> None:
    """A coroutine that nothing awaits would send nothing and look like a success."""
    asynchronous: Any = AsyncMarketChats(business_id=7, auth=ApiKey("key"))
    with pytest.raises(ConfigurationError, match="chats must be MarketChats, not AsyncMarketChats"):
        journal.send(asynchronous)
    with pytest.raises(ConfigurationError, match="parallel must be a positive integer"):
        journal.send(chats, parallel=0)


# The hour


def test_a_run_waits_for_the_next_hour_before_it_claims(
    journal: Journal, chats: MarketChats, api: Api, clock: Clock
) -> None:
    """A row that only waits for the hour must not become unknown when the program dies meanwhile."""
    times: list[datetime] = []
    api.on(41, answer(remaining=0, until=NINE))
    api.on(42, answer(remaining=999, until=NINE + timedelta(hours=1)), do=lambda: times.append(clock.now))
    journal.add(rows(41, 42))
    seen: list[Progress] = []
    journal.send(chats, parallel=1, on_progress=seen.append)
    assert times == [NINE]
    pauses = [progress for progress in seen if progress.paused_until]
    assert {(pause.sending, pause.waiting, pause.paused_until) for pause in pauses[1:]} == {(0, 1, NINE)}
    assert seen[-1].paused_until is None
    assert seen[-1].rate_limit == RateLimit(None, 999, NINE + timedelta(hours=1))


def test_a_row_that_the_hourly_limit_refused_is_sent_in_the_next_hour(
    journal: Journal, chats: MarketChats, api: Api, clock: Clock
) -> None:
    """Another program may use up the hour; that is no failure, however often it happens."""
    times: list[datetime] = []
    refusal = answer(420, remaining=0, until=NINE)  # 20 minutes after its `Date`
    api.on(41, *[refusal] * 9, do=lambda: times.append(clock.now))
    journal.add(rows(41, 42))
    assert journal.send(chats, parallel=1).sent == 2
    assert api.chats == [41] * 10 + [42]
    assert times == [NOW + timedelta(minutes=20 * n) for n in range(10)]


def test_the_client_itself_may_hold_a_row_back(journal: Journal, api: Api, clock: Clock) -> None:
    """`RedisLimits` knows the hour from other programs: its error says until when, without a request."""
    clock.now = started = datetime.now(UTC)

    class UsedUp(Unlimited):
        def take(self, *_: str) -> float:
            return 1200.0 if clock.now == started else 0.0

    seen: list[Progress] = []
    journal.add(rows(41))
    assert journal.send(client(api, limits=UsedUp()), on_progress=seen.append).sent == 1
    assert any(progress.paused_until for progress in seen)
    assert next(journal.entries()).attempts == 1


def test_no_more_rows_are_claimed_than_the_hour_has_left(
    journal: Journal, chats: MarketChats, api: Api, clock: Clock
) -> None:
    """Requests in flight use up the hour too; responses overtake each other, and the smallest one counts."""
    first_is_recorded = threading.Event()
    api.on(1, answer(remaining=1, until=NINE))
    api.on(2, answer(remaining=2, until=NINE), do=lambda: first_is_recorded.wait(10))
    api.on(3, answer(remaining=0, until=NINE))
    api.on(4, answer(remaining=0, until=NINE - timedelta(hours=1)))  # of the hour before
    seen: list[tuple[int, int]] = []

    def on_progress(progress: Progress) -> None:
        seen.append((progress.sent, progress.sending))
        if progress.sent:
            first_is_recorded.set()

    journal.add(rows(1, 2, 3, 4, 5))
    journal.send(chats, parallel=2, on_progress=on_progress)
    assert list(dict.fromkeys(seen)) == [(0, 2), (1, 1), (2, 1), (3, 0), (3, 2), (4, 1), (5, 0)]
    assert clock.now == NINE


def test_an_hour_that_lasts_longer_than_an_hour_is_not_believed(
    journal: Journal, chats: MarketChats, api: Api, clock: Clock
) -> None:
    """A header that is wrong must not stop a run for a year."""
    api.on(41, answer(remaining=0, until=NOW + timedelta(days=365)))
    journal.add(rows(41, 42))
    assert journal.send(chats, parallel=1).sent == 2
    assert clock.now == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    "response",
    [
        answer(420, until=NOW),
        answer(420),
        answer(429, remaining=5, until=NINE),
    ],
    ids=["until is past", "no until", "429 with requests left"],
)
def test_a_limit_without_a_later_hour_is_a_failure(
    journal: Journal, chats: MarketChats, api: Api, response: httpx.Response
) -> None:
    """A run that tried such a row again and again would never end."""
    api.on(41, response)
    journal.add(rows(41))
    assert journal.send(chats).waiting == 1
    assert api.chats == [41]


# Progress, and stopping


def test_progress_is_reported_after_each_outcome_and_while_waiting(
    journal: Journal, chats: MarketChats, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow response must not freeze the display."""
    monkeypatch.setattr(_run, "TICK", 0.001)
    seen_thrice = threading.Event()
    seen: list[tuple[int, int, int]] = []

    def on_progress(progress: Progress) -> None:
        seen.append((progress.waiting, progress.sending, progress.sent))
        if seen.count((1, 1, 0)) == 3:
            seen_thrice.set()

    api.on(41, do=lambda: seen_thrice.wait(10))
    journal.add(rows(41, 42))
    journal.send(chats, parallel=1, on_progress=on_progress)
    assert seen[:3] == [(1, 1, 0)] * 3
    assert seen[-1] == (0, 0, 2)


def test_stop_finishes_what_is_in_flight(journal: Journal, chats: MarketChats, api: Api) -> None:
    """Ctrl-C must not leave unknown rows behind."""
    api.on(41, do=journal.stop)
    journal.add(rows(41, 42))
    progress = journal.send(chats, parallel=1)
    assert (progress.stopping, progress.sent, progress.waiting) == (True, 1, 1)
    assert journal.send(chats).waiting == 1
    assert api.chats == [41]


def test_stop_ends_the_wait_for_the_hour(
    journal: Journal, chats: MarketChats, api: Api, clock: Clock
) -> None:
    """Nothing is in flight then, so the run ends at the next tick."""
    api.on(41, answer(remaining=0, until=NINE))
    journal.add(rows(41, 42))
    progress = journal.send(
        chats, parallel=1, on_progress=lambda _: journal.stop() if clock.now > NOW else None
    )
    assert progress.waiting == 1
    assert clock.now == NOW + timedelta(seconds=_run.TICK)


def test_an_interrupted_run_records_what_was_in_flight(
    journal: Journal, chats: MarketChats, api: Api
) -> None:
    """Ctrl-C in a program without a signal handler raises in the thread that runs the journal."""
    may_answer = threading.Event()
    for chat_id in (41, 42):
        api.on(chat_id, do=lambda: may_answer.wait(10))

    def interrupt(_: Progress) -> None:
        may_answer.set()
        raise KeyboardInterrupt

    journal.add(rows(41, 42, 43))
    with pytest.raises(KeyboardInterrupt):
        journal.send(chats, parallel=2, on_progress=interrupt)
    assert states(journal) == {41: State.SENT, 42: State.SENT, 43: State.WAITING}


# The file


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_only_the_owner_can_read_the_journal(journal: Journal, path: Path) -> None:
    """The journal contains messages to buyers, and so do the files that SQLite keeps beside it."""
    journal.add(rows(42))
    modes = {file.name: file.stat().st_mode & 0o777 for file in path.parent.iterdir()}
    assert modes == {f"orders.journal{suffix}": 0o600 for suffix in ("", "-wal", "-shm", ".lock")}


def test_what_a_dead_run_was_sending_becomes_unknown(path: Path) -> None:
    """No one knows how that call ended."""
    with Journal(path) as journal:
        journal.add(rows(41, 42))
        execute(path, "UPDATE rows SET state = 'sending' WHERE chat_id = 41")
    with Journal(path) as journal:
        assert states(journal) == {41: State.UNKNOWN, 42: State.WAITING}
        assert (next(journal.entries()).error or "").startswith("The run ended during the call")


def test_only_one_run_at_a_time(
    journal: Journal, chats: MarketChats, api: Api, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program may look into the journal or add rows during a run, but neither send nor settle."""
    monkeypatch.setattr(_journal, "LOCK_TIMEOUT", 0.0)
    seen: list[dict[int, State]] = []

    def overlap() -> None:
        with Journal(path) as other:
            other.add(rows(43))
            seen.append(states(other))
            with pytest.raises(JournalError, match=r"Another run uses .*: wait until it ends"):
                other.send(chats)

    api.on(41, do=overlap)
    journal.add(rows(41, 42))
    journal.send(chats, parallel=1)
    assert seen == [{41: State.SENDING, 42: State.WAITING, 43: State.WAITING}]
    assert journal.send(chats).sent == 3


def test_opening_a_journal_does_not_release_the_lock_of_a_run(
    journal: Journal, chats: MarketChats, api: Api, path: Path
) -> None:
    """On Unix a process loses its locks of a file as soon as it closes any descriptor of that file."""
    lock = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('BEGIN EXCLUSIVE')"
    ended: list[subprocess.CompletedProcess[bytes]] = []

    def look_and_lock() -> None:
        Journal(path).close()
        command = [sys.executable, "-c", lock, f"{path}.lock"]
        ended.append(subprocess.run(command, capture_output=True, check=False))

    api.on(41, do=look_and_lock)
    journal.add(rows(41))
    journal.send(chats)
    assert b"database is locked" in ended[0].stderr


@pytest.mark.parametrize("state", [State.SENT, State.WAITING])
def test_a_person_settles_an_unknown_row(
    journal: Journal, chats: MarketChats, api: Api, state: State
) -> None:
    """Only someone who has checked the chat can say what became of the message."""
    api.on(42, answer(500))
    journal.add([Row(42, "Ждём", "a")])
    journal.send(chats)
    journal.mark("a", state)
    assert journal.send(chats).sent == 1
    assert len(api.received) == (1 if state is State.SENT else 2)


def test_only_unknown_rows_can_be_marked(journal: Journal, chats: MarketChats) -> None:
    """A typing error in the key must not send a message again."""
    journal.add([Row(42, "Ждём", "a")])
    journal.send(chats)
    with pytest.raises(JournalError, match="The row 'a' is sent: only an unknown one can be marked"):
        journal.mark("a", State.WAITING)
    with pytest.raises(JournalError, match="has no row with the key 'b'"):
        journal.mark("b", State.SENT)
    with pytest.raises(InvalidRequestError, match="state must be 'sent' or 'waiting'"):
        journal.mark("a", State.REFUSED)
    assert states(journal) == {42: State.SENT}


def test_a_journal_of_a_newer_version_is_rejected(path: Path) -> None:
    """An older program does not know what the new states mean."""
    Journal(path).close()
    execute(path, "PRAGMA user_version = 2")
    with pytest.raises(JournalError, match="was written by a newer version: update yandex-market-chats"):
        Journal(path)


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
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(JournalError, match=error):
        Journal(tmp_path / name)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
