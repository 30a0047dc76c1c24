"""Deliver messages as fast as the client allows: `delivery.py sync|async URL TOKEN COUNT`; print the seconds.

More senders than places: 16 threads, or as many tasks as messages. That only 4 requests are in flight is the
client's doing.
"""

import asyncio
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats

THREADS = 16


def in_threads(url: str, token: str, count: int) -> None:
    """Deliver with the sync client."""
    with (
        MarketChats(business_id=123456, auth=ApiKey(token), base_url=url) as chats,
        ThreadPoolExecutor(THREADS) as pool,
    ):
        futures = [pool.submit(chats.send_message, chat_id=42, message=f"№ {n}") for n in range(count)]
        for future in futures:
            future.result()


async def in_tasks(url: str, token: str, count: int) -> None:
    """Deliver with the async client."""
    async with AsyncMarketChats(business_id=123456, auth=ApiKey(token), base_url=url) as chats:
        await asyncio.gather(*(chats.send_message(chat_id=42, message=f"№ {n}") for n in range(count)))


def main(way: str, url: str, token: str, messages: str) -> None:
    """Deliver and time."""
    count = int(messages)
    began = time.perf_counter()
    if way == "sync":
        in_threads(url, token, count)
    else:
        asyncio.run(in_tasks(url, token, count))
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
