"""Run one of the compared clients: `client.py bare|vanilla|ours sync|async URL SENDERS`.

Each line on standard input is a number of messages to send. For each line, the process prints the seconds,
how many sends failed, and its peak memory so far in KiB. `ours` does not retry, because a retry could hide a
loss. The URL `memory` stands for a transport that answers without a socket.
"""

# ruff: noqa: BLE001, PLC0415 -- every failure counts; a process imports only what it measures
import sys
import time
from collections.abc import Callable
from typing import Any

import httpx

BUSINESS_ID, CHAT_ID, TOKEN, TEXT = 123456, 42, "ACMA:made-up:000", "Заказ уже в пути"
BODY = b'{"status": "OK"}'
HEADERS = {
    "Content-Type": "application/json",
    "Content-Length": str(len(BODY)),
    "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
    "X-RateLimit-Resource-Limit": "1000",
    "X-RateLimit-Resource-Remaining": "999",
    "X-RateLimit-Resource-Until": "Sun, 22 Nov 2026 13:00:00 GMT",
}
"""The answer to a message that the API accepted, as the vendor documents it."""


def bare(way: str, url: str, transport: httpx.MockTransport | None) -> Callable[[], Any]:
    """Return the function that sends with bare httpx, written as its documentation shows."""
    kind: Any = httpx.Client if way == "sync" else httpx.AsyncClient
    client = kind(base_url=url, headers={"Api-Key": TOKEN}, transport=transport)
    path = f"/v2/businesses/{BUSINESS_ID}/chats/message"
    return lambda: client.post(path, params={"chatId": CHAT_ID}, json={"message": TEXT})


def vanilla(way: str, url: str, transport: httpx.MockTransport | None) -> Callable[[], Any]:
    """Return the function that sends with the client that the generator makes with its own templates."""
    from yandex_market_chats_generated import AuthenticatedClient
    from yandex_market_chats_generated.api.chats import send_message_to_chat
    from yandex_market_chats_generated.models import SendMessageToChatRequest

    options: dict[str, Any] = {"transport": transport} if transport else {}
    client = AuthenticatedClient(
        base_url=url, token=TOKEN, prefix="", auth_header_name="Api-Key", httpx_args=options
    )
    call: Any = send_message_to_chat.sync_detailed
    if way == "async":
        call = send_message_to_chat.asyncio_detailed
    return lambda: call(BUSINESS_ID, client=client, chat_id=CHAT_ID, body=SendMessageToChatRequest(TEXT))


def ours(way: str, url: str, transport: httpx.MockTransport | None) -> Callable[[], Any]:
    """Return the function that sends with the package of this repository."""
    from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, RetryPolicy

    kind: Any = MarketChats if way == "sync" else AsyncMarketChats
    chats = kind(
        business_id=BUSINESS_ID,
        auth=ApiKey(TOKEN),
        base_url=url,
        transport=transport,
        retries=RetryPolicy.disabled(),
    )
    return lambda: chats.send_message(chat_id=CHAT_ID, message=TEXT)


def answer(request: httpx.Request) -> httpx.Response:
    """Answer as the API does; like a body from the network, this one has not been read yet."""
    return httpx.Response(200, headers=HEADERS, stream=httpx.ByteStream(BODY), request=request)


def in_threads(send: Callable[[], Any], senders: int) -> Callable[[int], int]:
    """Return the function that sends a number of messages from threads, and returns how many failed."""

    def attempt(_: int) -> bool:
        try:
            send()
        except Exception:
            return True
        return False

    if senders == 1:
        return lambda count: sum(map(attempt, range(count)))
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(senders)
    return lambda count: sum(pool.map(attempt, range(count)))


def in_tasks(send: Callable[[], Any], senders: int) -> Callable[[int], int]:
    """Return the function that sends a number of messages from tasks, and returns how many failed."""
    import asyncio

    runner = asyncio.Runner()

    async def send_all(count: int) -> int:
        messages = iter(range(count))

        async def send_some() -> int:
            lost = 0
            for _ in messages:
                try:
                    await send()
                except Exception:
                    lost += 1
            return lost

        return sum(await asyncio.gather(*(send_some() for _ in range(senders))))

    return lambda count: runner.run(send_all(count))


def peak_memory() -> int:
    """Return the peak memory of this process in KiB, or 0 if the system is not Linux.

    `ru_maxrss` would be wrong, because a process inherits it from its parent.
    """
    if sys.platform != "linux":
        return 0
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 -- pathlib needs memory, too
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def main(client: str, way: str, url: str, senders: str) -> None:
    """Send as many messages as each line asks for, and print the figures."""
    target = ("http://127.0.0.1", httpx.MockTransport(answer)) if url == "memory" else (url, None)
    send = {"bare": bare, "vanilla": vanilla, "ours": ours}[client](way, *target)
    send_all = (in_threads if way == "sync" else in_tasks)(send, int(senders))
    for line in sys.stdin:
        started = time.perf_counter()
        lost = send_all(int(line))
        print(time.perf_counter() - started, lost, peak_memory(), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
