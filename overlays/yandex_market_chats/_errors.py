"""What can go wrong, and what became of the message.

MarketError                     every one has .delivery and .attempts
├── ConfigurationError          a setting is missing or unusable
├── InvalidRequestError         an argument is unusable (also a ValueError)
├── ConnectionFailedError       no connection: the request never left
├── ConnectionLostError         the connection broke or timed out after the request began to leave
└── AnswerError                 an answer came; it has .status_code, .headers, .body, .errors and .rate_limit
    ├── UnexpectedAnswerError   a success by its status, but not the envelope that says so
    └── ApiError                the API refused or failed
        ├── BadRequestError         400
        ├── AuthenticationError     401
        ├── PermissionDeniedError   403
        ├── NotFoundError           404
        ├── LockedError             423
        ├── RateLimitError          420 and 429
        └── ServerError             5xx
"""

import copyreg
import json
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import httpx

from yandex_market_chats._limits import RateLimit

HTTP_METHOD_FAILURE = 420
"""The vendor's status for an exceeded limit; `http.HTTPStatus` does not have it."""


class Delivery(StrEnum):
    """What became of the message of a call that raised."""

    NOT_SENT = "not_sent"
    """The buyer did not get it: sending it again is safe."""
    UNKNOWN = "unknown"
    """The buyer may have got it: sending it again may make them read it twice."""


_SENTENCES = {
    Delivery.NOT_SENT: "Nothing was sent.",
    Delivery.UNKNOWN: "The message may have been sent: look into the chat before you send it again.",
}


class MarketError(Exception):
    """The root of all errors of this package.

    Attributes:
        delivery: What became of the message.
        attempts: How many times the request was tried; 0 when it was never begun.
    """

    def __init__(self, message: str, *, delivery: Delivery = Delivery.NOT_SENT) -> None:
        super().__init__(message)
        self.delivery = delivery
        self.attempts = 0

    def __str__(self) -> str:
        """Say what happened and what to do, and what became of the message."""
        return f"{self.args[0]} {_SENTENCES[self.delivery]}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy with all attributes, without asking the subclass's constructor."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ConfigurationError(MarketError):
    """A setting is missing or unusable; the message names the argument or the variable to set."""


class InvalidRequestError(MarketError, ValueError):
    """An argument is unusable, so nothing was sent: correct it."""


class ConnectionFailedError(MarketError):
    """No connection came about, so the request never left."""


class ConnectionLostError(MarketError):
    """The connection broke or timed out after the request began to leave: the answer is not known."""


class ErrorItem(NamedTuple):
    """One item of the API's error envelope."""

    code: str
    """The error code, such as `BAD_REQUEST`."""
    message: str | None
    """The description of the error, where the API gives one."""


class AnswerError(MarketError):
    """What an answer tells that is not a success; the base of the two kinds of it.

    Attributes:
        status_code: The answer's HTTP status.
        headers: The answer's headers.
        body: The answer's body; empty when it broke off.
        errors: The items of the error envelope; empty when the body is something else.
        rate_limit: What the headers say of the hourly limit.
    """

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        headers: httpx.Headers | None = None,
        body: bytes = b"",
        delivery: Delivery = Delivery.NOT_SENT,
    ) -> None:
        super().__init__(message, delivery=delivery)
        self.status_code = status_code
        self.headers = httpx.Headers() if headers is None else headers
        self.body = body
        self.errors = error_items(body)
        self.rate_limit = RateLimit.from_headers(self.headers)


class UnexpectedAnswerError(AnswerError):
    """A status of success on an answer that is not `{"status": "OK"}`."""


class ApiError(AnswerError):
    """The API, or a gateway in front of it, refused the request or failed."""


class BadRequestError(ApiError):
    """400: the request contains incorrect data."""


class AuthenticationError(ApiError):
    """401: the credentials are missing or unusable."""


class PermissionDeniedError(ApiError):
    """403: the credentials are wrong, or alive but may not do this."""


class NotFoundError(ApiError):
    """404: there is no such chat or cabinet."""


class LockedError(ApiError):
    """423: the cabinet is being migrated."""


class RateLimitError(ApiError):
    """420 and 429: a limit is exceeded. The request was refused before anything was done."""

    @property
    def parallel(self) -> bool:
        """Whether the limit is the one of requests at a time, not the hourly one.

        Neither the prose, of whatever form, nor the count of remaining requests is trusted alone: when they
        disagree or both are silent, this is `False`, because the hourly limit asks for the longer wait.
        """
        prose = self.body.lower()
        remaining = self.rate_limit and self.rate_limit.remaining
        if self.status_code != HTTP_METHOD_FAILURE or b"hour" in prose or remaining == 0:
            return False
        return b"parallel" in prose or remaining is not None

    @property
    def until(self) -> datetime | None:
        """When the hourly limit is lifted, in UTC; `None` for the parallel limit or when not said."""
        return None if self.parallel or self.rate_limit is None else self.rate_limit.until


class ServerError(ApiError):
    """5xx: the API failed (`UNKNOWN`) or was overloaded (503: `NOT_SENT`)."""


def parse_object(body: bytes) -> dict[str, Any]:
    """Read a body as a JSON object; anything else (HTML, half a JSON, a list) is an empty one."""
    try:
        value = json.loads(body)
    except (RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def error_items(body: bytes) -> tuple[ErrorItem, ...]:
    """Read the items of an error envelope and skip those that are broken."""
    items = parse_object(body).get("errors")
    return tuple(
        ErrorItem(item["code"], message if isinstance(message := item.get("message"), str) else None)
        for item in (items if isinstance(items, list) else ())
        if isinstance(item, dict) and isinstance(item.get("code"), str)
    )
