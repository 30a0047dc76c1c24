"""The pytest fixtures of the extra `sandbox`. Every run of pytest imports them, but not aiohttp."""

from collections.abc import Iterator

import pytest

from yandex_market_chats import ApiKey, MarketChats, sandbox


@pytest.fixture
def market_sandbox() -> Iterator["sandbox.Sandbox"]:
    """Serve a `Sandbox` with the default settings for one test."""
    with sandbox.Sandbox() as served:
        yield served


@pytest.fixture
def market_chats(market_sandbox: "sandbox.Sandbox") -> Iterator[MarketChats]:
    """Return a `MarketChats` that is connected to `market_sandbox`."""
    with MarketChats(
        business_id=market_sandbox.business_id,
        base_url=market_sandbox.base_url,
        auth=ApiKey(market_sandbox.token),
    ) as chats:
        yield chats
