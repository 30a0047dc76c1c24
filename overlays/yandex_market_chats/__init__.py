"""Messages to the chats with the buyers of Yandex Market: never twice, never silently lost.

    from yandex_market_chats import MarketChats

    with MarketChats(business_id=123456) as chats:
        chats.send_message(chat_id=42, message="Заказ уже в пути")

`MarketChats` and `AsyncMarketChats` send; what they raise is a `MarketError`, whose `delivery` says what
became of the message.
"""

from yandex_market_chats._attempts import Attempt
from yandex_market_chats._chats import AsyncMarketChats, MarketChats, SentMessage
from yandex_market_chats._credentials import ApiKey, OAuthToken
from yandex_market_chats._errors import (
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
from yandex_market_chats._limits import RateLimit
from yandex_market_chats._policy import RetryPolicy
from yandex_market_chats._version import __version__

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
