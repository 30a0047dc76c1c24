"""Send in rounds, for as long as the runner asks: `rounds.py CLIENT sync|async memory|URL`.

Each line on standard input is the number of messages of a round; the answer is the round's seconds. One
client serves all rounds. In memory, httpx's own mock answers as the API does, its three headers included.
Async has 4 messages in flight at any time.
"""

import asyncio
import importlib
import sys
import time
from collections.abc import Awaitable, Callable

import httpx

from answer import BODY, HEADERS

IN_FLIGHT = 4


def mock(request: httpx.Request) -> httpx.Response:
    """Answer as the API does; the body is still to be read, as one from the wire is."""
    return httpx.Response(200, headers=HEADERS, stream=httpx.ByteStream(BODY), request=request)


async def in_flight(send: Callable[[], Awaitable[object]], count: int) -> None:
    """Send `count` messages, at any time 4 of them."""
    ticks = iter(range(count))

    async def some() -> None:
        for _ in ticks:
            await send()

    await asyncio.gather(*(some() for _ in range(IN_FLIGHT)))


def main(name: str, way: str, where: str) -> None:
    """Serve the rounds."""
    client = importlib.import_module(f"client_{name}")
    target = ("http://127.0.0.1", httpx.MockTransport(mock)) if where == "memory" else (where,)
    with asyncio.Runner() as runner:
        send = client.sender(*target) if way == "sync" else client.async_sender(*target)
        for line in sys.stdin:
            count = int(line)
            began = time.perf_counter()
            if way == "sync":
                for _ in range(count):
                    send()
            else:
                runner.run(in_flight(send, count))
            print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
