"""The types of the public names: mypy and strict pyright check this file, and it is never run.

Each `assert_type` is a type that must not change. Each `type: ignore` is a misuse that must stay an error:
both report an ignore that they no longer need.
"""

import io
from collections.abc import Mapping
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
    Limits,
    MarketChats,
    MarketError,
    OAuthToken,
    RateLimit,
    RateLimitError,
    RetryPolicy,
    SentMessage,
    __version__,
)
from yandex_market_chats.bulk import Added, Entry, Journal, Progress, State, read_rows
from yandex_market_chats.redis import RedisLimits
from yandex_market_chats.sandbox import CHATS, Message, Sandbox, Sender, SentFile
from yandex_market_chats_generated import Client
from yandex_market_chats_generated.models import (
    ApiResponse,
    Chat,
    ChatContext,
    ChatContextIdentifiableType,
    ChatHistoryPage,
    ChatMessage,
    ChatMessageSenderType,
    ChatsPage,
    ChatStatusType,
    CreatedChat,
)
from yandex_market_chats_generated.types import File, Unset


class Unlimited:
    """Limits that limit nothing."""

    def take(self, slot: str, resource: str) -> float:  # noqa: ARG002 -- the protocol has them
        """Grant every slot."""
        return 0.0

    def give_back(self, slot: str, resource: str, headers: Mapping[str, str] | None) -> None:
        """Do nothing."""


def hook(attempt: Attempt) -> None:
    """Receive an attempt."""
    assert_type(attempt.number, int)
    assert_type(attempt.status_code, int | None)
    assert_type(attempt.delivery, Delivery | None)
    assert_type(attempt.rate_limit, RateLimit | None)
    assert_type(attempt.wait, float | None)


async def async_hook(attempt: Attempt) -> None:
    """Receive an attempt in a coroutine."""
    hook(attempt)


def sync_client() -> None:
    """Use the sync client."""
    limits: Limits = Unlimited()
    limits = RedisLimits("redis://localhost", 1)
    with MarketChats(business_id=1, auth=ApiKey("ACMA:…"), limits=limits, on_attempt=hook) as chats:
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


def operations(chats: MarketChats) -> None:
    """Call the generated operations, without a cast or an `isinstance`."""
    order = ChatContext(type_=ChatContextIdentifiableType.ORDER, id=555)
    assert_type(chats.create_chat(context=order), CreatedChat)
    assert_type(chats.create_chat(context=order).chat_id, int)
    assert_type(chats.get_chat(chat_id=42), Chat)
    assert_type(chats.get_chat_message(chat_id=42, message_id=7).message, str | Unset)
    assert_type(chats.send_file_to_chat(chat_id=42, file=File(io.BytesIO(b"..."))), ApiResponse)
    waiting = chats.get_chats(statuses=[ChatStatusType.WAITING_FOR_PARTNER], limit=20)
    assert_type(waiting, ChatsPage)
    assert_type(waiting.chats[0].status, ChatStatusType)
    for page in chats.pages(chats.get_chat_history, chat_id=42, limit=100):
        assert_type(page, ChatHistoryPage)
        assert_type(page.messages, list[ChatMessage])
        assert_type(page.messages[0].sender, ChatMessageSenderType)
        assert_type(page.messages[0].created_at, datetime)
    chats.get_chats(statuses=["NEW"])  # type: ignore[list-item]
    chats.create_chat(context={"type": "ORDER", "id": 555})  # type: ignore[arg-type]
    chats.pages(chats.get_chat_history, chat_id="42")  # type: ignore[arg-type]
    chats.pages(chats.get_chat, chat_id=42)  # type: ignore[type-var]


async def async_operations(chats: AsyncMarketChats) -> None:
    """Call the generated operations in a coroutine."""
    assert_type(await chats.get_chat(chat_id=42), Chat)
    async for page in chats.pages(chats.get_chats):
        assert_type(page, ChatsPage)


def many_messages(chats: MarketChats) -> None:
    """Send the messages of a file."""
    rows = read_rows("orders.csv")
    with Journal("orders.csv.journal") as journal:
        assert_type(journal.add(rows), Added)
        assert_type(journal.send(chats, on_progress=print), Progress)
        assert_type(list(journal.entries()), list[Entry])
        journal.mark(rows[0].key, State.SENT)
        journal.send(AsyncMarketChats())  # type: ignore[arg-type]


def sandboxes() -> None:
    """Serve a sandbox."""
    with Sandbox(on_request=print) as sandbox:
        assert_type(sandbox.base_url, str)
        assert_type(sandbox.messages, tuple[Message, ...])
        assert_type(sandbox.files, tuple[SentFile, ...])
        assert_type(sandbox.messages[0].sender, Sender)
        assert_type(CHATS, Mapping[int, str])
        sandbox.answer(42, "420-parallel", 500)
        sandbox.say(42, "…", sender="BUYER")  # type: ignore[arg-type]


def misuses() -> None:
    """Construct clients that cannot work."""
    MarketChats(1)  # type: ignore[call-arg]
    MarketChats(auth="ACMA:…")  # type: ignore[arg-type]
    MarketChats(transport=httpx.AsyncHTTPTransport())  # type: ignore[arg-type]
    MarketChats(limits=4)  # type: ignore[arg-type]
    MarketChats(on_attempt=async_hook)  # type: ignore[arg-type]
    AsyncMarketChats(transport=httpx.HTTPTransport())  # type: ignore[arg-type]
    ApiKey(lambda: None)  # type: ignore[arg-type,return-value]
    RetryPolicy(3)  # type: ignore[call-arg]
    RetryPolicy().max_attempts = 3  # type: ignore[misc]
    with AsyncMarketChats():  # type: ignore[attr-defined]
        pass


def errors(error: MarketError, refused: ApiError, limited: RateLimitError) -> None:
    """Use the attributes of errors."""
    assert_type(error.delivery, Delivery)
    assert_type(error.attempts, int)
    assert_type(error.permanent, bool)
    assert_type(refused.status_code, int | None)
    assert_type(refused.trace_id, str | None)
    assert_type(refused.errors, tuple[ErrorItem, ...])
    assert_type(refused.errors[0].message, str | None)
    assert_type(refused.body, bytes)
    assert_type(refused.headers, httpx.Headers)
    assert_type(refused.rate_limit, RateLimit | None)
    assert_type(limited.until, datetime | None)
    assert_type(limited.parallel, bool)
    assert_type(len(__version__), int)
    _ = error.status_code  # type: ignore[attr-defined]
