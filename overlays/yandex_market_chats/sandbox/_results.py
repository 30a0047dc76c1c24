"""The API's descriptions of chats and messages, and the pages that they are returned in."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from ._chats import Chat
from ._messages import Message
from ._wire import refusal

T = TypeVar("T")

_CAMPAIGN_ID = 1001


def chat_result(chat: Chat) -> dict[str, Any]:
    """Return a chat as the API describes it."""
    return {
        "chatId": chat.chat_id,
        "context": context_result(chat),
        "type": "CHAT",
        "status": chat.status,
        "createdAt": _time(chat.created_at),
        "updatedAt": _time(chat.updated_at),
    }


def context_result(chat: Chat) -> dict[str, Any]:
    """Return what a chat is about. A return belongs to the order with the same number."""
    context: dict[str, Any] = {
        "type": chat.context.type,
        "customer": {"name": "Анна", "publicId": f"customer-{chat.context.id}"},
        "campaignId": _CAMPAIGN_ID,
        "orderId": chat.context.id,
    }
    return context | ({"returnId": chat.context.id} if chat.context.type == "RETURN" else {})


def message_result(message: Message) -> dict[str, Any]:
    """Return a message as the API describes it."""
    result = {
        "messageId": message.message_id,
        "createdAt": _time(message.created_at),
        "sender": message.sender,
    }
    if message.file is None:
        return result | {"message": message.text}
    url = f"https://files.example/{message.message_id}"
    payload = {"name": message.file.name, "url": url, "size": len(message.file.content)}
    return result | {"payload": [payload]}


def page(items: Mapping[int, T], token: str | None, limit: int) -> tuple[list[T], dict[str, str]]:
    """Return the items of a page and the field `paging`.

    Args:
        items: All items by their ids, in order.
        token: The token that the previous page returned; `None` for the first page.
        limit: The largest number of items in a page, the same for all pages.

    Raises:
        RefusedError: With 400 if the token does not come from a page of these items with this limit.
    """
    tokens = [_token(item_id, limit) for item_id in items]
    if token is not None and token not in tokens:
        raise refusal(400, "Bad page token")
    start = 0 if token is None else tokens.index(token) + 1
    end = start + limit
    paging = {"nextPageToken": tokens[end - 1]} if end < len(items) else {}
    return list(items.values())[start:end], paging


def _token(item_id: int, limit: int) -> str:
    return urlsafe_b64encode(f"{limit} after {item_id}".encode()).decode()


def _time(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
