"""What can go wrong, and whether the message was sent.

MarketError                     .delivery, .attempts, .permanent
├── ConfigurationError          a setting is missing or invalid
├── InvalidRequestError         an argument is invalid (also a ValueError)
├── ConnectionFailedError       no connection: the request was never sent
├── ConnectionLostError         the connection broke or timed out after sending had started
└── AnswerError                 .status_code, .headers, .body, .errors, .rate_limit, .trace_id
    ├── UnexpectedAnswerError   a 2xx other than 200 with {"status": "OK"}
    └── ApiError                the API, or a gateway in front of it, refused the request or failed
        ├── BadRequestError         400
        ├── AuthenticationError     401
        ├── PermissionDeniedError   403
        ├── NotFoundError           404
        ├── LockedError             423
        ├── RateLimitError          420 and 429; .parallel, .until
        └── ServerError             5xx

Each error can be rebuilt from its `args`, as task queues with JSON results do. A rebuilt error claims no more
than its class and its `args` say; in doubt, `delivery` is `UNKNOWN`.
"""

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import httpx

from ._limits import RateLimit

METHOD_FAILURE = 420
"""The vendor's status for an exceeded limit; `http.HTTPStatus` does not have it."""

_TRACE_ID = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Delivery(StrEnum):
    """Whether the message of a call that raised may have been sent."""

    NOT_SENT = "not_sent"
    """The buyer did not receive it: sending it again is safe."""
    UNKNOWN = "unknown"
    """The buyer may have received it: sending it again may deliver it twice."""


SENT = "The message was sent."
SENTENCES = {
    Delivery.NOT_SENT: "Nothing was sent.",
    Delivery.UNKNOWN: "The message may have been sent: check the chat before sending it again.",
}
"""The last sentence of an error's text; the same sentence is the note on an exception that is not ours."""


class MarketError(Exception):
    """The base class of all errors of this package.

    Attributes:
        delivery: Whether the message may have been sent.
        attempts: How many attempts were made; 0 if the request was never started.
        permanent: Whether the same call can never succeed, because of the message itself.
    """

    delivery: Delivery = Delivery.UNKNOWN
    attempts: int = 0
    permanent: bool = False

    def __init__(self, message: str, delivery: Delivery | None = None) -> None:
        super().__init__(message)
        if delivery is not None:
            self.delivery = Delivery(delivery)

    def __str__(self) -> str:
        """Return the text: what happened, what to do, and whether the message was sent."""
        return str(self.args[0])


class ConfigurationError(MarketError):
    """A setting is missing or invalid; the text names the argument or the environment variable."""

    delivery = Delivery.NOT_SENT


class InvalidRequestError(MarketError, ValueError):
    """An argument is invalid, so nothing was sent."""

    delivery = Delivery.NOT_SENT
    permanent = True


class ConnectionFailedError(MarketError):
    """No connection was established, so the request was never sent.

    Attributes:
        refused_by_proxy: Whether a proxy answered 403 or 407, which a retry does not change.
    """

    delivery = Delivery.NOT_SENT
    refused_by_proxy: bool = False


class ConnectionLostError(MarketError):
    """The connection broke or timed out after sending had started: the outcome is unknown."""


class ErrorItem(NamedTuple):
    """One item of the API's error envelope: its code (a number as text) and its description."""

    code: str | None
    message: str | None


class AnswerError(MarketError):
    """The API answered, but not with success.

    Attributes:
        status_code: The HTTP status; `None` if the error was built without one.
        headers: The headers of the response.
        body: The body of the response, as far as it was read.
        errors: The items of the error envelope; empty if the body is something else.
        rate_limit: The state of the hourly limit; `None` if the headers do not report it.
    """

    def __init__(
        self,
        message: str,
        delivery: Delivery | None = None,
        *,
        status_code: int | None = None,
        headers: httpx.Headers | None = None,
        body: bytes = b"",
    ) -> None:
        if delivery is None and status_code is not None:
            delivery = _delivery(type(self), status_code, body)
        super().__init__(message, delivery)
        self.status_code = status_code
        self.headers: httpx.Headers = httpx.Headers() if headers is None else headers
        self.body = body
        self.errors: tuple[ErrorItem, ...] = _error_items(body)
        self.rate_limit: RateLimit | None = RateLimit.from_headers(self.headers)

    @property
    def trace_id(self) -> str | None:
        """The trace id that the vendor's support asks for, from `traceparent` (W3C Trace Context)."""
        found = _TRACE_ID.fullmatch(self.headers.get("traceparent", ""))
        return found[1] if found else None


class UnexpectedAnswerError(AnswerError):
    """A 2xx status, but not 200 with `{"status": "OK"}`, or without a readable result."""


class ApiError(AnswerError):
    """The API, or a gateway in front of it, refused the request or failed."""


class BadRequestError(ApiError):
    """400: the request contains invalid data."""

    delivery = Delivery.NOT_SENT
    permanent = True


class AuthenticationError(ApiError):
    """401: the credentials are missing or invalid."""

    delivery = Delivery.NOT_SENT


class PermissionDeniedError(ApiError):
    """403: the credentials are invalid or lack the required scope."""

    delivery = Delivery.NOT_SENT


class NotFoundError(ApiError):
    """404: there is no such chat, message, order or business."""

    delivery = Delivery.NOT_SENT
    permanent = True


class LockedError(ApiError):
    """423: the business is being migrated."""

    delivery = Delivery.NOT_SENT


class RateLimitError(ApiError):
    """420 and 429: a limit was exceeded. The request was refused before anything was done."""

    delivery = Delivery.NOT_SENT

    @property
    def parallel(self) -> bool:
        """Whether this is the limit on concurrent requests rather than the hourly one.

        Neither the text nor the count of remaining requests is trusted on its own: if they disagree, or
        neither says, this is `False`, because the hourly limit requires the longer wait.
        """
        text = self.body.lower()
        remaining = self.rate_limit and self.rate_limit.remaining
        if self.status_code != METHOD_FAILURE or b"hour" in text or remaining == 0:
            return False
        return b"parallel" in text or remaining is not None

    @property
    def until(self) -> datetime | None:
        """When the hourly limit resets, in UTC; `None` for the parallel limit or if the API did not say."""
        return None if self.parallel or self.rate_limit is None else self.rate_limit.until


class ServerError(ApiError):
    """5xx: the API failed (`UNKNOWN`), or refused the request because it is overloaded (503: `NOT_SENT`)."""


_CLASSES: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    METHOD_FAILURE: RateLimitError,
    423: LockedError,
    429: RateLimitError,
}


def error_class(status_code: int) -> type[AnswerError]:
    """Return the class of the error for a status."""
    if httpx.codes.is_success(status_code):
        return UnexpectedAnswerError
    return _CLASSES.get(status_code, ServerError if httpx.codes.is_server_error(status_code) else ApiError)


def _delivery(cls: type[AnswerError], status_code: int, body: bytes) -> Delivery:
    """Return the delivery that follows from the class, the status and the body of an error."""
    expected = error_class(status_code)
    if not (issubclass(cls, expected) or issubclass(expected, cls)):
        return Delivery.UNKNOWN
    # 303 answers a POST that was carried out (RFC 9110, section 15.4.4); 408 and 499 leave that open.
    refused = status_code // 100 in {3, 4} and status_code not in {303, 408, 499}
    # Envoy and Varnish answer 503 themselves after losing a server that had the request: only the vendor's
    # envelope, with at least one error in it, shows that the API itself refused.
    vendors = _parse_object(body).get("status") in ("OK", "ERROR") and any(e.code for e in _error_items(body))
    return Delivery.NOT_SENT if refused or (status_code == 503 and vendors) else Delivery.UNKNOWN  # noqa: PLR2004


def _parse_object(body: bytes | bytearray) -> dict[str, Any]:
    """Parse a JSON object; return an empty one for anything else (HTML, truncated JSON, a list)."""
    try:
        value = json.loads(body)
    except (RecursionError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _error_items(body: bytes) -> tuple[ErrorItem, ...]:
    """Return the errors in a body: the envelope's `errors`, or the `error` of the API's older shape."""
    envelope = _parse_object(body)
    errors = envelope.get("errors") or envelope.get("error")
    items = []
    for error in errors if isinstance(errors, list) else [errors]:
        fields = error if isinstance(error, dict) else {"message": error}
        texts = [str(fields[name]) if _is_plain(fields.get(name)) else None for name in ErrorItem._fields]
        if any(texts):
            items.append(ErrorItem(*texts))
        elif error and isinstance(error, dict):
            items.append(ErrorItem(None, json.dumps(error, ensure_ascii=False)))
    return tuple(items)


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
