"""`Journal`: no row is sent twice, and the state of each row says what happened to it."""

import json
import sqlite3
import subprocess
import sys
import threading
from collections import deque
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
from yandex_market_chats._errors import SENTENCES
from yandex_market_chats._operations import Sending
from yandex_market_chats.bulk import Entry, Journal, JournalError, Progress, Row, State, _journal, _run
from yandex_market_chats.bulk._outcome import judge

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


def test_an_exception_that_several_calls_raised_leaves_its_rows_unknown() -> None:
    """One object, such as a constant of the user's module, gets the notes of all of these calls."""
    error = SystemExit()
    for note in SENTENCES.values():
        error.add_note(note)
    assert judge(error, NOW).state is State.UNKNOWN


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


# Settling


class ChatApi(Api):
    """A scripted API whose chats can be read."""

    def __init__(self) -> None:
        """Start with empty chats."""
        super().__init__()
        self.reads: list[int] = []
        self.history: dict[int, list[tuple[int, str]]] = {}
        self.on_read: Callable[[int], object] = int

    def show(self, chat_id: int, message_id: int, text: str | None = None) -> None:
        """Let a message of the shop show up: the one that `rows` makes for the chat, or another one."""
        self.history.setdefault(chat_id, []).append((message_id, text or f"Заказ {chat_id}"))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        if not request.url.path.endswith("/history"):
            return super().__call__(request)
        chat_id = int(request.url.params["chatId"])
        self.reads.append(chat_id)
        reply = self.on_read(chat_id)
        if isinstance(reply, httpx.Response):
            return reply
        messages = [
            {"messageId": message_id, "createdAt": NOW.isoformat(), "sender": "PARTNER", "message": text}
            for message_id, text in self.history.get(chat_id, [])
        ]
        result = {"context": {"type": "ORDER"}, "messages": messages, "paging": {}}
        date = {"Date": format_datetime(NOW, usegmt=True)}
        return httpx.Response(200, json={"status": "OK", "result": result}, headers=date)


@pytest.fixture
def chat_api(monkeypatch: pytest.MonkeyPatch) -> ChatApi:
    """Return an API whose chats are empty, and forget what the other tests sent."""
    monkeypatch.setattr(Sending, "recent", deque())
    return ChatApi()


@pytest.fixture
def settling(chat_api: ChatApi) -> MarketChats:
    """Return a client that settles, and reads a chat once after an UNKNOWN."""
    return client(chat_api, settle_unknown=True, retries=RetryPolicy(max_attempts=1, deadline=2))


def leave(path: Path, chat_id: int, ids: str = "[]") -> None:
    """Change a row into what a run leaves that dies in the call."""
    execute(
        path,
        f"UPDATE rows SET state = 'unknown', time = '{NOW}', error = 'It died.', before_ids = '{ids}',"
        f" before_date = '{NOW.isoformat()}' WHERE chat_id = {chat_id}",
    )


UNSETTLED = "Reading the chat did not settle it:"
CLAIM = "SELECT state, before_ids, before_date FROM rows"


def test_an_unknown_row_is_settled_as_it_happens(
    journal: Journal, settling: MarketChats, chat_api: ChatApi
) -> None:
    """No one has to check the chat."""
    chat_api.on(42, answer(500), do=lambda: chat_api.show(42, 7))
    journal.add(rows(42))
    assert journal.send(settling).sent == 1
    (entry,) = journal.entries()
    assert (entry.message_id, entry.error, chat_api.chats) == (7, None, [42])


def test_what_the_chat_showed_is_stored_with_the_claim(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """If the program dies in the call, the next one needs it. A row that is only read for stays `waiting`."""
    seen: list[Any] = []
    chat_api.show(42, 5)
    chat_api.on_read = lambda _: seen.extend(execute(path, CLAIM))
    chat_api.on(42, do=lambda: seen.extend(execute(path, CLAIM)))
    journal.add(rows(42))
    journal.send(settling)
    seen += execute(path, CLAIM)
    assert seen == [("waiting", None, None), ("sending", "[5]", NOW.isoformat()), ("sent", None, None)]


def test_a_later_run_settles_what_a_dead_run_left(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path, clock: Clock
) -> None:
    """The message is in the chat, and its id was not there before the claim."""
    journal.add(rows(41, 42, 43))
    leave(path, 41, "[5]")
    leave(path, 42, "[5]")
    chat_api.show(41, 5)
    chat_api.show(42, 5)
    chat_api.show(42, 7)
    clock.sleep(60)
    progress = journal.send(settling)
    assert (progress.sent, progress.unknown, chat_api.chats) == (2, 1, [43])
    missing, found, _ = journal.entries()
    assert missing.error == f"It died. {UNSETTLED} the message did not show up in time."
    assert (missing.time, found[3:]) == (NOW, (State.SENT, 0, clock.now, None, 7))


def test_a_message_that_shows_up_after_its_run_is_found_by_the_next_one(
    journal: Journal, settling: MarketChats, chat_api: ChatApi
) -> None:
    """The vendor does not say how soon a message shows up."""
    chat_api.on(42, answer(500))
    journal.add(rows(42))
    assert journal.send(settling).unknown == 1
    assert f"may have been sent: check the chat before sending it again. {UNSETTLED}" in (
        next(journal.entries()).error or ""
    )
    chat_api.show(42, 7)
    assert journal.send(settling).sent == 1
    assert chat_api.chats == [42]


def test_a_failed_read_leaves_the_row_as_it_was(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """The next run can still settle it; the reason is stated once, however many runs fail."""
    journal.add(rows(42))
    leave(path, 42)
    before = execute(path, CLAIM)
    chat_api.show(42, 7)
    chat_api.on_read = lambda _: answer(404)
    for _ in range(2):
        assert journal.send(settling).unknown == 1
    assert execute(path, CLAIM) == before
    error = next(journal.entries()).error or ""
    assert error.startswith(f"It died. {UNSETTLED} it could not be read: 404")
    assert error.count(UNSETTLED) == 1
    chat_api.on_read = int
    assert journal.send(settling).sent == 1


def test_a_row_is_sent_when_its_chat_cannot_be_read(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """Reading is a precaution: it must not keep a message from being sent."""
    seen: list[Any] = []
    chat_api.on_read = lambda _: answer(404)
    chat_api.on(42, do=lambda: seen.extend(execute(path, CLAIM)))
    journal.add(rows(42))
    assert journal.send(settling).sent == 1
    assert seen == [("sending", None, None)]


def test_two_messages_that_qualify_leave_the_row_unknown(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """One of the two messages is another program's."""
    journal.add(rows(42))
    leave(path, 42)
    chat_api.show(42, 7)
    chat_api.show(42, 8)
    assert journal.send(settling).unknown == 1
    assert (next(journal.entries()).error or "").endswith("2 new messages have this text.")


def test_the_message_of_another_row_settles_nothing(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """The one in the chat may be the second reminder, and the first one lost."""
    journal.add([Row(42, "Ждём", "monday"), Row(42, "Ждём ", "friday")])
    execute(path, "UPDATE rows SET state = 'sent' WHERE key = 'friday'")
    execute(
        path,
        f"UPDATE rows SET state = 'unknown', before_ids = '[]', before_date = '{NOW.isoformat()}'"
        " WHERE key = 'monday'",
    )
    chat_api.show(42, 7, "Ждём")
    assert journal.send(settling).unknown == 1
    assert (next(journal.entries()).error or "").endswith("another row has the same message for this chat.")


def test_equal_rows_of_one_run_settle_nothing(
    journal: Journal, settling: MarketChats, chat_api: ChatApi
) -> None:
    """Either of the two reminders may be the one that shows up."""
    chat_api.on(42, answer(500), answer(500), do=lambda: chat_api.history.update({42: [(7, "Ждём")]}))
    journal.add([Row(42, "Ждём", "monday")])
    chat_api.on_read = lambda _: answer(404)
    assert journal.send(settling).unknown == 1
    chat_api.on_read = int
    chat_api.history.clear()
    journal.add([Row(42, "Ждём", "friday")])
    assert journal.send(settling).unknown == 2
    assert all((entry.error or "").count(UNSETTLED) == 1 for entry in journal.entries())


def test_a_message_of_this_process_settles_nothing_later_either(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """Another client has sent the same text meanwhile; only this process knows it."""

    def send_as_well() -> None:
        chat_api.on(42)
        settling.send_message(chat_id=42, message="Заказ 42")

    chat_api.on(42, answer(500), do=send_as_well)
    journal.add(rows(42))
    journal.send(settling)
    assert execute(path, CLAIM) == [("unknown", None, None)]


def test_a_client_that_does_not_settle_reads_nothing(journal: Journal, chat_api: ChatApi, path: Path) -> None:
    """Reads cost requests, and rely on what the vendor does not guarantee."""
    journal.add(rows(41, 42))
    leave(path, 41)
    assert journal.send(client(chat_api)).unknown == 1
    assert (chat_api.reads, chat_api.chats) == ([], [42])


def test_a_row_without_a_read_before_it_is_not_looked_for(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """A message with this text may have been there before."""
    journal.add(rows(42))
    execute(path, "UPDATE rows SET state = 'unknown'")
    chat_api.show(42, 7)
    assert journal.send(settling).unknown == 1
    assert chat_api.reads == []


def test_a_row_that_someone_marks_during_the_read_stays_marked(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path
) -> None:
    """A person who has checked the chat knows better. The next run sends the row."""
    journal.add(rows(42))
    leave(path, 42)
    chat_api.show(42, 7)
    chat_api.on_read = lambda _: execute(path, "UPDATE rows SET state = 'waiting'")
    assert journal.send(settling).waiting == 1
    assert chat_api.chats == []


@pytest.mark.parametrize("state", [State.UNKNOWN, State.WAITING])
def test_an_exception_that_is_not_ours_in_a_read_stops_the_run(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, path: Path, state: State
) -> None:
    """Nothing was sent, and the rows stay as they were."""

    def fail(_: int) -> None:
        chat_api.on_read = int
        raise SystemExit

    journal.add(rows(42))
    if state is State.UNKNOWN:
        leave(path, 42)
    chat_api.on_read = fail
    with pytest.raises(SystemExit):
        journal.send(settling)
    assert (states(journal), chat_api.chats) == ({42: state}, [])


def test_stop_sends_nothing_whose_chat_is_being_read(
    journal: Journal, settling: MarketChats, chat_api: ChatApi
) -> None:
    """Ctrl-C during the read leaves the row to the next run."""
    chat_api.on_read = lambda _: journal.stop()
    journal.add(rows(42))
    assert journal.send(settling).waiting == 1
    assert (states(journal), chat_api.chats) == ({42: State.WAITING}, [])


def test_a_row_whose_chat_was_read_waits_for_the_hour_unclaimed(
    journal: Journal, settling: MarketChats, chat_api: ChatApi, clock: Clock
) -> None:
    """The hour may be used up during the read."""
    used_up = threading.Event()
    chat_api.on_read = lambda chat_id: used_up.wait(10) if chat_id == 42 else None
    chat_api.on(41, answer(remaining=0, until=NINE))
    times: list[datetime] = []
    chat_api.on(42, do=lambda: times.append(clock.now))
    journal.add(rows(41, 42))
    journal.send(settling, parallel=2, on_progress=lambda p: used_up.set() if p.sent else None)
    assert times == [NINE]


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


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
def test_a_file_that_was_there_becomes_private(path: Path) -> None:
    """`touch orders.journal` must not let everyone read the messages."""
    path.touch(0o644)
    with Journal(path):
        assert path.stat().st_mode & 0o777 == 0o600


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

    def look() -> dict[str, tuple[bytes, int]]:
        return {file.name: (file.read_bytes(), file.stat().st_mode) for file in tmp_path.iterdir()}

    before = look()
    with pytest.raises(JournalError, match=error):
        Journal(tmp_path / name)
    assert look() == before
