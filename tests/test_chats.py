"""A message on its way through `MarketChats` and `AsyncMarketChats`: what is sent, awaited and returned."""

import sys
from itertools import groupby
from types import FrameType
from typing import Any

import anyio
import httpx
import pytest

from mock_api import HOURLY, NOW, TEXT, Api, Clock, Kind, answer, busy, every_client, send, settings
from yandex_market_chats import (
    ConnectionLostError,
    Delivery,
    MarketChats,
    RateLimit,
    RetryPolicy,
    SentMessage,
    ServerError,
    __version__,
    _transport,
)

LIMIT: dict[str, Any] = {"X_RateLimit_Resource_Limit": "1000", "X_RateLimit_Resource_Remaining": "998"}
UNTIL: dict[str, Any] = {
    "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
    "X_RateLimit_Resource_Until": "Sun, 22 Nov 2026 12:00:25 GMT",
}


@every_client
def test_a_message_is_sent_as_the_contract_says(kind: Kind) -> None:
    """The text arrives unchanged, the connection is closed afterwards, and the package names itself."""
    api = Api(answer())
    assert send(kind, api, chat_id=7, business_id=9) == SentMessage(attempts=1, rate_limit=None)
    (request,) = api.requests
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.example.test/v2/businesses/9/chats/message?chatId=7",
    )
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Connection"] == "close"
    assert request.headers["User-Agent"] == f"yandex-market-chats/{__version__}"
    assert request.content.decode() == f'{{"message":"{TEXT}"}}'


@every_client
def test_a_sent_message_reports_its_attempts_and_the_rate_limit(kind: Kind) -> None:
    """The rate limit comes from the last response."""
    sent = send(kind, Api(busy(X_RateLimit_Resource_Limit="7"), answer(**LIMIT, **UNTIL)))
    assert sent == SentMessage(2, RateLimit(1000, 998, NOW.replace(second=25)))


@every_client
def test_each_attempt_sends_the_same_request(kind: Kind) -> None:
    """A retry repeats the message exactly, and the result contains nothing of an earlier response."""
    api = Api(httpx.ConnectError("refused"), busy(**LIMIT), answer())
    assert send(kind, api) == SentMessage(3, None)
    first, *others = api.requests
    for request in others:
        assert (request.method, request.url, request.content) == (first.method, first.url, first.content)
        assert request.headers == first.headers


@every_client
def test_waits_are_those_that_the_api_asks_for(kind: Kind, clock: Clock) -> None:
    """The clients wait for `Retry-After` and until `Until`, and no longer."""
    api = Api(busy(Retry_After="7"), answer(420, HOURLY, **UNTIL), answer())
    assert send(kind, api).attempts == 3
    assert clock.waits == [7, 25]


@every_client
def test_a_wait_that_a_slow_hook_made_too_long_is_not_started(kind: Kind, clock: Clock) -> None:
    """The wait ended before the deadline when the attempt ended, but no longer does."""
    with pytest.raises(ServerError) as caught:
        send(
            kind,
            Api(busy(Retry_After="8")),
            retries=RetryPolicy(deadline=10),
            on_attempt=lambda _: clock.sleep(1),
        )
    assert (caught.value.attempts, clock.waits) == (1, [1])


@every_client
def test_timeouts_are_cut_to_what_is_left_of_the_deadline(kind: Kind, clock: Clock) -> None:
    """Ten seconds are left for the first attempt, and four for the second."""
    api = Api(busy(Retry_After="6"), answer())
    send(kind, api, timeout=httpx.Timeout(15, connect=5), retries=RetryPolicy(deadline=10))
    seen = [request.extensions["timeout"] for request in api.requests]
    assert seen == [
        {"connect": 5, "read": 10, "write": 10, "pool": 10},
        dict.fromkeys(["connect", "read", "write", "pool"], 4),
    ]
    assert clock.waits == [6]


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_task_is_cut_off_at_the_deadline(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no timeout ends the attempt, the deadline does; the message may have been sent by then."""
    monkeypatch.setattr(_transport, "GRACE", -60)

    async def silent(_: httpx.Request) -> None:
        await anyio.sleep_forever()

    with pytest.raises(ConnectionLostError, match=r"\(ReadTimeout: the deadline passed\)") as caught:
        send(kind, silent)
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)


def test_a_message_passes_through_few_modules() -> None:
    """A developer who debugs a call must be able to read all of it."""
    visited: list[str] = []

    def visit(frame: FrameType, event: str, _argument: object) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith("yandex_market_chats."):
            visited.append(name.partition(".")[2])

    with MarketChats(**settings(Api(answer(), answer(**LIMIT, **UNTIL)))) as chats:
        chats.send_message(chat_id=42, message=TEXT)  # imports what the first message needs
        sys.setprofile(visit)
        try:
            chats.send_message(chat_id=42, message=TEXT)
        finally:
            sys.setprofile(None)
    path = [module for module, _ in groupby(visited)]
    assert "_retry" in path
    assert len(set(path)) <= 8, f"{len(set(path))} modules, {len(path) - 1} jumps: {' '.join(path)}"
