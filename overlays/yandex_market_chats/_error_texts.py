"""Builds the errors of attempts: the class, and a text that says what happened and what to do."""

import math
from datetime import UTC, datetime

import httpx

from ._errors import (
    METHOD_FAILURE,
    AnswerError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketError,
    RateLimitError,
    ServerError,
    UnexpectedAnswerError,
    error_class,
)
from ._limits import RateLimit

_EXCERPT = 200
"""How many characters of a response the text of an error quotes; `.errors` and `.body` are complete."""

# Sources: the vendor's pages "Error types", "Authorization" and "Restrictions on requests".
_ADVICE = {
    401: "Check the token: it must be complete, valid, and sent as what it is (ApiKey or OAuthToken).",
    403: "The token may be invalid, of another business, or lack the scope `communication` or `all-methods`.",
    404: "Check the business id, the other ids of the call, and the base URL.",
    405: "The API does not know this call: check the base URL, or update this package.",
    408: "The API timed out waiting for the request.",
    415: "The API does not know this call: check the base URL, or update this package.",
    METHOD_FAILURE: "Hourly limit exceeded: try again later.",
    423: "The business is being migrated: try again later.",
    429: "Slow down, and try again later.",
    499: "A gateway closed the request before it was answered.",
}
_CONNECTING_ERRORS = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def failure_error(failure: Exception, request: httpx.Request, *, request_left: bool | None) -> MarketError:
    """Return the error for an attempt without a response.

    Args:
        failure: What the transport raised.
        request: The request of the attempt.
        request_left: Whether sending had started; `None` if the transport does not report it.
    """
    what = f"{type(failure).__name__}: {failure}".rstrip(": ")
    if request_left is False or (request_left is None and _while_connecting(failure, request)):
        failed = ConnectionFailedError(
            f"No connection ({what}). Check the network, the proxy and the base URL."
        )
        failed.refused_by_proxy = isinstance(failure, httpx.ProxyError) and str(failure).startswith(
            ("403", "407")
        )
        return failed
    return ConnectionLostError(f"The connection broke before the response was complete ({what}).")


def _while_connecting(failure: Exception, request: httpx.Request) -> bool:
    """Return whether the failure happened while connecting, as reported by httpcore or the transport itself.

    A third-party transport may report a lost answer as a `ConnectError` (httpx-aiohttp does), or pass on the
    failure of another request that it made.
    """
    cause = failure.__cause__
    if not isinstance(failure, _CONNECTING_ERRORS) or getattr(failure, "_request", None) not in {
        None,
        request,
    }:
        return False
    return cause is None or type(cause).__module__.partition(".")[0] == "httpcore"


def answer_error(status_code: int, headers: httpx.Headers, body: bytes) -> AnswerError:
    """Return the error for an unsuccessful response: its text says what the API said, and what to do."""
    error = error_class(status_code)("", status_code=status_code, headers=headers, body=body)
    status = f"{status_code} {httpx.codes.get_reason_phrase(status_code)}".rstrip()
    items = (": ".join(filter(None, item)) for item in error.errors)
    said = "; ".join(items) or body[: 4 * _EXCERPT].decode(errors="replace")
    excerpt = " ".join("".join(c if c.isprintable() else " " for c in said).split())[:_EXCERPT]
    trace = f" Trace id: {error.trace_id}." if isinstance(error, ServerError) and error.trace_id else ""
    error.args = (f"{status}{excerpt and f' ({excerpt})'}. {_advice(error)}".rstrip() + trace,)
    return error


def hour_used_up(until: datetime) -> RateLimitError:
    """Return the error for a used-up hourly limit, as if the API had refused the request."""
    whole = datetime.fromtimestamp(math.ceil(until.timestamp()), UTC)  # the text shows whole seconds
    error = RateLimitError("", status_code=METHOD_FAILURE)
    error.rate_limit = RateLimit(limit=None, remaining=0, until=whole)
    error.args = (_advice(error),)
    return error


def _advice(error: AnswerError) -> str:
    status_code = error.status_code or 0
    if isinstance(error, UnexpectedAnswerError):
        return 'Expected 200 with {"status": "OK"}.'
    if httpx.codes.is_redirect(status_code):
        return "Check the base URL: a redirect is never followed, because it could leak the token."
    if isinstance(error, RateLimitError) and error.parallel:
        return (
            "Send fewer requests at once: the limit applies to the whole business, other programs included."
        )
    if isinstance(error, RateLimitError) and error.until:
        return f"Hourly limit exceeded: try again after {error.until:%Y-%m-%d %H:%M:%S} UTC."
    if isinstance(error, ServerError):
        return "The API is overloaded: try again later." if error.delivery is Delivery.NOT_SENT else ""
    return _ADVICE.get(status_code, "Fix the request according to the API's message.")
