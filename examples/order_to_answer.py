"""Send a message about an order, wait for the buyer's answer, and print it.

    python examples/order_to_answer.py 555 "Когда вам удобно принять доставку?"

The settings come from YANDEX_MARKET_API_KEY and YANDEX_MARKET_BUSINESS_ID.
"""

import sys
import time

from yandex_market_chats import MarketChats
from yandex_market_chats_generated.models import (
    ChatContext,
    ChatContextIdentifiableType,
    ChatMessage,
    ChatMessageSenderType,
)

PAUSE = 30
"""Seconds between two reads of the chat; each read counts against the hourly limit."""


def read(chats: MarketChats, chat_id: int, since: int | None = None) -> list[ChatMessage]:
    """Return the messages of a chat, from the message `since` on."""
    pages = chats.pages(chats.get_chat_history, chat_id=chat_id, message_id_from=since, limit=100)
    return [message for page in pages for message in page.messages]


def ask(chats: MarketChats, order_id: int, text: str) -> str:
    """Send a message to the buyer of an order and return the answer."""
    order = ChatContext(type_=ChatContextIdentifiableType.ORDER, id=order_id)
    chat_id = chats.create_chat(context=order).chat_id  # the existing chat, if there is one
    before = read(chats, chat_id)
    since = max(before, key=lambda message: message.created_at).message_id if before else None
    chats.send_message(chat_id=chat_id, message=text)
    # The vendor documents neither the order of the messages nor whether the history includes `since` itself.
    known = {message.message_id for message in before}
    while True:
        for message in read(chats, chat_id, since):
            if message.sender is ChatMessageSenderType.CUSTOMER and message.message_id not in known:
                return message.message or "(files)"
        time.sleep(PAUSE)


if __name__ == "__main__":
    if len(sys.argv) != 3:  # noqa: PLR2004 -- the program and its two arguments
        sys.exit(f"Usage: {sys.argv[0]} ORDER_ID TEXT")
    with MarketChats() as client:
        print(ask(client, int(sys.argv[1]), sys.argv[2]))
