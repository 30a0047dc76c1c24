"""The hours that programs share through Redis: what responses report, and which calls wait."""

import pytest
from redis import Redis

from mock_api import TEXT, Api, settings
from redis_server import RedisServer
from shared_limits import BRIEF, CREATE, SEND, hour, needs_redis, program, report
from yandex_market_chats import Delivery, MarketChats, RateLimitError
from yandex_market_chats.redis import RedisLimits

pytestmark = needs_redis


def test_the_hour_is_shared_per_operation(server: RedisServer) -> None:
    """Once a response says that nothing remains, no program sends before `Until`."""
    first, second = program(server), program(server)
    report(first, hour(0))
    assert second.take("a", CREATE) == 0.0
    assert 595 < second.take("b", SEND) <= 600  # of the ten minutes from `Date` to `Until`


def test_all_calls_of_a_program_learn_at_once_that_the_hour_is_used_up(server: RedisServer) -> None:
    """A call that queued up behind another one would wait in vain, and fail late."""
    limits = program(server)
    report(limits, hour(0))
    assert all(limits.take(slot, SEND) > BRIEF for slot in "abc")


def test_a_used_up_hour_fails_without_a_request(server: RedisServer) -> None:
    """The caller learns when to try again, as from the API."""
    limits, api = program(server), Api()
    report(limits, hour(0))
    with (
        MarketChats(**settings(api, limits=limits)) as chats,
        pytest.raises(RateLimitError) as caught,
    ):
        chats.send_message(chat_id=42, message=TEXT)
    error = caught.value
    assert (error.status_code, error.attempts, error.delivery) == (420, 0, Delivery.NOT_SENT)
    assert error.until is not None
    assert not api.requests


def granted(limits: RedisLimits) -> int:
    """Return how many of ten calls may start."""
    return [limits.take(f"call {number}", SEND) for number in range(10)].count(0.0)


@pytest.mark.parametrize(
    ("reports", "remaining"),
    [
        pytest.param([hour(3)], 3, id="one"),
        pytest.param([hour(3), hour(2)], 2, id="smaller remaining"),
        pytest.param([hour(2), hour(3)], 2, id="larger remaining"),
        pytest.param([hour(0), hour(3, until="00:20:00")], 3, id="later until"),
        pytest.param([hour(3, until="00:20:00"), hour(0)], 3, id="earlier until"),
    ],
)
def test_the_latest_state_of_the_hour_counts(
    server: RedisServer, reports: list[dict[str, str]], remaining: int
) -> None:
    """Responses overtake each other: a later `Until` wins, otherwise the smaller remainder."""
    limits = program(server, parallel=5)
    for headers in reports:
        report(limits, headers)
    assert granted(limits) == remaining


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(None, id="no response"),
        pytest.param({}, id="no headers"),
        pytest.param(hour("few"), id="invalid remaining"),
        pytest.param(hour(0, until="soon"), id="invalid until"),
        pytest.param(hour(0, date="now"), id="invalid date"),
        pytest.param(hour(0, until="00:00:00"), id="hour over"),
    ],
)
def test_a_response_that_says_nothing_about_the_hour_changes_nothing(
    server: RedisServer, caplog: pytest.LogCaptureFixture, headers: dict[str, str] | None
) -> None:
    """Neither a gateway's response nor a late one of the hour before may stop the programs."""
    limits = program(server)
    report(limits, hour(2))
    limits.take("a", SEND)
    limits.give_back("a", SEND, headers)
    assert granted(limits) == 2
    assert not caplog.records


def test_an_hour_ends_by_the_clock_of_redis(server: RedisServer) -> None:
    """`Until` minus `Date` is how long Redis keeps the hour; a period beyond an hour is not believed."""
    limits, redis = program(server), Redis.from_url(server.url)
    report(limits, hour(0, until="00:10:00"))
    (key,) = redis.keys("*POST*")
    assert 0 < redis.ttl(key) <= 600
    report(limits, hour(0, until="23:59:59"))
    assert 600 < redis.ttl(key) <= 3600
    redis.delete(key)
    assert limits.take("a", SEND) == 0.0


def test_no_more_requests_start_than_remain_of_the_hour(server: RedisServer) -> None:
    """Requests of the operation in flight count as used, and a call that waits for them holds no slot."""
    limits, other = program(server, parallel=3), program(server, parallel=3)
    report(limits, hour(1))
    assert other.take("a", CREATE) == 0.0
    assert limits.take("b", SEND) == 0.0
    assert limits.take("c", SEND) > BRIEF  # so the client keeps no slot of its own meanwhile either
    assert other.take("d", CREATE) == 0.0


def test_calls_that_wait_for_a_slot_do_not_count_as_used(server: RedisServer) -> None:
    """Calls that counted each other would wait for the last request of the hour together, in vain."""
    first, second = program(server, parallel=1), program(server, parallel=1)
    report(first, hour(1))
    first.take("a", CREATE)
    assert [first.take("b", SEND) > 0, second.take("c", SEND) > 0] == [True, True]
    first.give_back("a", CREATE, None)
    assert first.take("b", SEND) == 0.0


def test_a_call_that_waits_for_one_operation_holds_up_no_other(server: RedisServer) -> None:
    """The operations have hours of their own, so their calls queue up apart."""
    limits = program(server)
    report(limits, hour(1))
    assert limits.take("a", SEND) == 0.0
    assert limits.take("b", SEND) > 0
    assert limits.take("c", CREATE) == 0.0
