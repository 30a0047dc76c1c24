"""One of the processes of `fleet.py`: send COUNT messages when a line arrives on standard input.

    fleet_worker.py NAME sync|async BASE_URL TOKEN REDIS_URL PARALLEL COUNT

An empty REDIS_URL means no shared limits. Prints how many messages were sent.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, MarketError
from yandex_market_chats.redis import RedisLimits

BUSINESS_ID = 123456
THREADS = 8


def in_threads(texts: list[str], settings: dict[str, Any]) -> int:
    """Send from several threads; return how many messages were sent."""
    with MarketChats(**settings) as chats, ThreadPoolExecutor(THREADS) as pool:

        def send(text: str) -> bool:
            try:
                chats.send_message(chat_id=42, message=text)
            except MarketError:
                return False
            return True

        _wait_for_start()
        return sum(pool.map(send, texts))


async def in_tasks(texts: list[str], settings: dict[str, Any]) -> int:
    """Send all messages at once; return how many were sent."""
    async with AsyncMarketChats(**settings) as chats:

        async def send(text: str) -> bool:
            try:
                await chats.send_message(chat_id=42, message=text)
            except MarketError:
                return False
            return True

        _wait_for_start()
        return sum(await asyncio.gather(*map(send, texts)))


def _wait_for_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def main(arguments: list[str]) -> None:
    """Send, and print how many messages were sent."""
    name, way, base_url, token, redis_url, parallel, count = arguments
    settings = {
        "business_id": BUSINESS_ID,
        "auth": ApiKey(token),
        "base_url": base_url,
        "max_parallel": int(parallel),
        "limits": RedisLimits(redis_url, BUSINESS_ID, parallel=int(parallel)) if redis_url else None,
    }
    texts = [f"{name}, message {number}" for number in range(int(count))]
    sent = in_threads(texts, settings) if way == "sync" else asyncio.run(in_tasks(texts, settings))
    print(sent, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
