"""Bare httpx, written as its documentation shows: a client, the key in its headers, a POST."""

from collections.abc import Awaitable, Callable

import httpx

PATH = "/v2/businesses/123456/chats/message"
HEADERS = {"Api-Key": "ACMA:made-up:000"}


def sender(base_url: str, transport: httpx.MockTransport | None = None) -> Callable[[], object]:
    """Create a client and return the function that sends one message."""
    client = httpx.Client(base_url=base_url, headers=HEADERS, transport=transport)
    return lambda: client.post(PATH, params={"chatId": 42}, json={"message": "Заказ уже в пути"})


def async_sender(
    base_url: str, transport: httpx.MockTransport | None = None
) -> Callable[[], Awaitable[object]]:
    """Create an async client and return the function that sends one message."""
    client = httpx.AsyncClient(base_url=base_url, headers=HEADERS, transport=transport)
    return lambda: client.post(PATH, params={"chatId": 42}, json={"message": "Заказ уже в пути"})
