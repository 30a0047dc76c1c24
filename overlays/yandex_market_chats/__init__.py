"""Chat messages to the buyers of Yandex Market: never sent twice, never lost silently.

    from yandex_market_chats import MarketChats

    with MarketChats(business_id=123456) as chats:
        chats.send_message(chat_id=42, message="Заказ уже в пути")

`MarketChats` and `AsyncMarketChats` send messages. A call that fails raises a `MarketError`, whose `delivery`
says whether the buyer may have received the message.
"""

from ._chats import AsyncMarketChats, MarketChats
from ._credentials import ApiKey, OAuthToken
from ._errors import (
    AnswerError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    ErrorItem,
    InvalidRequestError,
    LockedError,
    MarketError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedAnswerError,
)
from ._limits import Limits, RateLimit
from ._operations import SentMessage
from ._retry import Attempt
from ._settings import RetryPolicy
from ._version import __version__

__all__ = [
    "AnswerError",
    "ApiError",
    "ApiKey",
    "AsyncMarketChats",
    "Attempt",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConnectionFailedError",
    "ConnectionLostError",
    "Delivery",
    "ErrorItem",
    "InvalidRequestError",
    "Limits",
    "LockedError",
    "MarketChats",
    "MarketError",
    "NotFoundError",
    "OAuthToken",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "RetryPolicy",
    "SentMessage",
    "ServerError",
    "UnexpectedAnswerError",
    "__version__",
]
