"""Shared fixtures."""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest

from environment import lead_to
from mock_api import NOW, Clock
from redis_server import RedisServer
from yandex_market_chats import _transport
from yandex_market_chats._limits import HourlyLimits
from yandex_market_chats._retry import Call
from yandex_market_chats.sandbox import Sandbox


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Skip deselected tests of the tools without importing them: they need more than the extra `test`."""
    if collection_path.suffix != ".py" or "not tooling" not in config.option.markexpr:
        return None
    text = collection_path.read_text(encoding="utf-8")
    return bool(re.search(r"(?m)^pytestmark = .*\bmark\.tooling\b", text)) or None


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run each async test under both event loops that the package supports."""
    return str(request.param)


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the developer's own settings from the environment."""
    for name in [name for name in os.environ if name.startswith("YANDEX_MARKET_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock and the waits of clients that are created in the test."""
    clock = Clock()

    class Limits(HourlyLimits):
        def __init__(self) -> None:
            super().__init__(clock)

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr(_transport, "Call", partial(Call, clock=clock, now=lambda: NOW))
    monkeypatch.setattr(_transport, "HourlyLimits", Limits)
    monkeypatch.setattr("time.sleep", clock.sleep)
    monkeypatch.setattr(anyio, "sleep", sleep)
    return clock


@pytest.fixture
def sandbox(market_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Return a sandbox that the environment points to."""
    lead_to(market_sandbox, monkeypatch)
    return market_sandbox


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """Run a Redis server that is empty."""
    with RedisServer() as server:
        yield server
