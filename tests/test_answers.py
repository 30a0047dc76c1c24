"""What an answer or a failure becomes: the class of the error, and what became of the message."""

import re
from collections.abc import Callable

import httpcore
import httpx
import pytest

from calls import refused
from mock_api import SUCCESS, envelope
from yandex_market_chats import (
    AnswerError,
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    ErrorItem,
    LockedError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    ServerError,
    UnexpectedAnswerError,
)
from yandex_market_chats._answers import carried_out, failure_error

STATUSES = range(100, 600)
CLASSES: dict[int, type[AnswerError]] = {
    **dict.fromkeys(STATUSES, ApiError),
    **dict.fromkeys(range(200, 300), UnexpectedAnswerError),
    **dict.fromkeys(range(500, 600), ServerError),
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    420: RateLimitError,
    423: LockedError,
    429: RateLimitError,
}
NOT_SENT = {*range(300, 500), 503} - {408, 499}
NO_ENVELOPES = {
    "nothing": b"",
    "html": b"<html><body>502 Bad Gateway</body></html>",
    "half a JSON": b'{"status": "OK", "errors": [{"code"',
    "list": b'["OK"]',
    "text": b'"OK"',
    "null": b"null",
    "number": b"1",
    "endless number": b"1" * 5000,
    "deep nesting": b"[" * 100_000,
    "bytes that are no text": b"\xff\xfe\x00\xd8",
    "empty object": b"{}",
    "errors is null": b'{"status": "ERROR", "errors": null}',
    "errors is a text": b'{"errors": "OK"}',
    "errors is an object": b'{"errors": {"code": "A"}}',
}


def test_every_status_has_its_class() -> None:
    """Whatever the body is, the status alone decides."""
    for body in (b"", b"<html>", envelope("No.")):
        assert {status: type(refused(status, body)) for status in STATUSES} == CLASSES


def test_every_status_says_what_became_of_the_message() -> None:
    """Only refusals are known to have sent nothing."""
    assert {status for status in STATUSES if refused(status).delivery is Delivery.NOT_SENT} == NOT_SENT
    assert {status for status in STATUSES if refused(status).delivery is Delivery.UNKNOWN} == (
        {*STATUSES} - NOT_SENT
    )


def test_success_is_a_2xx_that_says_ok() -> None:
    """An `OK` in the body of any other status is none: the vendor's examples have it in errors."""
    succeeded = {status for status in STATUSES if carried_out(status, SUCCESS)}
    assert succeeded == {*range(200, 300)}


@pytest.mark.parametrize(
    "body",
    [*NO_ENVELOPES.values(), b'{"status": "ERROR"}', b'{"status": "ok"}', b'{"status": true}'],
    ids=[*NO_ENVELOPES, "error", "small letters", "no text"],
)
def test_a_200_that_does_not_say_ok_is_no_success(body: bytes) -> None:
    """It tells what a success would be, and the message may have been sent."""
    error = refused(200, body)
    assert type(error) is UnexpectedAnswerError
    assert error.delivery is Delivery.UNKNOWN
    assert 'A success would be {"status": "OK"}.' in str(error)


@pytest.mark.parametrize("status", [400, 420, 502])
@pytest.mark.parametrize("body", NO_ENVELOPES.values(), ids=NO_ENVELOPES)
def test_a_body_that_is_no_envelope_has_no_errors(status: int, body: bytes) -> None:
    """The class stays that of the status, and the body is kept as it came."""
    error = refused(status, body)
    assert (type(error), error.errors, error.body) == (CLASSES[status], (), body)


def test_broken_items_are_skipped() -> None:
    """What has a code is kept, without a message that is no text; the rest is left out."""
    body = b"""{"errors": [null, 1, "A", [], {}, {"code": 1}, {"message": "B"},
        {"code": "C"}, {"code": "D", "message": null}, {"code": "E", "message": 5},
        {"code": "F", "message": "G", "more": 1}]}"""
    assert refused(400, body).errors == (
        ErrorItem("C", None),
        ErrorItem("D", None),
        ErrorItem("E", None),
        ErrorItem("F", "G"),
    )


to_connect = pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.PoolTimeout,
        httpx.ProxyError,
        httpx.UnsupportedProtocol,
    ],
)


@to_connect
@pytest.mark.parametrize("cause", [None, httpcore.ConnectError()], ids=repr)
@pytest.mark.parametrize("left", [None, False])
def test_a_connection_that_failed_sent_nothing(
    failure: Callable[[str], httpx.RequestError], cause: Exception | None, *, left: bool | None
) -> None:
    """Its kind is enough to know when the transport does not tell; the error quotes why."""
    failed = failure("refused")
    failed.__cause__ = cause
    error = failure_error(failed, left=left)
    assert type(error) is ConnectionFailedError
    assert error.delivery is Delivery.NOT_SENT
    assert re.match(r"No connection \(\w+: refused\)\. Check the network", str(error))


@to_connect
@pytest.mark.parametrize(("left", "cause"), [(None, ConnectionResetError()), (True, None)])
def test_a_lost_answer_that_is_called_a_failed_connection_is_unknown(
    failure: Callable[[str], httpx.RequestError], cause: Exception | None, *, left: bool | None
) -> None:
    """Transports over other libraries call it so, and one that repeats by itself fails to connect anew."""
    lost = failure("refused")
    lost.__cause__ = cause
    error = failure_error(lost, left=left)
    assert type(error) is ConnectionLostError
    assert error.delivery is Delivery.UNKNOWN


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError,
        httpx.ReadTimeout,
        httpx.WriteError,
        httpx.WriteTimeout,
        httpx.CloseError,
        httpx.RemoteProtocolError,
        httpx.LocalProtocolError,
        httpx.DecodingError,
    ],
)
@pytest.mark.parametrize("left", [None, True])
def test_a_request_that_may_have_begun_to_leave_is_unknown(
    failure: type[httpx.RequestError], *, left: bool | None
) -> None:
    """The answer is not known; the error quotes why, or at least what."""
    error = failure_error(failure("reset"), left=left)
    assert type(error) is ConnectionLostError
    assert error.delivery is Delivery.UNKNOWN
    assert re.match(r"The connection broke before the answer was complete \(\w+: reset\)\.", str(error))
    assert f"complete ({failure.__name__})." in str(failure_error(failure(""), left=left))


def test_a_request_that_never_left_was_not_sent() -> None:
    """What broke is then the way to the server: a proxy, or the making of TLS."""
    error = failure_error(httpx.ReadError("reset"), left=False)
    assert type(error) is ConnectionFailedError
    assert error.delivery is Delivery.NOT_SENT
