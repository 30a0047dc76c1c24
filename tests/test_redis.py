"""Limits shared through Redis, tested against a real server."""

import asyncio
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from click.testing import CliRunner
from redis import Redis
from redis.crc import key_slot

from redis_server import REDIS, WITHOUT, RedisServer
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    MarketChats,
    RateLimitError,
    RetryPolicy,
)
from yandex_market_chats import redis as module
from yandex_market_chats.cli import commands
from yandex_market_chats.redis import RedisLimits
from yandex_market_chats.sandbox import Sandbox

pytestmark = pytest.mark.skipif(REDIS is None, reason=WITHOUT)

BUSINESS_ID = 123456
SEND = f"POST /v2/businesses/{BUSINESS_ID}/chats/message"
CREATE = f"POST /v2/businesses/{BUSINESS_ID}/chats/new"
BRIEF = 1.0
"""Seconds of the longest wait that the client does not take for a used-up hour."""
WORKER = Path(__file__).resolve().parent.parent / "benchmarks" / "fleet_worker.py"
CLIENT: dict[str, Any] = {"business_id": BUSINESS_ID, "auth": ApiKey("token")}
MESSAGE: dict[str, Any] = {"chat_id": 42, "message": "text"}
ACCEPTING = httpx.MockTransport(lambda _: httpx.Response(200, json={"status": "OK"}))


class Watched:
    """Limits that report how far a call has come, and stop it there.

    Attributes:
        reached: Set when a call has reached the point.
        go_on: The threads of the call wait for it there.
        given_back: Set when the slot has been returned.
    """

    def __init__(self, limits: RedisLimits, point: str) -> None:
        """Watch the limits."""
        self._limits, self._point = limits, point
        self.reached, self.go_on, self.given_back = threading.Event(), threading.Event(), threading.Event()

    def reach(self, point: str) -> None:
        """Report the point, if it is the one."""
        if point == self._point:
            self.reached.set()

    def take(self, slot: str, resource: str) -> float:
        """Take a slot."""
        self._stop("take")
        wait = self._limits.take(slot, resource)
        if wait:
            self.reach("wait")
        return wait

    def give_back(self, slot: str, resource: str, headers: Mapping[str, str] | None) -> None:
        """Return a slot."""
        self._stop("give back")
        self._limits.give_back(slot, resource, headers)
        self.given_back.set()

    def _stop(self, point: str) -> None:
        self.reach(point)
        if point == self._point:
            assert self.go_on.wait(10)


class Connections:
    """Counts the connections that a server has accepted."""

    def __init__(self, redis: Redis) -> None:
        """Start to count; the connection of `redis` itself does not count."""
        self._redis, self._before = redis, 0
        self._before = self.count()

    def count(self) -> int:
        """Return how many connections there have been since."""
        return int(self._redis.info("stats")["total_connections_received"]) - self._before


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Return a Redis server that is empty."""
    with RedisServer() as server:
        yield server


def program(server: RedisServer, **settings: Any) -> RedisLimits:
    """Return the limits as one of several programs has them."""
    return RedisLimits(server.url, BUSINESS_ID, **settings)


def hour(remaining: object, until: str = "00:10:00", date: str = "00:00:00") -> dict[str, str]:
    """Return the headers of a response, on a day long ago: the local clock must not count."""
    return {
        "Date": f"Tue, 10 Jul 2018 {date} GMT",
        "X-RateLimit-Resource-Remaining": str(remaining),
        "X-RateLimit-Resource-Until": f"Tue, 10 Jul 2018 {until} GMT",
    }


def report(limits: RedisLimits, headers: Mapping[str, str]) -> None:
    """Report a response, as a call does that is over."""
    limits.take("reporter", SEND)
    limits.give_back("reporter", SEND, headers)


def granted(limits: RedisLimits) -> int:
    """Return how many of ten calls may start."""
    return [limits.take(f"call {number}", SEND) for number in range(10)].count(0.0)


def test_slots_are_shared_by_all_programs(server: RedisServer) -> None:
    """The API accepts 4 requests at a time from a business, whichever program they are from."""
    first, second = program(server), program(server)
    assert [first.take(slot, SEND) for slot in "abc"] == [0.0, 0.0, 0.0]
    assert second.take("d", CREATE) == 0.0
    assert 0 < second.take("e", SEND) <= BRIEF


def test_businesses_share_nothing(server: RedisServer) -> None:
    """Each business has limits of its own."""
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


def test_giving_back_twice_frees_no_slot_of_others(server: RedisServer) -> None:
    """The client returns a slot even if it never took one."""
    limits = program(server, parallel=1)
    limits.take("a", SEND)
    for slot in "bb":
        limits.give_back(slot, SEND, None)
    assert limits.take("c", SEND) > 0


def test_a_slot_that_was_given_back_leaves_nothing_in_redis(server: RedisServer) -> None:
    """Memory must not grow with the messages."""
    limits = program(server, parallel=1)
    for slot in "ab":
        limits.take(slot, SEND)
    for slot in "ab":
        limits.give_back(slot, SEND, None)
    assert Redis.from_url(server.url).keys() == []


def test_waiting_programs_do_not_ask_in_step(server: RedisServer) -> None:
    """The waits are random."""
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
    assert (limits if same_program else program(server, parallel=1)).take("b", SEND) == 0.0


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
    with MarketChats(**CLIENT, limits=limits, transport=ACCEPTING) as chats:
        assert chats.send_message(**MESSAGE).attempts == 1


def test_the_hour_is_shared_per_operation(server: RedisServer) -> None:
    """Once a response says that nothing remains, no program sends before `Until`."""
    first, second = program(server), program(server)
    report(first, hour(0))
    assert BRIEF < second.take("a", SEND) <= 600
    assert second.take("b", CREATE) == 0.0


def test_a_used_up_hour_fails_without_a_request(server: RedisServer) -> None:
    """The caller learns when to try again, as from the API."""
    limits = program(server)
    report(limits, hour(0))
    refusing = httpx.MockTransport(lambda _: pytest.fail("a request was sent"))
    with (
        MarketChats(**CLIENT, limits=limits, transport=refusing) as chats,
        pytest.raises(RateLimitError) as caught,
    ):
        chats.send_message(**MESSAGE)
    error = caught.value
    assert (error.status_code, error.attempts, error.delivery) == (420, 0, Delivery.NOT_SENT)
    assert error.until is not None


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


def test_a_call_that_waits_for_one_operation_holds_up_no_other(server: RedisServer) -> None:
    """The operations have hours of their own, so their calls queue up apart."""
    limits = program(server)
    report(limits, hour(1))
    assert limits.take("a", SEND) == 0.0
    assert limits.take("b", SEND) > 0
    assert limits.take("c", CREATE) == 0.0


def test_no_more_requests_start_than_remain_of_the_hour(server: RedisServer) -> None:
    """Requests of the operation in flight count as used, and a call that waits for them holds no slot."""
    limits, other = program(server, parallel=3), program(server, parallel=3)
    report(limits, hour(1))
    assert other.take("a", CREATE) == 0.0
    assert limits.take("b", SEND) == 0.0
    assert 0 < limits.take("c", SEND) <= BRIEF
    assert other.take("d", CREATE) == 0.0


def test_an_outage_makes_calls_wait_and_is_logged_once(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Without Redis nothing is sent, and the log does not fill up."""
    caplog.set_level("INFO", "yandex_market_chats")
    limits = program(server)
    limits.take("a", SEND)
    Redis.from_url(server.url).replicaof("127.0.0.1", "1")  # read-only
    for _ in range(3):
        assert 0 < limits.take("b", SEND) <= BRIEF
        limits.give_back("a", SEND, hour(0))
        server.kill()
    server.start()
    assert [limits.take(slot, SEND) for slot in "bc"] == [0.0, 0.0]
    levels = [record.levelname for record in caplog.records if record.name == "yandex_market_chats"]
    texts = [record.getMessage() for record in caplog.records if record.name == "yandex_market_chats"]
    assert levels == ["WARNING", "INFO"]
    assert texts[0].startswith("The shared limits are unavailable, so nothing is sent: ")
    assert texts[1] == "The shared limits are available again"


def test_a_server_that_may_not_be_written_counts_as_unavailable(server: RedisServer) -> None:
    """After a failover the old master is read-only: the next try connects again, maybe to the new one."""
    limits, redis = program(server), Redis.from_url(server.url)
    redis.replicaof("127.0.0.1", "1")
    connections = Connections(redis)
    assert 0 < limits.take("a", SEND) <= BRIEF
    assert 0 < limits.take("a", SEND) <= BRIEF
    assert connections.count() == 2
    redis.replicaof("NO", "ONE")
    assert limits.take("a", SEND) == 0.0


def test_a_redis_that_hangs_counts_as_unavailable(server: RedisServer) -> None:
    """A frozen server accepts connections and never answers; one try must not block for several timeouts."""
    limits = RedisLimits(f"{server.url}?socket_timeout=0.05", BUSINESS_ID)
    connections = Connections(Redis.from_url(server.url))
    with server.frozen():
        assert 0 < limits.take("a", SEND) <= BRIEF
    Redis.from_url(server.url).ping()  # this connection is accepted after those that waited
    assert connections.count() == 1 + 1


def test_a_call_that_waits_for_redis_is_sent_when_redis_is_back_empty(server: RedisServer) -> None:
    """A Redis that was restarted has forgotten the scripts, too."""
    limits = Watched(program(server), "wait")
    server.kill()
    with (
        MarketChats(**CLIENT, limits=limits, transport=ACCEPTING) as chats,
        ThreadPoolExecutor(1) as pool,
    ):
        sent = pool.submit(chats.send_message, **MESSAGE)
        assert limits.reached.wait(10)
        server.start()
        assert sent.result(10).attempts == 1


def test_a_call_fails_at_its_deadline_while_redis_is_unavailable(server: RedisServer) -> None:
    """The message was not sent, and the error says where to look."""
    server.kill()
    with (
        MarketChats(**CLIENT, limits=program(server), retries=RetryPolicy(deadline=0.1)) as chats,
        pytest.raises(ConnectionFailedError, match="check that they are available") as caught,
    ):
        chats.send_message(**MESSAGE)
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)


def test_an_exception_in_an_attempt_gives_the_slot_back(server: RedisServer) -> None:
    """A worker's time limit or Ctrl-C may interrupt a call."""

    def interrupt(_: httpx.Request) -> httpx.Response:
        raise KeyboardInterrupt

    limits = program(server, parallel=1)
    with (
        MarketChats(**CLIENT, limits=limits, transport=httpx.MockTransport(interrupt)) as chats,
        pytest.raises(KeyboardInterrupt),
    ):
        chats.send_message(**MESSAGE)
    assert limits.take("a", SEND) == 0.0


@pytest.mark.anyio
async def test_an_async_client_takes_a_slot_and_gives_it_back(server: RedisServer) -> None:
    """Tasks of asyncio and trio share the slots with threads."""
    limits = program(server, parallel=1)
    slots = []

    def handle(_: httpx.Request) -> httpx.Response:
        slots.append(limits.take("a", SEND))
        limits.give_back("a", SEND, None)
        return httpx.Response(200, json={"status": "OK"})

    async with AsyncMarketChats(**CLIENT, limits=limits, transport=httpx.MockTransport(handle)) as chats:
        await chats.send_message(**MESSAGE)
    assert slots[0] > 0
    assert limits.take("b", SEND) == 0.0


@pytest.mark.parametrize("kind", ["asyncio", "anyio", "trio"])
@pytest.mark.parametrize("point", ["take", "wait", "attempt", "give back"])
def test_a_cancelled_task_gives_its_slot_back(server: RedisServer, point: str, kind: str) -> None:
    """Wherever a task is cancelled, even while a thread takes the slot for it, the slot is free again."""
    holder, limits = program(server, parallel=1), Watched(program(server, parallel=1), point)
    if point == "wait":
        holder.take("a", SEND)

    async def handle(_: httpx.Request) -> httpx.Response:
        limits.reach("attempt")
        if point == "attempt":
            await anyio.sleep_forever()
        return httpx.Response(200, json={"status": "OK"})

    chats = AsyncMarketChats(**CLIENT, limits=limits, transport=httpx.MockTransport(handle))

    async def send() -> None:
        await chats.send_message(**MESSAGE)

    async def cancel_by_anyio() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await anyio.to_thread.run_sync(limits.reached.wait, 10)
            group.cancel_scope.cancel()

    async def cancel_by_asyncio() -> None:
        task = asyncio.create_task(send())
        await asyncio.to_thread(limits.reached.wait, 10)
        while not task.done():
            task.cancel()
            await asyncio.sleep(0)

    if kind == "asyncio":
        asyncio.run(cancel_by_asyncio())
    else:
        anyio.run(cancel_by_anyio, backend="trio" if kind == "trio" else "asyncio")
    limits.go_on.set()
    assert limits.reached.is_set()
    assert limits.given_back.wait(10)
    holder.give_back("a", SEND, None)
    assert holder.take("b", SEND) == 0.0


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret/0@localhost:6379",
        "http://:secret@localhost",
        "redis://:secret@localhost?unknown=1",
        "redis://:secret@localhost?socket_timeout=secret",
        b"redis://:secret@localhost",
        None,
    ],
)
def test_an_invalid_url_is_rejected_and_not_shown(url: Any) -> None:
    """The URL contains a password, and error trackers record the variables of each frame of a traceback."""
    with pytest.raises(ConfigurationError, match="url must look like redis://") as caught:
        RedisLimits(url, BUSINESS_ID)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "url" not in caught.traceback[-1].frame.f_locals


def test_the_password_is_shown_nowhere(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """A log is read by more people than may send."""
    limits = RedisLimits(server.url.replace("127", ":secret@127"), BUSINESS_ID)
    server.kill()
    assert limits.take("a", SEND) > 0
    assert "secret" not in repr(limits) + caplog.text
    assert "unavailable" in caplog.text


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"parallel": 0}, "parallel must be a positive integer"),
        ({"lease": 0}, "lease must be a positive number of seconds"),
        ({"lease": float("inf")}, "lease must be a positive number of seconds"),
        ({"lease": "30"}, "lease must be a positive number of seconds"),
        ({"business_id": 0}, "business_id must be an integer from 1"),
    ],
)
def test_invalid_arguments_are_rejected(settings: dict[str, Any], text: str) -> None:
    """What is invalid is rejected before anything is sent, and named."""
    with pytest.raises(ConfigurationError, match=text):
        RedisLimits(**{"url": "redis://localhost", "business_id": BUSINESS_ID, **settings})


def test_without_the_extra_the_import_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a missing package says how to install it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, module.__name__)
    with pytest.raises(ImportError, match=r"pip install 'yandex-market-chats\[redis\]'"):
        import_module(module.__name__)


def test_all_keys_of_a_business_are_in_one_slot_of_a_cluster(server: RedisServer) -> None:
    """A script may touch only the keys of one hash slot of Redis Cluster."""
    limits = program(server)
    report(limits, hour(1))
    limits.take("a", SEND)
    keys = Redis.from_url(server.url, decode_responses=True).keys()
    assert len(keys) == 3
    assert {key_slot(str(key).encode()) for key in keys} == {key_slot(str(BUSINESS_ID).encode())}


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


def test_processes_that_share_redis_provoke_no_420(server: RedisServer) -> None:
    """Each message arrives once, and no limit of the API is exceeded."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with Sandbox(latency=0.05) as sandbox, ExitStack() as stack:
        where = [sandbox.base_url, sandbox.token, server.url]
        processes: list[subprocess.Popen[Any]] = []
        for number, way in enumerate(["sync", "async"] * 2):
            command = [sys.executable, str(WORKER), str(number), way, *where, "4", "5"]
            processes.append(stack.enter_context(subprocess.Popen(command, **pipes)))
        assert [process.stdout and process.stdout.readline() for process in processes] == ["ready\n"] * 4
        assert [process.communicate("\n")[0] for process in processes] == ["5\n"] * 4
        assert sandbox.requests == 20
        assert set(Counter(message.text for message in sandbox.messages).values()) == {1}


@pytest.mark.parametrize("variable", [False, True])
def test_the_command_shares_its_limits(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch, *, variable: bool
) -> None:
    """One option, or one variable, makes a cron job count with the other programs of the business."""
    monkeypatch.setenv("YANDEX_MARKET_LIMITS", server.url if variable else "")
    option = [] if variable else ["--limits", server.url]
    result = CliRunner().invoke(commands, ["send", "--sandbox", *option, "--chat-id", "42", "Hello"])
    assert (result.exit_code, result.stdout) == (0, "Sent to the sandbox, attempts: 1.\n")
    assert Redis.from_url(server.url).keys()  # the hour that the response reported


def test_the_command_says_that_the_limits_need_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending without the limits that were asked for would provoke refusals for everyone."""
    monkeypatch.setitem(sys.modules, "yandex_market_chats.redis", None)
    arguments = ["send", "--sandbox", "--limits", "redis://localhost", "--chat-id", "42", "Hello"]
    assert CliRunner().invoke(commands, arguments).exit_code == 2
