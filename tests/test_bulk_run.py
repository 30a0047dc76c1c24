"""A run over the rows of a journal: no row is sent twice, and each of them ends in a state."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from journals import Bulk, answer, rows
from mock_api import NOW
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    AuthenticationError,
    ConfigurationError,
    Delivery,
    LockedError,
    MarketError,
    PermissionDeniedError,
    ServerError,
)
from yandex_market_chats._errors import SENT, SENTENCES
from yandex_market_chats.bulk import Entry, JournalError, Progress, Row, State, _run
from yandex_market_chats.bulk._outcome import judge


@pytest.fixture
def bulk(tmp_path: Path) -> Iterator[Bulk]:
    """Return an empty journal, and an API that accepts each message."""
    with Bulk(tmp_path / "orders.journal") as bulk:
        yield bulk


def test_a_sent_row_has_its_attempts_and_the_time(bulk: Bulk) -> None:
    """The journal is the only record of what was sent when."""
    bulk.clock.sleep(0.7)  # the time is recorded in whole seconds
    bulk.journal.add([Row(42, "Ждём", "a")])
    progress = bulk.send()
    assert list(bulk.journal.entries()) == [Entry(42, "Ждём", "a", State.SENT, 1, NOW, None, None)]
    assert (progress.sent, progress.done, progress.total) == (1, 1, 1)


def test_a_row_is_on_the_disk_as_sending_before_its_call(bulk: Bulk) -> None:
    """A program that dies in the call must not find the row waiting."""
    seen: list[Any] = []
    bulk.api.on(42, do=lambda: seen.extend(bulk.execute("SELECT state FROM rows")))
    bulk.add(42)
    bulk.send()
    assert seen == [("sending",)]


def test_an_unknown_row_is_never_sent_again(bulk: Bulk) -> None:
    """The buyer may have received the message; the other rows go on."""
    bulk.api.on(42, answer(500))
    bulk.add(42, 43)
    bulk.send()
    bulk.send()
    assert bulk.api.chats.count(42) == 1
    assert bulk.states() == {42: State.UNKNOWN, 43: State.SENT}
    assert "may have been sent" in bulk.error()


def test_refused_rows_do_not_stop_a_run(bulk: Bulk) -> None:
    """A list of old orders may start with many chats that no longer exist."""
    for chat_id in range(1, 21):
        bulk.api.on(chat_id, answer(404))
    bulk.add(*range(1, 22))
    progress = bulk.send()
    assert (progress.refused, progress.sent) == (20, 1)
    bulk.send()
    assert len(bulk.api.received) == 21


def test_a_row_that_was_not_sent_waits_for_the_next_run(bulk: Bulk) -> None:
    """A run tries each row once; attempts add up, and the last error stays until the row succeeds."""
    bulk.api.on(42, answer(409))
    bulk.add(42, 43)
    assert bulk.send().waiting == 1
    (entry,) = (entry for entry in bulk.journal.entries() if entry.chat_id == 42)
    assert (entry.state, entry.attempts) == (State.WAITING, 1)
    assert (entry.error or "").endswith("Nothing was sent.")
    assert bulk.send().waiting == 0
    (entry,) = (entry for entry in bulk.journal.entries() if entry.chat_id == 42)
    assert (entry.state, entry.attempts, entry.error) == (State.SENT, 2, None)


@pytest.mark.parametrize(
    ("status", "error"), [(401, AuthenticationError), (403, PermissionDeniedError), (423, LockedError)]
)
def test_an_error_that_no_row_can_cure_stops_the_run(
    bulk: Bulk, status: int, error: type[MarketError]
) -> None:
    """A wrong token would otherwise fail thousands of times."""
    bulk.api.on(41, answer(status))
    bulk.add(41, 42)
    with pytest.raises(error) as caught:
        bulk.send(parallel=1)
    assert not hasattr(caught.value, "__notes__")
    assert bulk.api.chats == [41]
    assert bulk.states() == {41: State.WAITING, 42: State.WAITING}


def test_a_closed_client_stops_the_run(bulk: Bulk) -> None:
    """No row can cure a wrong configuration."""
    bulk.chats.close()
    bulk.add(41, 42)
    with pytest.raises(ConfigurationError, match="This client has been closed"):
        bulk.send()
    assert (bulk.api.chats, set(bulk.states().values())) == ([], {State.WAITING})


@pytest.mark.parametrize(("status", "state"), [(502, State.UNKNOWN), (503, State.WAITING)])
def test_eight_failures_in_a_row_stop_the_run(bulk: Bulk, status: int, state: State) -> None:
    """In an outage each row would become unknown, and someone would have to check each chat."""
    for chat_id in [*range(1, 8), *range(9, 20)]:
        bulk.api.on(chat_id, answer(status))
    bulk.add(*range(1, 20))
    with pytest.raises(ServerError) as caught:
        bulk.send(parallel=1)
    assert caught.value.__notes__ == ["The run stopped after 8 failures in a row."]
    assert bulk.api.chats == list(range(1, 17))
    assert [chat_id for chat_id, found in bulk.states().items() if found is State.SENT] == [8]
    assert bulk.states()[16] is state
    assert bulk.states()[17] is State.WAITING


def test_rows_in_flight_end_in_a_state_when_the_run_stops(bulk: Bulk) -> None:
    """The error of one row must not leave another row `sending`."""
    stopping = threading.Event()
    bulk.api.on(41, answer(401))
    bulk.api.on(42, do=lambda: stopping.wait(10))
    bulk.add(41, 42, 43)
    with pytest.raises(AuthenticationError):
        bulk.send(parallel=2, on_progress=lambda p: stopping.set() if p.stopping else None)
    assert bulk.states() == {41: State.WAITING, 42: State.SENT, 43: State.WAITING}


@pytest.mark.parametrize(
    ("where", "state"), [("token", State.WAITING), ("transport", State.UNKNOWN), ("hook", State.SENT)]
)
def test_an_exception_that_is_not_ours_stops_the_run_and_its_note_decides(
    bulk: Bulk, where: str, state: State
) -> None:
    """An error in the user's own code must not turn a sent row into one that waits."""

    def fail(*_: object) -> Any:
        raise SystemExit(where)

    settings: dict[str, dict[str, Any]] = {
        "token": {"auth": ApiKey(fail)},
        "transport": {"transport": httpx.MockTransport(fail)},
        "hook": {"on_attempt": fail},
    }
    bulk.add(41, 42)
    with pytest.raises(SystemExit, match=where):
        bulk.send(bulk.client(**settings[where]), parallel=1)
    first, second = bulk.journal.entries()
    assert (first.state, second.state) == (state, State.WAITING)
    assert (first.error or "").startswith("SystemExit: ")


def test_an_exception_that_several_calls_raised_leaves_its_rows_unknown() -> None:
    """One object, such as a constant of the user's module, gets the notes of all of these calls."""
    error = SystemExit()
    for note in (SENT, SENTENCES[Delivery.NOT_SENT]):
        error.add_note(note)
    assert judge(error, NOW).state is State.UNKNOWN


def test_as_many_calls_as_asked_for_are_in_flight(bulk: Bulk) -> None:
    """A run that sent one row at a time would deadlock here: each call waits for the other two."""
    all_three = threading.Barrier(3)
    for chat_id in (1, 2, 3):
        bulk.api.on(chat_id, do=lambda: all_three.wait(10))
    bulk.add(1, 2, 3)
    assert bulk.send(parallel=3).sent == 3


def test_a_run_can_be_restricted_to_some_rows(bulk: Bulk) -> None:
    """A row that was removed from a file must not be sent by the next run over that file."""
    bulk.add(41, 42, 43)
    progress = bulk.send(rows=rows(43, 41, 43), parallel=1)
    assert (bulk.api.chats, progress.total) == ([43, 41], 2)
    assert [entry.chat_id for entry in bulk.journal.entries(rows(42, 41))] == [42, 41]


def test_rows_that_were_not_added_cannot_be_sent(bulk: Bulk) -> None:
    """Sending some of the rows and skipping the others silently would lose messages."""
    bulk.add(41)
    with pytest.raises(JournalError, match="has no row with the key"):
        bulk.send(rows=rows(41, 42))
    assert not bulk.api.received


def test_a_row_that_another_program_settled_is_not_sent(bulk: Bulk) -> None:
    """A claim succeeds only while the row waits, even where the lock of the file system fails."""
    bulk.api.on(41, do=lambda: bulk.execute("UPDATE rows SET state = 'sent' WHERE chat_id = 42"))
    bulk.add(41, 42, 43)
    assert bulk.send(parallel=1).sent == 3
    assert bulk.api.chats == [41, 43]


def test_async_clients_and_invalid_arguments_are_rejected(bulk: Bulk) -> None:
    """A coroutine that nothing awaits would send nothing and look like a success."""
    asynchronous: Any = AsyncMarketChats(business_id=7, auth=ApiKey("key"))
    with pytest.raises(ConfigurationError, match="chats must be MarketChats, not AsyncMarketChats"):
        bulk.send(asynchronous)
    with pytest.raises(ConfigurationError, match="parallel must be a positive integer"):
        bulk.send(parallel=0)


def test_progress_is_reported_after_each_outcome_and_while_waiting(
    bulk: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow response must not freeze the display."""
    monkeypatch.setattr(_run, "TICK", 0.001)
    seen_thrice = threading.Event()
    seen: list[tuple[int, int, int]] = []

    def on_progress(progress: Progress) -> None:
        seen.append((progress.waiting, progress.sending, progress.sent))
        if seen.count((1, 1, 0)) == 3:
            seen_thrice.set()

    bulk.api.on(41, do=lambda: seen_thrice.wait(10))
    bulk.add(41, 42)
    bulk.send(parallel=1, on_progress=on_progress)
    assert seen[:3] == [(1, 1, 0)] * 3
    assert seen[-1] == (0, 0, 2)


def test_stop_finishes_what_is_in_flight(bulk: Bulk) -> None:
    """Ctrl-C must not leave unknown rows behind."""
    bulk.api.on(41, do=bulk.journal.stop)
    bulk.add(41, 42)
    progress = bulk.send(parallel=1)
    assert (progress.stopping, progress.sent, progress.waiting) == (True, 1, 1)
    assert bulk.send().waiting == 1
    assert bulk.api.chats == [41]


def test_an_interrupted_run_records_what_was_in_flight(bulk: Bulk) -> None:
    """Ctrl-C in a program without a signal handler raises in the thread that runs the journal."""
    may_answer = threading.Event()
    for chat_id in (41, 42):
        bulk.api.on(chat_id, do=lambda: may_answer.wait(10))

    def interrupt(_: Progress) -> None:
        may_answer.set()
        raise KeyboardInterrupt

    bulk.add(41, 42, 43)
    with pytest.raises(KeyboardInterrupt):
        bulk.send(parallel=2, on_progress=interrupt)
    assert bulk.states() == {41: State.SENT, 42: State.SENT, 43: State.WAITING}
