"""The package of this repository, as its README shows it, but without retries, which could hide a loss."""

from collections.abc import Awaitable, Callable

import httpx

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, RetryPolicy

ONCE = RetryPolicy.disabled()


def sender(base_url: str, transport: httpx.MockTransport | None = None) -> Callable[[], object]:
    """Create a client and return the function that sends one message."""
    client = MarketChats(
        business_id=123456,
        auth=ApiKey("ACMA:made-up:000"),
        base_url=base_url,
        transport=transport,
        retries=ONCE,
    )
    return lambda: client.send_message(chat_id=42, message="Заказ уже в пути")


def async_sender(
    base_url: str, transport: httpx.MockTransport | None = None
) -> Callable[[], Awaitable[object]]:
    """Create an async client and return the function that sends one message."""
    client = AsyncMarketChats(
        business_id=123456,
        auth=ApiKey("ACMA:made-up:000"),
        base_url=base_url,
        transport=transport,
        retries=ONCE,
    )
    return lambda: client.send_message(chat_id=42, message="Заказ уже в пути")
