"""Send a message to several chats, from asyncio tasks, and print the outcome of each.

    python examples/send_async.py 42 43 44

The settings come from YANDEX_MARKET_API_KEY and YANDEX_MARKET_BUSINESS_ID.
"""

import asyncio
import sys
from collections.abc import Iterable

from yandex_market_chats import AsyncMarketChats, MarketError


async def outcome(chats: AsyncMarketChats, chat_id: int) -> str:
    """Send to one chat, and return the line that reports the outcome."""
    try:
        sent = await chats.send_message(chat_id=chat_id, message="Заказ уже в пути")
    except MarketError as error:
        return f"{chat_id}: {error.delivery}: {error}"
    return f"{chat_id}: sent, attempts: {sent.attempts}"


async def main(chat_ids: Iterable[int]) -> None:
    """Send to all chats; the client keeps no more than 4 requests in flight."""
    async with AsyncMarketChats() as chats:
        for line in await asyncio.gather(*(outcome(chats, chat_id) for chat_id in chat_ids)):
            print(line)


asyncio.run(main(map(int, sys.argv[1:])))
