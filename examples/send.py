"""Send a message to several chats, from threads, and print the outcome of each.

    python examples/send.py 42 43 44

The settings come from YANDEX_MARKET_API_KEY and YANDEX_MARKET_BUSINESS_ID.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from yandex_market_chats import MarketChats, MarketError


def outcome(chats: MarketChats, chat_id: int) -> str:
    """Send to one chat, and return the line that reports the outcome."""
    try:
        sent = chats.send_message(chat_id=chat_id, message="Заказ уже в пути")
    except MarketError as error:
        return f"{chat_id}: {error.delivery}: {error}"
    return f"{chat_id}: sent, attempts: {sent.attempts}"


# One client for all threads: it keeps no more than 4 requests in flight, however many threads there are.
with MarketChats() as chats, ThreadPoolExecutor() as pool:
    for line in pool.map(partial(outcome, chats), map(int, sys.argv[1:])):
        print(line)
