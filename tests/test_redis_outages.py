"""A Redis that is down, frozen, read-only or back empty: nothing is sent without it."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from redis.connection import Connection

from fault_server import FaultServer
from mock_api import TEXT, Api, answer, settings
from redis_server import RedisServer
from shared_limits import BRIEF, BUSINESS_ID, SEND, hour, needs_redis, program
from yandex_market_chats import ConnectionFailedError, Delivery, MarketChats, RetryPolicy
from yandex_market_chats.redis import RedisLimits

pytestmark = needs_redis


class Connections:
    """Counts the connections that a server has accepted."""

    def __init__(self, redis: Redis) -> None:
        """Start to count; the connection of `redis` itself does not count."""
        self._redis, self._before = redis, 0
        self._before = self.count()

    def count(self) -> int:
        """Return how many connections there have been since."""
        return int(self._redis.info("stats")["total_connections_received"]) - self._before


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
    """A frozen server accepts connections and never answers: one try, of one second, must be all."""
    limits = program(server)
    connections = Connections(Redis.from_url(server.url))
    with ThreadPoolExecutor(1) as pool, server.frozen():
        assert 0 < pool.submit(limits.take, "a", SEND).result(4) <= BRIEF  # redis-py itself waits 5 s
    Redis.from_url(server.url).ping()  # this connection is accepted after those that waited
    assert connections.count() == 1 + 1


def test_a_redis_that_cannot_be_reached_counts_as_unavailable() -> None:
    """A firewall that drops packets never refuses a connection: a try ends after a second."""
    with FaultServer([], door="full") as unreachable, ThreadPoolExecutor(1) as pool:
        limits = RedisLimits(unreachable.base_url.replace("http", "redis"), BUSINESS_ID)
        assert 0 < pool.submit(limits.take, "a", SEND).result(4) <= BRIEF  # redis-py itself waits 5 s


def test_one_call_of_a_program_tries_a_redis_that_is_down(server: RedisServer) -> None:
    """A thousand waiting calls must not each wait out the timeout of a Redis that hangs."""
    server.kill()
    limits = program(server)
    first, second = limits.take("a", SEND), limits.take("b", SEND)
    assert 0 < second < 0.1 < first


def test_a_call_that_waits_for_redis_is_sent_when_redis_is_back_empty(server: RedisServer) -> None:
    """A Redis that was restarted has forgotten the scripts, too."""
    limits, waits = program(server), threading.Event()

    class Watched:
        give_back = limits.give_back

        def take(self, slot: str, resource: str) -> float:
            wait = limits.take(slot, resource)
            if wait:
                waits.set()
            return wait

    server.kill()
    with (
        MarketChats(**settings(lambda _: answer(), limits=Watched())) as chats,
        ThreadPoolExecutor(1) as pool,
    ):
        sent = pool.submit(chats.send_message, chat_id=42, message=TEXT)
        assert waits.wait(10)
        server.start()
        assert sent.result(10).attempts == 1


def test_a_call_fails_at_its_deadline_while_redis_is_unavailable(server: RedisServer) -> None:
    """The message was not sent, and the error says where to look."""
    server.kill()
    with (
        MarketChats(**settings(Api(), limits=program(server), retries=RetryPolicy(deadline=0.1))) as chats,
        pytest.raises(ConnectionFailedError, match="check that they are available") as caught,
    ):
        chats.send_message(chat_id=42, message=TEXT)
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)


def test_the_password_is_shown_nowhere(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """A log is read by more people than may send."""
    limits = RedisLimits(server.url.replace("//", "//:secret@"), BUSINESS_ID)
    server.kill()
    assert limits.take("a", SEND) > 0
    assert "secret" not in repr(limits) + caplog.text
    assert "unavailable" in caplog.text


def test_an_interrupted_question_leaves_no_answer_to_the_next_one(
    server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each later question would get the answer to the one before, and take it for a granted slot."""
    holder, limits = program(server, parallel=1), program(server, parallel=1)
    holder.take("a", SEND)
    limits.give_back("b", SEND, None)

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Connection, "read_response", interrupt)
        with pytest.raises(KeyboardInterrupt):
            limits.give_back("b", SEND, None)
    assert all(limits.take("c", SEND) > 0 for _ in range(3))
