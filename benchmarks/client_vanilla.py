"""The client that openapi-python-client generates from openapi.yaml with its own templates."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx

from yandex_market_chats_generated import AuthenticatedClient
from yandex_market_chats_generated.api.chats import send_message_to_chat
from yandex_market_chats_generated.models import SendMessageToChatRequest

TOKEN = "ACMA:made-up:000"  # noqa: S105 -- as it says


def _client(base_url: str, transport: httpx.MockTransport | None) -> AuthenticatedClient:
    options: dict[str, Any] = {"transport": transport} if transport else {}
    return AuthenticatedClient(
        base_url=base_url, token=TOKEN, prefix="", auth_header_name="Api-Key", httpx_args=options
    )


def sender(base_url: str, transport: httpx.MockTransport | None = None) -> Callable[[], object]:
    """Create a client and return the function that sends one message."""
    client = _client(base_url, transport)
    return lambda: send_message_to_chat.sync_detailed(
        123456, client=client, chat_id=42, body=SendMessageToChatRequest("Заказ уже в пути")
    )


def async_sender(
    base_url: str, transport: httpx.MockTransport | None = None
) -> Callable[[], Awaitable[object]]:
    """Create an async client and return the function that sends one message."""
    client = _client(base_url, transport)
    return lambda: send_message_to_chat.asyncio_detailed(
        123456, client=client, chat_id=42, body=SendMessageToChatRequest("Заказ уже в пути")
    )
