"""A run and the hourly limit: which rows wait for the next hour, and when the run goes on."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from journals import Bulk, Unlimited, answer
from mock_api import NOW
from yandex_market_chats import RateLimit
from yandex_market_chats.bulk import Progress, _run

NEXT = NOW + timedelta(minutes=20)
"""When the next hour starts."""


@pytest.fixture
def bulk(tmp_path: Path) -> Iterator[Bulk]:
    """Return an empty journal, and an API that accepts each message."""
    with Bulk(tmp_path / "orders.journal") as bulk:
        yield bulk


def test_a_run_waits_for_the_next_hour_before_it_claims(bulk: Bulk) -> None:
    """A row that only waits for the hour must not become unknown when the program dies meanwhile."""
    times: list[datetime] = []
    bulk.api.on(41, answer(remaining=0, until=NEXT))
    bulk.api.on(
        42, answer(remaining=999, until=NEXT + timedelta(hours=1)), do=lambda: times.append(bulk.now())
    )
    bulk.add(41, 42)
    seen: list[Progress] = []
    bulk.send(parallel=1, on_progress=seen.append)
    assert times == [NEXT]
    pauses = [progress for progress in seen if progress.paused_until]
    assert {(pause.sending, pause.waiting, pause.paused_until) for pause in pauses[1:]} == {(0, 1, NEXT)}
    assert seen[-1].paused_until is None
    assert seen[-1].rate_limit == RateLimit(1000, 999, NEXT + timedelta(hours=1))


def test_a_row_that_the_hourly_limit_refused_is_sent_in_the_next_hour(bulk: Bulk) -> None:
    """Another program may use up the hour; that is no failure, however often it happens."""
    times: list[datetime] = []
    refusals = [answer(420, remaining=0, until=NEXT) for _ in range(9)]  # 20 minutes after their `Date`
    bulk.api.on(41, *refusals, do=lambda: times.append(bulk.now()))
    bulk.add(41, 42)
    assert bulk.send(parallel=1).sent == 2
    assert bulk.api.chats == [41] * 10 + [42]
    assert times == [NOW + timedelta(minutes=20 * n) for n in range(10)]


@pytest.mark.parametrize(("status", "remaining"), [(420, 5), (429, 0)])
def test_a_refusal_that_names_the_hour_is_believed(bulk: Bulk, status: int, remaining: int) -> None:
    """A 420 of the hour may carry an old remainder, and a 429 may mean the hour, too."""
    seen: list[Progress] = []
    bulk.api.on(41, answer(status, remaining=remaining, until=NEXT))
    bulk.add(41)
    assert bulk.send(on_progress=seen.append).sent == 1
    assert bulk.now() == NEXT
    assert RateLimit(1000, 0, NEXT) in [progress.rate_limit for progress in seen]


def test_the_client_itself_may_hold_a_row_back(bulk: Bulk) -> None:
    """`RedisLimits` knows the hour from other programs: its error says until when, without a request."""
    bulk.clock.seconds = started = datetime.now(UTC).timestamp()

    class UsedUp(Unlimited):
        def take(self, *_: str) -> float:
            return 1200.0 if bulk.clock.seconds == started else 0.0

    seen: list[Progress] = []
    bulk.add(41)
    assert bulk.send(bulk.client(limits=UsedUp()), on_progress=seen.append).sent == 1
    assert any(progress.paused_until for progress in seen)
    assert next(bulk.journal.entries()).attempts == 1


def test_no_more_rows_are_claimed_than_the_hour_has_left(bulk: Bulk) -> None:
    """Requests in flight use up the hour too; responses overtake each other, and the smallest one counts."""
    first_is_recorded = threading.Event()
    bulk.api.on(1, answer(remaining=1, until=NEXT))
    bulk.api.on(2, answer(remaining=2, until=NEXT), do=lambda: first_is_recorded.wait(10))
    bulk.api.on(3, answer(remaining=0, until=NEXT))
    bulk.api.on(4, answer(remaining=0, until=NEXT - timedelta(hours=1)))  # of the hour before
    seen: list[tuple[int, int]] = []

    def on_progress(progress: Progress) -> None:
        seen.append((progress.sent, progress.sending))
        if progress.sent:
            first_is_recorded.set()

    bulk.add(1, 2, 3, 4, 5)
    bulk.send(parallel=2, on_progress=on_progress)
    assert list(dict.fromkeys(seen)) == [(0, 2), (1, 1), (2, 1), (3, 0), (3, 2), (4, 1), (5, 0)]
    assert bulk.now() == NEXT


def test_an_hour_that_lasts_longer_than_an_hour_is_not_believed(bulk: Bulk) -> None:
    """A header that is wrong must not stop a run for a year."""
    bulk.api.on(41, answer(remaining=0, until=NOW + timedelta(days=365)))
    bulk.add(41, 42)
    assert bulk.send(parallel=1).sent == 2
    assert bulk.now() == NOW + timedelta(hours=1)


@pytest.mark.parametrize(
    "response",
    [
        answer(420, until=NOW),
        answer(420),
        answer(429, remaining=5, until=NEXT),
    ],
    ids=["until is past", "no until", "429 with requests left"],
)
def test_a_limit_without_a_later_hour_is_a_failure(bulk: Bulk, response: httpx.Response) -> None:
    """A run that tried such a row again and again would never end."""
    bulk.api.on(41, response)
    bulk.add(41)
    assert bulk.send().waiting == 1
    assert bulk.api.chats == [41]


def test_stop_ends_the_wait_for_the_hour(bulk: Bulk) -> None:
    """Nothing is in flight then, so the run ends at the next tick."""
    bulk.api.on(41, answer(remaining=0, until=NEXT))
    bulk.add(41, 42)
    progress = bulk.send(parallel=1, on_progress=lambda _: bulk.journal.stop() if bulk.now() > NOW else None)
    assert progress.waiting == 1
    assert bulk.now() == NOW + timedelta(seconds=_run.TICK)


def test_a_remainder_without_a_reset_holds_nothing_back(bulk: Bulk) -> None:
    """A gateway may drop a header: without the time of the reset, a wait could last forever."""
    bulk.api.on(41, answer(remaining=0))
    bulk.add(41, 42)
    assert bulk.send(parallel=1).sent == 2
    assert bulk.now() == NOW
