"""A run whose client settles: unknown rows, also those of earlier runs, whose message is in their chat."""

import threading
from collections import deque
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from journals import Bulk, answer, text
from mock_api import NOW
from yandex_market_chats import AuthenticationError, RetryPolicy
from yandex_market_chats._operations import Sending
from yandex_market_chats.bulk import Row, State

NEXT = NOW + timedelta(minutes=20)
"""When the next hour starts."""
UNSETTLED = "Reading the chat did not settle it:"
CLAIM = "SELECT state, before_ids, before_date FROM rows"


@pytest.fixture
def bulk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bulk]:
    """Return an empty journal, whose client reads a chat once after an UNKNOWN; no other test has sent."""
    monkeypatch.setattr(Sending, "recent", deque())
    retries = RetryPolicy(max_attempts=1, deadline=2)
    with Bulk(tmp_path / "orders.journal", settle_unknown=True, retries=retries) as bulk:
        yield bulk


def leave(bulk: Bulk, chat_id: int, ids: str = "[]") -> None:
    """Change a row into what a run leaves that dies in the call."""
    bulk.execute(
        f"UPDATE rows SET state = 'unknown', time = '{NOW}', error = 'It died.', before_ids = '{ids}',"
        f" before_date = '{NOW.isoformat()}' WHERE chat_id = {chat_id}"
    )


def test_an_unknown_row_is_settled_as_it_happens(bulk: Bulk) -> None:
    """A message that shows up within the call needs no one to check its chat."""
    bulk.api.on(42, answer(500), do=lambda: bulk.api.show(42, 7))
    bulk.add(42)
    assert bulk.send().sent == 1
    (entry,) = bulk.journal.entries()
    assert (entry.message_id, entry.error, bulk.api.chats) == (7, None, [42])


def test_what_the_chat_showed_is_stored_with_the_claim(bulk: Bulk) -> None:
    """The next run needs it if the program dies in the call. A row that is not claimed stays `waiting`."""
    seen: list[Any] = []
    bulk.api.show(42, 5)
    bulk.api.on_read = lambda _: seen.extend(bulk.execute(CLAIM))
    bulk.api.on(42, do=lambda: seen.extend(bulk.execute(CLAIM)))
    bulk.add(42)
    bulk.send()
    seen += bulk.execute(CLAIM)
    assert seen == [("waiting", None, None), ("sending", "[5]", NOW.isoformat()), ("sent", None, None)]


def test_a_later_run_settles_what_a_dead_run_left(bulk: Bulk) -> None:
    """An old id proves nothing, a new one is the message; `time` is that of the claim until then."""
    bulk.add(41, 42, 43)
    leave(bulk, 41, "[5]")
    leave(bulk, 42, "[5]")
    bulk.api.show(41, 5)
    bulk.api.show(42, 5)
    bulk.api.show(42, 7)
    bulk.clock.sleep(60)
    progress = bulk.send()
    assert (progress.sent, progress.unknown, bulk.api.chats) == (2, 1, [43])
    missing, found, _ = bulk.journal.entries()
    assert missing.error == f"It died. {UNSETTLED} the message did not show up in time."
    assert (missing.time, found[3:]) == (NOW, (State.SENT, 0, bulk.now(), None, 7))


def test_a_message_that_shows_up_after_its_run_is_found_by_the_next_one(bulk: Bulk) -> None:
    """The vendor does not say how soon a message shows up."""
    bulk.api.on(42, answer(500))
    bulk.add(42)
    assert bulk.send().unknown == 1
    assert f"may have been sent: check the chat before sending it again. {UNSETTLED}" in bulk.error()
    bulk.api.show(42, 7)
    assert bulk.send().sent == 1
    assert bulk.api.chats == [42]


def test_a_failed_read_leaves_the_row_as_it_was(bulk: Bulk) -> None:
    """The next run can still settle the row; the reason is stated once, however many runs fail."""
    bulk.add(42)
    leave(bulk, 42)
    before = bulk.execute(CLAIM)
    bulk.api.show(42, 7)
    bulk.api.on_read = lambda _: answer(404)
    for _ in range(2):
        assert bulk.send().unknown == 1
    assert bulk.execute(CLAIM) == before
    error = bulk.error()
    assert error.startswith(f"It died. {UNSETTLED} it could not be read: 404")
    assert error.count(UNSETTLED) == 1
    bulk.api.on_read = int
    assert bulk.send().sent == 1


def test_a_row_is_sent_when_its_chat_cannot_be_read(bulk: Bulk) -> None:
    """Reading is a precaution: it must not keep a message from being sent."""
    seen: list[Any] = []
    bulk.api.on_read = lambda _: answer(404)
    bulk.api.on(42, do=lambda: seen.extend(bulk.execute(CLAIM)))
    bulk.add(42)
    assert bulk.send().sent == 1
    assert seen == [("sending", None, None)]


def test_two_messages_that_qualify_leave_the_row_unknown(bulk: Bulk) -> None:
    """One of the two messages is another program's."""
    bulk.add(42)
    leave(bulk, 42)
    bulk.api.show(42, 7)
    bulk.api.show(42, 8)
    assert bulk.send().unknown == 1
    assert bulk.error().endswith("2 new messages have this text.")


@pytest.mark.parametrize(
    ("state", "settled"), [(State.SENT, 0), (State.UNKNOWN, 0), (State.WAITING, 1), (State.REFUSED, 1)]
)
def test_a_message_that_may_be_that_of_another_row_settles_nothing(
    bulk: Bulk, state: State, settled: int
) -> None:
    """The message in the chat may be the second reminder, and the first one lost."""
    first, second = Row(42, "Ждём", "monday"), Row(42, "Ждём ", "friday")
    bulk.journal.add([first, second])
    leave(bulk, 42)
    bulk.execute(f"UPDATE rows SET state = '{state}' WHERE key = 'friday'")
    bulk.api.history[42] = [(7, "Ждём")]
    assert bulk.send(rows=[first]).sent == settled
    reason = "another row has the same message for this chat."
    assert [(entry.error or "").endswith(reason) for entry in bulk.journal.entries([first])] == [not settled]


def test_equal_rows_of_one_run_settle_nothing(bulk: Bulk) -> None:
    """Either of the two reminders may be the one that shows up."""
    bulk.api.on(42, answer(500), answer(500), do=lambda: bulk.api.history.update({42: [(7, "Ждём")]}))
    bulk.journal.add([Row(42, "Ждём", "monday")])
    bulk.api.on_read = lambda _: answer(404)
    assert bulk.send().unknown == 1
    bulk.api.on_read = int
    bulk.api.history.clear()
    bulk.journal.add([Row(42, "Ждём", "friday")])
    assert bulk.send().unknown == 2
    assert all((entry.error or "").count(UNSETTLED) == 1 for entry in bulk.journal.entries())


def test_a_message_of_this_process_settles_nothing_later_either(bulk: Bulk) -> None:
    """Another client has sent the same text meanwhile; only this process knows it."""

    def send_as_well() -> None:
        bulk.api.on(42)
        bulk.chats.send_message(chat_id=42, message=text(42))

    bulk.api.on(42, answer(500), do=send_as_well)
    bulk.add(42)
    bulk.send()
    assert bulk.execute(CLAIM) == [("unknown", None, None)]


def test_a_client_that_does_not_settle_reads_nothing(bulk: Bulk) -> None:
    """Reads cost requests, and rely on what the vendor does not guarantee."""
    bulk.add(41, 42)
    leave(bulk, 41)
    assert bulk.send(bulk.client()).unknown == 1
    assert (bulk.api.read, bulk.api.chats) == ([], [42])


def test_a_row_without_a_read_before_it_is_not_looked_for(bulk: Bulk) -> None:
    """A message with this text may have been in the chat before."""
    bulk.add(42)
    bulk.execute("UPDATE rows SET state = 'unknown'")
    bulk.api.show(42, 7)
    assert bulk.send().unknown == 1
    assert bulk.api.read == []


def test_a_row_that_someone_marks_during_the_read_stays_marked(bulk: Bulk) -> None:
    """A person who has checked the chat knows better. The next run sends the row."""
    bulk.add(42)
    leave(bulk, 42)
    bulk.api.show(42, 7)
    bulk.api.on_read = lambda _: bulk.execute("UPDATE rows SET state = 'waiting'")
    assert bulk.send().waiting == 1
    assert bulk.api.chats == []


@pytest.mark.parametrize("state", [State.UNKNOWN, State.WAITING])
def test_an_exception_that_is_not_ours_in_a_read_stops_the_run(bulk: Bulk, state: State) -> None:
    """Nothing was sent, and the rows stay as they were."""

    def fail(_: int) -> None:
        bulk.api.on_read = int
        raise SystemExit

    bulk.add(42)
    if state is State.UNKNOWN:
        leave(bulk, 42)
    bulk.api.on_read = fail
    with pytest.raises(SystemExit):
        bulk.send()
    assert (bulk.states(), bulk.api.chats) == ({42: state}, [])


def test_stop_sends_nothing_whose_chat_is_being_read(bulk: Bulk) -> None:
    """Ctrl-C during the read leaves the row to the next run."""
    bulk.api.on_read = lambda _: bulk.journal.stop()
    bulk.add(42)
    assert bulk.send().waiting == 1
    assert (bulk.states(), bulk.api.chats) == ({42: State.WAITING}, [])


def test_stop_looks_for_no_more_messages_of_earlier_runs(bulk: Bulk) -> None:
    """Ctrl-C must not wait until the chats of a thousand unknown rows are read."""
    bulk.api.on_read = lambda _: bulk.journal.stop()
    bulk.add(41, 42, 43)
    for chat_id in (41, 42, 43):
        leave(bulk, chat_id)
    assert bulk.send(parallel=1).unknown == 3
    assert bulk.api.read == [41]


def test_a_read_that_ends_after_a_fatal_error_claims_nothing(bulk: Bulk) -> None:
    """The error of one row must survive the successful read for another one."""
    stopping = threading.Event()
    bulk.api.on_read = lambda chat_id: stopping.wait(10) if chat_id == 42 else None
    bulk.api.on(41, answer(401))
    bulk.add(41, 42)
    with pytest.raises(AuthenticationError):
        bulk.send(parallel=2, on_progress=lambda p: stopping.set() if p.stopping else None)
    assert (bulk.states(), bulk.api.chats) == ({41: State.WAITING, 42: State.WAITING}, [41])


def test_a_row_whose_chat_was_read_waits_for_the_hour_unclaimed(bulk: Bulk) -> None:
    """The hour may be used up during the read."""
    used_up = threading.Event()
    bulk.api.on_read = lambda chat_id: used_up.wait(10) if chat_id == 42 else None
    bulk.api.on(41, answer(remaining=0, until=NEXT))
    times: list[datetime] = []
    bulk.api.on(42, do=lambda: times.append(bulk.now()))
    bulk.add(41, 42)
    bulk.send(parallel=2, on_progress=lambda p: used_up.set() if p.sent else None)
    assert times == [NEXT]
