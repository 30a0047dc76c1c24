"""What type checkers make of the public names; mypy reads this file with the rest, nobody runs it.

`assert_type` holds what must stay as it is. Each `type: ignore` holds a misuse that must stay an error: one
that mypy no longer finds is an unused ignore, and so an error itself.
"""

from datetime import datetime
from typing import assert_type

import httpx

from yandex_market_chats import (
    ApiError,
    ApiKey,
    AsyncMarketChats,
    Attempt,
    Delivery,
    ErrorItem,
    MarketChats,
    MarketError,
    OAuthToken,
    RateLimit,
    RateLimitError,
    RetryPolicy,
    SentMessage,
    __version__,
)
from yandex_market_chats_generated import Client


def hook(attempt: Attempt) -> None:
    """Take an attempt."""
    assert_type(attempt.number, int)
    assert_type(attempt.status_code, int | None)
    assert_type(attempt.delivery, Delivery | None)
    assert_type(attempt.rate_limit, RateLimit | None)
    assert_type(attempt.wait, float | None)


async def async_hook(attempt: Attempt) -> None:
    """Take an attempt, awaited."""
    hook(attempt)


def sync_client() -> None:
    """Use the sync client."""
    with MarketChats(business_id=1, auth=ApiKey("ACMA:…"), on_attempt=hook) as chats:
        assert_type(chats, MarketChats)
        assert_type(chats.business_id, int)
        assert_type(chats.client, Client)
        assert_type(chats.with_options(timeout=3.0, retries=RetryPolicy.disabled()), MarketChats)
        sent = chats.send_message(chat_id=42, message="…")
        assert_type(sent, SentMessage)
        assert_type(sent.attempts, int)
        assert_type(sent.rate_limit, RateLimit | None)
        chats.send_message(42, "…")  # type: ignore[call-arg]
        chats.send_message(chat_id="42", message="…")  # type: ignore[arg-type]
        chats.send_message(chat_id=42, message=b"...")  # type: ignore[arg-type]
        chats.send_message(chat_id=42)  # type: ignore[call-arg]
        sent.attempts = 2  # type: ignore[misc]


async def async_client() -> None:
    """Use the async client."""
    async with AsyncMarketChats(auth=OAuthToken(lambda: "…"), on_attempt=async_hook) as chats:
        assert_type(chats, AsyncMarketChats)
        assert_type(chats.with_options(timeout=httpx.Timeout(3)), AsyncMarketChats)
        assert_type(await chats.send_message(chat_id=42, message="…"), SentMessage)
        chats.send_message(chat_id=42, message="…")  # type: ignore[unused-coroutine]


def misuses() -> None:
    """Make clients that cannot work."""
    MarketChats(1)  # type: ignore[call-arg]
    MarketChats(auth="ACMA:…")  # type: ignore[arg-type]
    MarketChats(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]
    MarketChats(on_attempt=async_hook)  # type: ignore[arg-type]
    AsyncMarketChats(transport=httpx.HTTPTransport())  # type: ignore[arg-type]
    ApiKey(lambda: None)  # type: ignore[arg-type,return-value]
    RetryPolicy(3)  # type: ignore[call-arg]
    RetryPolicy().max_attempts = 3  # type: ignore[misc]
    with AsyncMarketChats():  # type: ignore[attr-defined]
        pass


def errors(error: MarketError, refused: ApiError, limited: RateLimitError) -> None:
    """Look into errors."""
    assert_type(error.delivery, Delivery)
    assert_type(error.attempts, int)
    assert_type(refused.status_code, int)
    assert_type(refused.errors, tuple[ErrorItem, ...])
    assert_type(refused.errors[0].message, str | None)
    assert_type(refused.body, bytes)
    assert_type(refused.headers, httpx.Headers)
    assert_type(refused.rate_limit, RateLimit | None)
    assert_type(limited.until, datetime | None)
    assert_type(limited.parallel, bool)
    assert_type(__version__, str)
    _ = error.status_code  # type: ignore[attr-defined]
