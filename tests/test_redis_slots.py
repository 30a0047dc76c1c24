"""The slots that programs share through Redis: who gets the next one, and when one is free again."""

import os
import subprocess
import sys

import pytest
from redis import Redis
from redis.crc import key_slot

from mock_api import TEXT, answer, settings
from redis_server import RedisServer
from shared_limits import BRIEF, BUSINESS_ID, CREATE, SEND, hour, needs_redis, program, report
from yandex_market_chats import MarketChats
from yandex_market_chats import redis as module
from yandex_market_chats.redis import RedisLimits

pytestmark = needs_redis


def test_slots_are_shared_by_all_programs(server: RedisServer) -> None:
    """The API accepts 4 requests at a time from a business, whichever program they are from."""
    first, second = program(server), program(server)
    assert [first.take(slot, SEND) for slot in "abc"] == [0.0, 0.0, 0.0]
    assert second.take("d", CREATE) == 0.0
    assert 0 < second.take("e", SEND) <= BRIEF


def test_businesses_share_nothing(server: RedisServer) -> None:
    """A program of one business must not wait for those of another."""
    program(server, parallel=1).take("a", SEND)
    assert RedisLimits(server.url, 7, parallel=1).take("b", SEND) == 0.0


def test_a_slot_goes_to_the_program_that_has_waited_longest(server: RedisServer) -> None:
    """A program that goes on sending must not starve the others."""
    busy, patient, late = (program(server, parallel=1) for _ in range(3))
    busy.take("a", SEND)
    assert patient.take("b", SEND) > 0
    assert late.take("c", SEND) > 0
    busy.give_back("a", SEND, None)
    assert busy.take("d", SEND) > 0
    assert late.take("c", SEND) > 0
    assert patient.take("b", SEND) == 0.0


def test_a_slot_is_taken_once_however_often_it_is_asked_for(server: RedisServer) -> None:
    """If Redis's answer was lost, the call asks again for a slot that it already holds."""
    limits = program(server, parallel=2)
    assert [limits.take("a", SEND) for _ in range(3)] == [0.0, 0.0, 0.0]
    assert limits.take("b", SEND) == 0.0


def test_a_call_without_a_slot_frees_none_of_others(server: RedisServer) -> None:
    """A client returns a slot even if it has none, or has returned it already."""
    limits = program(server, parallel=1)
    limits.take("a", SEND)
    for slot in "bb":
        limits.give_back(slot, SEND, None)
    assert limits.take("c", SEND) > 0


def test_a_returned_slot_leaves_nothing_in_redis(server: RedisServer) -> None:
    """Memory must not grow with the messages."""
    limits = program(server, parallel=1)
    for slot in "ab":
        limits.take(slot, SEND)
    for slot in "ab":
        limits.give_back(slot, SEND, None)
    assert Redis.from_url(server.url).keys() == []


def test_waiting_programs_do_not_ask_in_step(server: RedisServer) -> None:
    """Random waits spread the load on Redis."""
    limits = program(server, parallel=1)
    limits.take("a", SEND)
    assert len({limits.take("b", SEND) for _ in range(9)}) > 1


def test_one_waiting_call_of_a_program_asks_redis_and_the_others_follow_in_order(server: RedisServer) -> None:
    """A thousand waiting calls of one program must not burden Redis."""
    limits = program(server, parallel=1)
    limits.take("a", SEND)
    redis = Redis.from_url(server.url)

    def asked() -> int:
        return int(redis.info("commandstats")["cmdstat_evalsha"]["calls"])

    for slot in "bcd":
        assert 0 < limits.take(slot, SEND) <= BRIEF
    before = asked()
    for slot in "cd":
        assert 0 < limits.take(slot, SEND) <= BRIEF
    assert asked() == before
    limits.give_back("a", SEND, None)
    assert [limits.take(slot, SEND) > 0 for slot in "dcb"] == [True, True, False]
    limits.give_back("b", SEND, None)
    assert [limits.take(slot, SEND) > 0 for slot in "dc"] == [True, False]


def test_a_wait_for_a_slot_never_looks_like_a_used_up_hour(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client takes a wait over one second for a used-up hour, however long the line is."""
    monkeypatch.setattr(module, "POLL", 100.0)
    first, second = program(server, parallel=1), program(server, parallel=1)
    first.take("a", SEND)
    assert all(0 < second.take(slot, SEND) <= BRIEF for slot in "bc")


@pytest.mark.parametrize("same_program", [True, False])
def test_a_call_that_stops_asking_loses_its_turn(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, *, same_program: bool
) -> None:
    """A killed program, or an exception at any line, must not block the queue."""
    monkeypatch.setattr(module, "PATIENCE", 0.0)
    limits = program(server, parallel=1)
    limits.take("a", SEND)
    assert limits.take("silent", SEND) > 0
    limits.give_back("a", SEND, None)
    other = limits if same_program else program(server, parallel=1)
    assert other.take("b", SEND) == 0.0
    other.give_back("b", SEND, None)
    assert Redis.from_url(server.url).keys() == []


def test_the_slot_of_a_killed_program_is_free_after_its_lease(server: RedisServer) -> None:
    """SIGKILL leaves no time to return anything."""
    source = (
        "import sys, time; from yandex_market_chats.redis import RedisLimits;"
        f"limits = RedisLimits(sys.argv[1], {BUSINESS_ID}, parallel=1, lease=1.0);"
        f"print(limits.take('a', {SEND!r}), flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", source, server.url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "0.0\n"
        holder.kill()
    limits = program(server, parallel=1)
    assert limits.take("b", SEND) > 0
    limits.give_back("b", SEND, None)
    with MarketChats(**settings(lambda _: answer(), limits=limits)) as chats:
        assert chats.send_message(chat_id=42, message=TEXT).attempts == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_process_that_was_forked_has_connections_of_its_own(server: RedisServer) -> None:
    """Prefork servers import the program first, and create clients in each worker."""
    source = (
        "import os, sys; from yandex_market_chats.redis import RedisLimits;"
        f"limits = lambda: RedisLimits(sys.argv[1], {BUSINESS_ID}, parallel=1);"
        f"print(limits().take('a', {SEND!r}), flush=True);"
        f"os.fork() or print(limits().take('b', {SEND!r}) > 0, flush=True)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", source, server.url], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "0.0\nTrue\n"


def test_all_keys_of_a_business_are_in_one_slot_of_a_cluster(server: RedisServer) -> None:
    """A script may touch only the keys of one hash slot of Redis Cluster."""
    limits = program(server)
    report(limits, hour(1))
    limits.take("a", SEND)
    keys = Redis.from_url(server.url, decode_responses=True).keys()
    assert len(keys) == 3
    assert {key_slot(str(key).encode()) for key in keys} == {key_slot(str(BUSINESS_ID).encode())}
