"""What the API returns about chats and messages."""

from datetime import datetime
from typing import Any

from yandex_market_chats.sandbox._chats import Chat
from yandex_market_chats.sandbox._messages import Message

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
    """Return what a chat is about. A return belongs to the order of the same number."""
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


def _time(time: datetime) -> str:
    return time.isoformat(timespec="seconds")
