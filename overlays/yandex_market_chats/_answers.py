"""From what became of an attempt to the error that tells it."""

from http import HTTPStatus

import httpx

from yandex_market_chats import _errors
from yandex_market_chats._errors import HTTP_METHOD_FAILURE, AnswerError, Delivery, MarketError

_CLASSES: dict[int, type[_errors.ApiError]] = {
    400: _errors.BadRequestError,
    401: _errors.AuthenticationError,
    403: _errors.PermissionDeniedError,
    404: _errors.NotFoundError,
    HTTP_METHOD_FAILURE: _errors.RateLimitError,
    423: _errors.LockedError,
    429: _errors.RateLimitError,
}

# What to do, by status. Sources: the vendor's pages "Error types", "Authorization" and "Restrictions
# on requests".
_ADVICE = {
    401: (
        "Check the token in the header {header}: that it is whole, is not revoked, and is of this kind."
        " New Api-Key tokens are made in the seller's cabinet, under the settings of API access."
    ),
    403: (
        "Check that the token is right, has the access `communication` or `all-methods`, and was made in the"
        " cabinet of this business id, and that the cabinet is active."
    ),
    404: "Check the business id, the chat id and the base URL.",
    405: "The API does not know this call: check the base URL, or update this package.",
    408: "The API gave the request up.",
    415: "The API does not know this call: check the base URL, or update this package.",
    HTTP_METHOD_FAILURE: "The hourly limit is used up: try again later.",
    423: "The cabinet is being migrated: try again later.",
    429: "Slow down, and try again later.",
    499: "A gateway gave the request up.",
    503: "The API is overloaded: try again later.",
}

_QUOTED_LENGTH = 500
"""How many characters of the API's own words an error message quotes; `.errors` has all of them."""

_UNKNOWN_BELOW_500 = {HTTPStatus.REQUEST_TIMEOUT, 499}
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def failure_error(failure: Exception, *, left: bool | None) -> MarketError:
    """Give the error for an attempt that ended without an answer.

    `left`: whether the request began to leave; `None` when only the failure itself can tell.
    """
    told = f"{type(failure).__name__}: {failure}" if str(failure) else type(failure).__name__
    if left is False or (left is None and _never_left(failure)):
        return _errors.ConnectionFailedError(
            f"No connection ({told}). Check the network, the proxy and the base URL."
        )
    return _errors.ConnectionLostError(
        f"The connection broke before the answer was complete ({told}).", delivery=Delivery.UNKNOWN
    )


def _never_left(failure: Exception) -> bool:
    """Tell whether a failure is one to connect, in the words of httpcore or of the transport itself.

    A transport that puts another library's failure into the words of httpx may call a lost answer so, too:
    httpx-aiohttp does.
    """
    cause = failure.__cause__
    return isinstance(failure, _NEVER_LEFT) and (cause is None or type(cause).__module__ == "httpcore")


def carried_out(status_code: int, body: bytes) -> bool:
    """Tell whether an answer says that the request was carried out.

    The status decides first. The envelope decides only whether a success is one: the vendor's
    examples show `"status": "OK"` inside of error bodies.
    """
    return httpx.codes.is_success(status_code) and _errors.parse_object(body).get("status") == "OK"


def answer_error(status_code: int, headers: httpx.Headers, body: bytes, *, header: str) -> AnswerError:
    """Give the error for an answer that is no success; `header` is the one that carried the credentials."""
    error = _class(status_code)(
        f"{status_code} {httpx.codes.get_reason_phrase(status_code)}".rstrip(),
        status_code=status_code,
        headers=headers,
        body=body,
        delivery=_delivery(status_code),
    )
    error.args = (f"{error.args[0]}{_quoted(error)}. {_advice(error, header)}".rstrip(),)
    return error


def _class(status_code: int) -> type[AnswerError]:
    if httpx.codes.is_success(status_code):
        return _errors.UnexpectedAnswerError
    other = _errors.ServerError if httpx.codes.is_server_error(status_code) else _errors.ApiError
    return _CLASSES.get(status_code, other)


def _delivery(status_code: int) -> Delivery:
    refused = status_code // 100 in {3, 4} and status_code not in _UNKNOWN_BELOW_500
    if refused or status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        return Delivery.NOT_SENT
    return Delivery.UNKNOWN


def _quoted(error: AnswerError) -> str:
    """Quote the API's own words: printable, in one line, and no longer than a message should be."""
    words = "; ".join(f"{code}: {message}" if message else code for code, message in error.errors)
    printable = " ".join("".join(c if c.isprintable() else " " for c in words).split())
    return f" ({printable[:_QUOTED_LENGTH]})" if printable else ""


def _advice(error: AnswerError, header: str) -> str:
    if isinstance(error, _errors.UnexpectedAnswerError):
        return 'A success would be {"status": "OK"}.'
    if httpx.codes.is_redirect(error.status_code):
        return "Check the base URL: a redirect is never followed, for it could take the token elsewhere."
    if isinstance(error, _errors.RateLimitError) and error.parallel:
        return "Send fewer requests at a time: the limit is of the cabinet, its other programs count too."
    if isinstance(error, _errors.RateLimitError) and error.status_code == HTTP_METHOD_FAILURE and error.until:
        return f"The hourly limit is used up: try again after {error.until:%Y-%m-%d %H:%M:%S} UTC."
    default = "" if httpx.codes.is_server_error(error.status_code) else "Correct the request as the API says."
    return _ADVICE.get(error.status_code, default).format(header=header)
