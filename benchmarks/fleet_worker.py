"""Send COUNT messages when a line arrives on standard input: one of the processes of `fleet.py`.

    fleet_worker.py NAME sync|async BASE_URL TOKEN REDIS_URL SLOTS COUNT

An empty REDIS_URL means no shared limits. Prints how many messages were sent.
"""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, SentMessage
from yandex_market_chats.redis import RedisLimits

BUSINESS_ID = 123456
THREADS = 8


def in_threads(texts: list[str], settings: dict[str, Any]) -> int:
    """Send from several threads; return how many messages were sent."""
    with MarketChats(**settings) as chats, ThreadPoolExecutor(THREADS) as pool:
        _wait_for_start()
        futures = [pool.submit(chats.send_message, chat_id=42, message=text) for text in texts]
        return [future.exception() for future in futures].count(None)


async def in_tasks(texts: list[str], settings: dict[str, Any]) -> int:
    """Send all messages at once; return how many were sent."""
    async with AsyncMarketChats(**settings) as chats:
        _wait_for_start()
        calls = (chats.send_message(chat_id=42, message=text) for text in texts)
        results = await asyncio.gather(*calls, return_exceptions=True)
        return sum(isinstance(result, SentMessage) for result in results)


def _wait_for_start() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def main(arguments: list[str]) -> None:
    """Send, and print how many messages were sent."""
    name, way, base_url, token, redis_url, slots, count = arguments
    settings = {
        "business_id": BUSINESS_ID,
        "auth": ApiKey(token),
        "base_url": base_url,
        "max_parallel": int(slots),
        "limits": RedisLimits(redis_url, BUSINESS_ID, parallel=int(slots)) if redis_url else None,
    }
    texts = [f"{name}, message {number}" for number in range(int(count))]
    print(
        in_threads(texts, settings) if way == "sync" else asyncio.run(in_tasks(texts, settings)), flush=True
    )


if __name__ == "__main__":
    main(sys.argv[1:])
