"""Many calls at once: the slots and the hour of one client, and several processes of one business."""

import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import anyio
import httpx
import pytest

from fault_server import ACCEPTED, FaultServer, Wire
from mock_api import TOKEN, Api, Clock, Kind, answer, done, every_client, http_client, run_sync, use
from yandex_market_chats import Attempt, Delivery, MarketError, RateLimitError, RetryPolicy, SentMessage
from yandex_market_chats.sandbox import Sandbox

SLOTS = 4
"""The default of `max_parallel`."""
HOUR = 500_000 * 3600.0
"""The start of an hour, at which the clock of the sandbox stands still."""


def send_at_once(kind: Kind, base_url: str, texts: Iterable[str]) -> list[MarketError | None]:
    """Send messages from threads or tasks, one for each; return the error or `None` of each, in any order."""
    errors: list[MarketError | None] = []

    async def send(chats: Any, text: str) -> None:
        try:
            await done(chats.send_message(chat_id=1, message=text))
        except MarketError as error:
            errors.append(error)
        else:
            errors.append(None)

    def send_from_threads(chats: Any) -> None:
        with ThreadPoolExecutor(64) as threads:
            list(threads.map(lambda text: run_sync(send(chats, text)), texts))

    async def send_from_tasks(chats: Any) -> None:
        async with anyio.create_task_group() as tasks:
            for text in texts:
                tasks.start_soon(send, chats, text)

    action = send_from_threads if kind == "sync" else send_from_tasks
    use(kind, action, Api(), transport=None, base_url=base_url)
    return errors


@every_client
def test_a_client_has_four_requests_in_flight_and_loses_none(kind: Kind) -> None:
    """A business may have four requests in flight; more would be refused."""
    together = threading.Barrier(SLOTS, timeout=5)
    lock, now, most = threading.Lock(), 0, 0

    def answer_four_at_once(wire: Wire) -> None:
        nonlocal now, most
        wire.read_request()
        with lock:
            now += 1
            most = max(most, now)
        together.wait()
        wire.pause(0.02)  # for one more to arrive, if it may
        with lock:
            now -= 1
        wire.send(ACCEPTED)

    texts = [f"message {number}" for number in range(64)]
    with FaultServer([answer_four_at_once]) as server:
        assert send_at_once(kind, server.base_url, texts) == [None] * 64
    assert most == SLOTS
    assert sorted(server.messages) == sorted(texts)


@every_client
def test_a_client_ends_its_hour_without_a_refusal(kind: Kind) -> None:
    """A message that cannot be sent before the deadline fails without a request, as if the API refused."""
    with Sandbox(business_id=123456, token=TOKEN, hourly_limit=20, clock=lambda: HOUR) as sandbox:
        errors = send_at_once(kind, sandbox.base_url, [f"message {number}" for number in range(60)])
        assert (sandbox.requests, len(sandbox.messages)) == (20, 20)
    refused = [error for error in errors if isinstance(error, RateLimitError)]
    assert (errors.count(None), len(refused)) == (20, 40)
    assert {(e.status_code, e.attempts, e.delivery) for e in refused} == {(420, 0, Delivery.NOT_SENT)}
    assert all(error.until for error in refused)


@every_client
def test_a_call_between_two_attempts_holds_no_slot(kind: Kind) -> None:
    """A call that waits for its retry must not keep others from sending."""
    messages = []

    def handle(request: httpx.Request) -> httpx.Response:
        messages.append(request.content)
        return answer() if len(messages) > 1 else answer(429)

    def send_between(attempt: Attempt) -> Any:
        if attempt.wait is not None:
            return clients[0].send_message(chat_id=1, message="between")
        return None

    clients: list[Any] = []

    def action(chats: Any) -> Any:
        clients.append(chats)
        return chats.send_message(chat_id=1, message="retried")

    use(kind, action, handle, max_parallel=1, on_attempt=send_between)
    assert [b"between" in message for message in messages] == [False, True, False]


@every_client
def test_a_call_that_waits_for_the_next_hour_holds_no_slot(
    kind: Kind, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Messages that wait must not keep the program from reading, which has its own hourly limit."""
    used_up: dict[str, Any] = {
        "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
        "X_RateLimit_Resource_Until": "Sun, 22 Nov 2026 12:00:25 GMT",
        "X_RateLimit_Resource_Remaining": "0",
    }
    api = Api(answer(**used_up), answer(), answer())

    async def action(chats: Any) -> SentMessage:
        async def read_and_wait(seconds: float) -> None:
            await done(http_client(chats).get("/v2"))
            clock.sleep(seconds)

        monkeypatch.setattr("anyio.sleep", read_and_wait)
        monkeypatch.setattr("time.sleep", lambda seconds: run_sync(read_and_wait(seconds)))
        await done(chats.send_message(chat_id=1, message="first"))
        sent: SentMessage = await done(chats.send_message(chat_id=1, message="second"))
        return sent

    assert use(kind, action, api, max_parallel=1, retries=RetryPolicy(deadline=30)).attempts == 1
    assert [request.method for request in api.requests] == ["POST", "GET", "POST"]
    assert clock.waits == [25]


# Processes.


CLIENT = """
import sys
from concurrent.futures import ThreadPoolExecutor
from yandex_market_chats import ApiKey, MarketChats

url, token, *texts = sys.argv[1:]
chats = MarketChats(business_id=123456, auth=ApiKey(token), base_url=url)
with ThreadPoolExecutor(4) as threads:
    list(threads.map(lambda text: chats.send_message(chat_id=1, message=text), texts))
"""


@contextmanager
def sending(base_url: str, token: str, *texts: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that sends messages; kill it at the end of the block."""
    with subprocess.Popen([sys.executable, "-c", CLIENT, base_url, token, *texts]) as child:
        try:
            yield child
        finally:
            child.kill()


def test_a_killed_process_has_sent_once() -> None:
    """A process that dies before the response leaves one message, and nothing follows."""
    arrived, killed = threading.Event(), threading.Event()

    def hold(wire: Wire) -> None:
        wire.read_request()
        arrived.set()
        assert killed.wait(5)
        wire.send(ACCEPTED)

    with FaultServer([hold]) as server:
        with sending(server.base_url, TOKEN, "once"):
            assert arrived.wait(5)
        killed.set()
    assert (server.connections, server.messages) == (1, ["once"])


def test_processes_that_share_a_business_lose_no_message() -> None:
    """Programs that are unaware of each other exceed the limit together, so their waits must grow."""
    texts = [[f"message {number} of process {process}" for number in range(10)] for process in range(4)]
    with Sandbox(business_id=123456, token=TOKEN, latency=0.05) as sandbox, ExitStack() as stack:
        children = [stack.enter_context(sending(sandbox.base_url, TOKEN, *part)) for part in texts]
        assert [child.wait(60) for child in children] == [0] * 4
        sent = [message.text for message in sandbox.messages]
    assert sorted(sent) == sorted(text for part in texts for text in part)
