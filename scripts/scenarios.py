"""The exchanges that scripts/record.py records and the tests replay.

Each is described once: what is sent, how the API answers, and what the call must result in.
"""

import io
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, NamedTuple

from yandex_market_chats import (
    ApiError,
    ApiKey,
    AsyncMarketChats,
    Attempt,
    AuthenticationError,
    BadRequestError,
    Delivery,
    MarketChats,
    MarketError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    ServerError,
)
from yandex_market_chats.sandbox import API_KEY, API_KEY_WITHOUT_ACCESS, REVOKED_API_KEY
from yandex_market_chats_generated.models import ChatContext, ChatContextIdentifiableType
from yandex_market_chats_generated.types import File

API = "https://api.partner.market.yandex.ru"
BUSINESS_ID = 123456
CHAT_ID = 42
MESSAGE = "Заказ уже в пути"

DEFAULT = RetryPolicy()
ONCE = RetryPolicy.disabled()
RESEND_ONCE = RetryPolicy(max_attempts=2, resend_unknown=True)


class Outcome(NamedTuple):
    """The result of a call: `error` and `delivery` are `None` if the message was sent."""

    attempts: int
    error: type[MarketError] | None = None
    delivery: Delivery | None = None


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One call.

    Attributes:
        name: The name of the cassette.
        statuses: The statuses that the API answers with, in turn.
        error: The class of the error that the call raises, if any.
        delivery: The delivery of that error.
        waits: The shortest and the longest wait before each retry, in seconds.
        live: Whether a real account can provoke it, safely and at will.
        chat_id: The chat of the sandbox that answers so.
        operation: The method that is called.
        arguments: Its arguments; by default the chat and a message.
        tokens: The tokens that the callable returns in turn; the last one from then on.
        retries: The policy of the client.
        business_id: The business of the chat.
        base_url: The address of the API.
    """

    name: str
    statuses: tuple[int, ...]
    error: type[MarketError] | None = None
    delivery: Delivery = Delivery.NOT_SENT
    waits: tuple[tuple[float, float], ...] = ()
    live: bool = False
    chat_id: int = CHAT_ID
    operation: str = "send_message"
    arguments: dict[str, Any] | None = None
    tokens: tuple[str, ...] = field(default=(API_KEY,), repr=False)
    retries: RetryPolicy = DEFAULT
    business_id: int = BUSINESS_ID
    base_url: str = API

    @property
    def outcome(self) -> Outcome:
        """The result that the call must have."""
        return Outcome(len(self.statuses), self.error, self.delivery if self.error else None)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of the client that makes the call."""
        return {
            "business_id": self.business_id,
            "auth": ApiKey(chain(self.tokens, repeat(self.tokens[-1])).__next__),
            "base_url": self.base_url,
            "retries": self.retries,
        }

    def play(self) -> Outcome:
        """Make the call with the sync client."""
        reported: list[Attempt] = []
        with MarketChats(**self.settings, on_attempt=reported.append) as chats:
            try:
                getattr(chats, self.operation)(**self._arguments)
            except MarketError as error:
                return _failed(error)
        return Outcome(len(reported))

    async def play_async(self) -> Outcome:
        """Make the call with the async client."""
        reported: list[Attempt] = []

        async def on_attempt(attempt: Attempt) -> None:
            reported.append(attempt)

        async with AsyncMarketChats(**self.settings, on_attempt=on_attempt) as chats:
            try:
                await getattr(chats, self.operation)(**self._arguments)
            except MarketError as error:
                return _failed(error)
        return Outcome(len(reported))

    @property
    def _arguments(self) -> dict[str, Any]:
        if self.arguments is None:
            return {"chat_id": self.chat_id, "message": MESSAGE}
        return self.arguments


def _failed(error: MarketError) -> Outcome:
    return Outcome(error.attempts, type(error), error.delivery)


ORDER = ChatContext(type_=ChatContextIdentifiableType.ORDER, id=555)
RECEIPT = File(io.BytesIO(b"%PDF-1.4"), file_name="receipt.pdf")

SCENARIOS = (
    # The success of each operation.
    Scenario(name="getChats", statuses=(200,), operation="get_chats", arguments={}),
    Scenario(name="getChat", statuses=(200,), operation="get_chat", arguments={"chat_id": CHAT_ID}),
    Scenario(
        name="getChatHistory", statuses=(200,), operation="get_chat_history", arguments={"chat_id": CHAT_ID}
    ),
    Scenario(
        name="getChatMessage",
        statuses=(200,),
        operation="get_chat_message",
        arguments={"chat_id": CHAT_ID, "message_id": 1},
    ),
    Scenario(name="createChat", statuses=(200,), operation="create_chat", arguments={"context": ORDER}),
    Scenario(
        name="sendFileToChat",
        statuses=(200,),
        operation="send_file_to_chat",
        arguments={"chat_id": CHAT_ID, "file": RECEIPT},
    ),
    # Each response that the contract documents, to sendMessageToChat.
    Scenario(name="200", statuses=(200,), live=True),
    Scenario(name="400", chat_id=400, statuses=(400,), error=BadRequestError),
    Scenario(name="401", tokens=(REVOKED_API_KEY,), statuses=(401,), error=AuthenticationError, live=True),
    Scenario(name="403", tokens=(API_KEY_WITHOUT_ACCESS,), statuses=(403,), error=PermissionDeniedError),
    Scenario(name="404", chat_id=404, statuses=(404,), error=NotFoundError),
    Scenario(name="420-parallel", chat_id=420, retries=ONCE, statuses=(420,), error=RateLimitError),
    # The policy would retry, but the limit resets after the deadline.
    Scenario(name="420-hourly", chat_id=4203, statuses=(420,), error=RateLimitError),
    Scenario(name="500", chat_id=500, statuses=(500,), error=ServerError, delivery=Delivery.UNKNOWN),
    # Responses of gateways in front of the API.
    Scenario(name="502-html", chat_id=502, statuses=(502,), error=ServerError, delivery=Delivery.UNKNOWN),
    Scenario(name="503-html", chat_id=5031, statuses=(503,), error=ServerError, delivery=Delivery.UNKNOWN),
    Scenario(name="503-envoy", chat_id=5032, statuses=(503,), error=ServerError, delivery=Delivery.UNKNOWN),
    Scenario(name="303", chat_id=303, statuses=(303,), error=ApiError, delivery=Delivery.UNKNOWN),
    # Calls that are retried.
    Scenario(
        name="401-rotated-200",
        tokens=(REVOKED_API_KEY, API_KEY),
        statuses=(401, 200),
        waits=((0, 0),),
        live=True,
    ),
    Scenario(name="420-420-200", chat_id=4201, statuses=(420, 420, 200), waits=((0, 0.5), (0, 1))),
    Scenario(name="420-until-200", chat_id=4202, statuses=(420, 200), waits=((2, 2),)),
    Scenario(name="503-200", chat_id=503, statuses=(503, 200), waits=((1, 1),)),
    Scenario(
        name="500-resend-unknown",
        chat_id=500,
        retries=RESEND_ONCE,
        statuses=(500, 500),
        error=ServerError,
        delivery=Delivery.UNKNOWN,
        waits=((0, 0.5),),
    ),
)
