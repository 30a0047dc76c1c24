"""The calls that are recorded and replayed: what is sent, what the API answers, and the result."""

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import chain, repeat
from typing import Any

import anyio

from mock_api import Kind
from yandex_market_chats import (
    ApiError,
    ApiKey,
    AsyncMarketChats,
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
MESSAGE = "Заказ уже в пути"
ORDER = ChatContext(type_=ChatContextIdentifiableType.ORDER, id=555)
RECEIPT = File(io.BytesIO(b"%PDF-1.4"), file_name="receipt.pdf")


def send(chats: Any, chat_id: int) -> Any:
    """Send the message."""
    return chats.send_message(chat_id=chat_id, message=MESSAGE)


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One call.

    Attributes:
        name: The name of the cassette.
        statuses: The statuses that the API answers with, in turn.
        error: The class of the error that the call raises, if any.
        delivery: The delivery of that error.
        waits: The shortest and the longest wait before each retry, in seconds.
        chat_id: The chat, which decides how the sandbox answers.
        call: Makes the call, with a client and the chat.
        tokens: The tokens that the callable returns in turn; the last one from then on.
        retries: The policy of the client.
        business_id: The business of the chat.
        base_url: The address of the API.
    """

    name: str
    statuses: tuple[int, ...] = (200,)
    error: type[MarketError] | None = None
    delivery: Delivery = Delivery.NOT_SENT
    waits: tuple[tuple[float, float], ...] = ()
    chat_id: int = 42
    call: Callable[[Any, int], Any] = send
    tokens: tuple[str, ...] = field(default=(API_KEY,), repr=False)
    retries: RetryPolicy = field(default_factory=RetryPolicy)
    business_id: int = 123456
    base_url: str = API

    def play(self, kind: Kind) -> Any:
        """Make the call with a client of this kind; return its result, or its error."""
        settings: dict[str, Any] = {
            "business_id": self.business_id,
            "auth": ApiKey(chain(self.tokens, repeat(self.tokens[-1])).__next__),
            "base_url": self.base_url,
            "retries": self.retries,
        }

        async def play_async() -> Any:
            async with AsyncMarketChats(**settings) as chats:
                return await self.call(chats, self.chat_id)

        try:
            if kind != "sync":
                return anyio.run(play_async, backend=kind)
            with MarketChats(**settings) as chats:
                return self.call(chats, self.chat_id)
        except MarketError as error:
            return error


SCENARIOS = (
    # The success of each operation.
    Scenario(name="getChats", call=lambda chats, _: chats.get_chats()),
    Scenario(name="getChat", call=lambda chats, chat_id: chats.get_chat(chat_id=chat_id)),
    Scenario(name="getChatHistory", call=lambda chats, chat_id: chats.get_chat_history(chat_id=chat_id)),
    Scenario(
        name="getChatMessage",
        call=lambda chats, chat_id: chats.get_chat_message(chat_id=chat_id, message_id=1),
    ),
    Scenario(name="createChat", call=lambda chats, _: chats.create_chat(context=ORDER)),
    Scenario(
        name="sendFileToChat",
        call=lambda chats, chat_id: chats.send_file_to_chat(chat_id=chat_id, file=RECEIPT),
    ),
    # Each response that the contract documents, to sendMessageToChat.
    Scenario(name="200"),
    Scenario(name="400", chat_id=400, statuses=(400,), error=BadRequestError),
    Scenario(name="401", tokens=(REVOKED_API_KEY,), statuses=(401,), error=AuthenticationError),
    Scenario(name="403", tokens=(API_KEY_WITHOUT_ACCESS,), statuses=(403,), error=PermissionDeniedError),
    Scenario(name="404", chat_id=404, statuses=(404,), error=NotFoundError),
    Scenario(
        name="420-parallel",
        chat_id=420,
        retries=RetryPolicy.disabled(),
        statuses=(420,),
        error=RateLimitError,
    ),
    # The policy would retry, but the limit resets after the deadline.
    Scenario(name="420-hourly", chat_id=4203, statuses=(420,), error=RateLimitError),
    Scenario(name="500", chat_id=500, statuses=(500,), error=ServerError, delivery=Delivery.UNKNOWN),
    # Responses of gateways in front of the API.
    Scenario(name="502-html", chat_id=502, statuses=(502,), error=ServerError, delivery=Delivery.UNKNOWN),
    Scenario(name="503-html", chat_id=5031, statuses=(503,), error=ServerError, delivery=Delivery.UNKNOWN),
    Scenario(name="503-envoy", chat_id=5032, statuses=(503,), error=ServerError, delivery=Delivery.UNKNOWN),
    Scenario(name="303", chat_id=303, statuses=(303,), error=ApiError, delivery=Delivery.UNKNOWN),
    # Calls that are retried.
    Scenario(name="401-rotated-200", tokens=(REVOKED_API_KEY, API_KEY), statuses=(401, 200), waits=((0, 0),)),
    Scenario(name="420-420-200", chat_id=4201, statuses=(420, 420, 200), waits=((0, 0.5), (0, 1))),
    Scenario(name="420-until-200", chat_id=4202, statuses=(420, 200), waits=((2, 2),)),
    Scenario(name="503-200", chat_id=503, statuses=(503, 200), waits=((1, 1),)),
    Scenario(
        name="500-resend-unknown",
        chat_id=500,
        retries=RetryPolicy(max_attempts=2, resend_unknown=True),
        statuses=(500, 500),
        error=ServerError,
        delivery=Delivery.UNKNOWN,
        waits=((0, 0.5),),
    ),
)
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}

LIVE = tuple(replace(BY_NAME[name], name=f"live/{name}") for name in ("200", "401", "401-rotated-200"))
"""The scenarios that a real account can provoke safely and at will."""
