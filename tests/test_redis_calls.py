"""Clients with limits in Redis: each call takes a slot and returns it, however it ends."""

import asyncio
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest

from mock_api import TEXT, Kind, answer, every_client, send, settings
from redis_server import RedisServer
from shared_limits import SEND, needs_redis, program
from yandex_market_chats import AsyncMarketChats
from yandex_market_chats.redis import RedisLimits
from yandex_market_chats.sandbox import Sandbox

pytestmark = needs_redis
WORKER = Path(__file__).resolve().parent.parent / "benchmarks" / "fleet_worker.py"


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
        self._stop("give_back")
        self._limits.give_back(slot, resource, headers)
        self.given_back.set()

    def _stop(self, point: str) -> None:
        self.reach(point)
        if point == self._point:
            assert self.go_on.wait(10)


@every_client
def test_an_exception_in_an_attempt_returns_the_slot(server: RedisServer, kind: Kind) -> None:
    """A worker's time limit or Ctrl-C may interrupt a call."""

    def interrupt(_: httpx.Request) -> httpx.Response:
        assert other.take("a", SEND) > 0
        other.give_back("a", SEND, None)
        raise KeyboardInterrupt

    other = program(server, parallel=1)
    with pytest.raises(KeyboardInterrupt):
        send(kind, interrupt, limits=program(server, parallel=1))
    assert other.take("a", SEND) == 0.0


@pytest.mark.parametrize("kind", ["asyncio", "anyio", "trio"])
@pytest.mark.parametrize("point", ["take", "wait", "attempt", "give_back"])
def test_a_cancelled_task_returns_its_slot(server: RedisServer, point: str, kind: str) -> None:
    """Wherever a task is cancelled, even while a thread takes the slot for it, the slot is free again."""
    holder, limits = program(server, parallel=1), Watched(program(server, parallel=1), point)
    if point == "wait":
        holder.take("a", SEND)

    async def handle(_: httpx.Request) -> httpx.Response:
        limits.reach("attempt")
        if point == "attempt":
            await anyio.sleep_forever()
        return answer()

    chats = AsyncMarketChats(**settings(handle, limits=limits))

    async def call() -> None:
        await chats.send_message(chat_id=42, message=TEXT)

    async def cancel_by_anyio() -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(call)
            await anyio.to_thread.run_sync(limits.reached.wait, 10)
            group.cancel_scope.cancel()

    async def cancel_by_asyncio() -> None:
        task = asyncio.create_task(call())
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
