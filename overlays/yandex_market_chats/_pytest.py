"""The pytest fixtures of the extra `sandbox`. Every run of pytest imports this module."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from yandex_market_chats import ApiKey, MarketChats

if TYPE_CHECKING:
    from yandex_market_chats.sandbox import Sandbox


@pytest.fixture
def market_sandbox() -> Iterator["Sandbox"]:
    """Serve a `Sandbox` with the default settings for one test."""
    from yandex_market_chats.sandbox import Sandbox  # noqa: PLC0415 -- the extra may not be installed

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def market_chats(market_sandbox: "Sandbox") -> Iterator[MarketChats]:
    """Return a `MarketChats` that is connected to `market_sandbox`."""
    with MarketChats(
        business_id=market_sandbox.business_id,
        base_url=market_sandbox.base_url,
        auth=ApiKey(market_sandbox.token),
    ) as chats:
        yield chats
