"""Errors: the class and `delivery` of a status, what an error keeps, and how it is copied and rebuilt."""

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import yandex_market_chats
from calls import RESEND, attempt, make_call, raised, refused
from mock_api import HOURLY, NOW, OVERLOADED, PARALLEL, SUCCESS, answer, envelope
from yandex_market_chats import (
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
    RetryPolicy,
    ServerError,
    UnexpectedAnswerError,
    _errors,
)
from yandex_market_chats._exchange import is_success

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
TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
TRACEPARENT = f"00-{TRACE_ID}-b7ad6b7169203331-01"
UNTIL = "Sun, 22 Nov 2026 12:00:25 GMT"
NO_ENVELOPES = {
    "empty": b"",
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "truncated": b'{"status": "OK", "errors": [{"code"',
    "list": b'["OK"]',
    "text": b'"OK"',
    "null": b"null",
    "endless number": b"1" * 5000,
    "deep nesting": b"[" * 100_000,
    "not UTF-8": b"\xff\xfe\x00\xd8",
    "empty object": b"{}",
    "errors is null": b'{"status": "ERROR", "errors": null}',
}


def classes(cls: type[MarketError] = MarketError) -> Iterator[type[MarketError]]:
    """Yield a class and everything below it, depth first."""
    yield cls
    for subclass in cls.__subclasses__():
        if subclass.__module__ == cls.__module__:  # the journal has its own error
            yield from classes(subclass)


# Classes and deliveries.


def test_every_status_has_its_class() -> None:
    """The status alone decides, and not the body."""
    for body in (b"", b"<html>", envelope("No.")):
        assert {status: type(refused(status, body)) for status in STATUSES} == CLASSES


def test_every_status_has_its_delivery() -> None:
    """Only refusals are known to have sent nothing; a 503 is one if the vendor's envelope says so."""
    not_sent = {*range(300, 500)} - {303, 408, 499}
    for body, refusals in (
        (b"", not_sent),
        (SUCCESS, not_sent),
        (OVERLOADED, {*not_sent, 503}),
        (OVERLOADED.replace(b"ERROR", b"OK"), {*not_sent, 503}),
    ):
        deliveries = {status: refused(status, body).delivery for status in STATUSES}
        assert {status for status, said in deliveries.items() if said is Delivery.NOT_SENT} == refusals
        assert {status for status, said in deliveries.items() if said is Delivery.UNKNOWN} == (
            {*STATUSES} - refusals
        )


@pytest.mark.parametrize(
    "body",
    [
        b"upstream connect error or disconnect/reset before headers. reset reason: connection termination",
        b'{"status": "ERROR", "errors": []}',
        b'{"status": "ERROR", "errors": [{"message": "no code"}]}',
        b'{"errors": [{"code": "NO_STATUS"}]}',
        b'{"status": "DOWN", "errors": [{"code": "ANOTHER_STATUS"}]}',
    ],
)
def test_a_503_without_the_vendors_envelope_is_unknown(body: bytes) -> None:
    """Gateways answer 503 too, after losing a server that had the message."""
    assert refused(503, body).delivery is Delivery.UNKNOWN


def test_only_200_with_status_ok_and_no_errors_is_a_success() -> None:
    """The vendor's examples show `"status": "OK"` in error bodies too."""
    assert [status for status in STATUSES if is_success(status, SUCCESS)] == [200]
    assert is_success(200, b'{"status": "OK", "errors": null}')
    bodies = [*NO_ENVELOPES.values(), b'{"status": "ok"}', b'{"status": "OK", "errors": [{}]}']
    assert not any(is_success(200, body) for body in bodies)


# What the API says.


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"errors": [{"code": "A", "message": "b", "c": 1}]}', [("A", "b")]),
        (b'{"errors": [{"code": "A"}, {"message": "b"}]}', [("A", None), (None, "b")]),
        (b'{"errors": [{"code": 400, "message": 1.5}]}', [("400", "1.5")]),
        (b'{"errors": [{"code": 0, "message": ""}]}', [("0", "")]),
        (b'{"errors": [null, [], {}, true]}', []),
        (
            '{"errors": [{"code": true}, {"reason": "нет"}]}'.encode(),
            [(None, '{"code": true}'), (None, '{"reason": "нет"}')],
        ),
        (b'{"errors": ["A", 5]}', [(None, "A"), (None, "5")]),
        (b'{"errors": "A"}', [(None, "A")]),
        (b'{"errors": {"code": "A"}}', [("A", None)]),
        (b'{"error": {"code": 400, "message": "b"}}', [("400", "b")]),
        (b'{"errors": [], "error": "A"}', [(None, "A")]),
    ],
)
def test_error_items_of_every_shape_are_kept(body: bytes, items: list[tuple[str | None, str | None]]) -> None:
    """Nothing that the API says is lost, although its older versions use another shape."""
    error = refused(400, body)
    assert error.errors == tuple(ErrorItem(*item) for item in items)
    said = "; ".join(": ".join(filter(None, item)) for item in items)
    assert not said or f"400 Bad Request ({said}). " in str(error)


def test_a_body_that_is_no_envelope_has_no_items() -> None:
    """Gateways answer anything; the body is kept unchanged, and its 503 is no refusal by the API."""
    for name, body in NO_ENVELOPES.items():
        error = refused(503, body)
        assert (error.errors, error.body, error.delivery) == ((), body, Delivery.UNKNOWN), name


@pytest.mark.parametrize(
    ("body", "remaining", "parallel"),
    [
        (PARALLEL, "", True),
        (PARALLEL, "5", True),
        (PARALLEL, "0", False),
        (HOURLY, "", False),
        (HOURLY, "5", False),
        (envelope("4 parallel requests per HOUR"), "5", False),
        (envelope("PARALLEL"), "", True),
        (envelope("slower"), "5", True),
        (envelope("slower"), "", False),
        (b"", "5", True),
        (b"", "0", False),
    ],
)
def test_text_and_count_distinguish_the_two_limits(body: bytes, remaining: str, *, parallel: bool) -> None:
    """If they disagree or are missing, the limit is the hourly one, which requires the longer wait."""
    headers = {"X_RateLimit_Resource_Remaining": remaining, "X_RateLimit_Resource_Until": UNTIL}
    error = refused(420, body, **headers)
    assert isinstance(error, RateLimitError)
    assert error.parallel is parallel
    assert error.until == (None if parallel else NOW.replace(second=25))


def test_a_429_is_never_the_parallel_limit() -> None:
    """The vendor answers the parallel limit with 420; a 429 keeps its `until`."""
    error = refused(429, PARALLEL, X_RateLimit_Resource_Remaining="5", X_RateLimit_Resource_Until=UNTIL)
    assert isinstance(error, RateLimitError)
    assert (error.parallel, error.until) == (False, NOW.replace(second=25))
    assert RateLimitError("Slow down.").until is None


@pytest.mark.parametrize(
    ("header", "trace_id"),
    [
        (TRACEPARENT, TRACE_ID),
        (TRACE_ID, None),
        (f"{TRACEPARENT}0", None),
        (TRACEPARENT.replace("a", "A"), None),
    ],
)
def test_the_trace_id_is_read_from_traceparent(header: str, trace_id: str | None) -> None:
    """The support can do nothing with an id in another form."""
    assert ServerError("x", headers=httpx.Headers({"Traceparent": header})).trace_id == trace_id


# Errors by hand, and rebuilt.


BY_HAND: list[tuple[type[MarketError], dict[str, Any], Delivery]] = [
    (MarketError, {}, Delivery.UNKNOWN),
    (ConfigurationError, {}, Delivery.NOT_SENT),
    (InvalidRequestError, {}, Delivery.NOT_SENT),
    (ConnectionFailedError, {}, Delivery.NOT_SENT),
    (ConnectionLostError, {}, Delivery.UNKNOWN),
    (AnswerError, {}, Delivery.UNKNOWN),
    (UnexpectedAnswerError, {}, Delivery.UNKNOWN),
    (ApiError, {}, Delivery.UNKNOWN),
    (BadRequestError, {}, Delivery.NOT_SENT),
    (AuthenticationError, {}, Delivery.NOT_SENT),
    (PermissionDeniedError, {}, Delivery.NOT_SENT),
    (NotFoundError, {}, Delivery.NOT_SENT),
    (LockedError, {}, Delivery.NOT_SENT),
    (RateLimitError, {}, Delivery.NOT_SENT),
    (ServerError, {}, Delivery.UNKNOWN),
    (ServerError, {"status_code": 503}, Delivery.UNKNOWN),
    (ServerError, {"status_code": 503, "body": OVERLOADED}, Delivery.NOT_SENT),
    (ApiError, {"status_code": 418}, Delivery.NOT_SENT),
    (AnswerError, {"status_code": 404}, Delivery.NOT_SENT),
    (NotFoundError, {"status_code": 404}, Delivery.NOT_SENT),
    (NotFoundError, {"status_code": 500}, Delivery.UNKNOWN),
    (UnexpectedAnswerError, {"status_code": 404}, Delivery.UNKNOWN),
    (NotFoundError, {"delivery": Delivery.UNKNOWN, "status_code": 404}, Delivery.UNKNOWN),
    (ConnectionLostError, {"delivery": Delivery.NOT_SENT}, Delivery.NOT_SENT),
]


def test_an_error_by_hand_claims_no_more_than_is_known() -> None:
    """Users build errors in their tests; in doubt, `delivery` is `UNKNOWN`."""
    for cls, details, delivery in BY_HAND:
        error = cls("x", **details)
        assert (error.delivery, error.attempts, str(error)) == (delivery, 0, "x"), (cls, details)
    assert {cls for cls, _, _ in BY_HAND} == {*classes()}


def test_an_error_without_an_answer_has_empty_details() -> None:
    """Code that handles errors can read every attribute of each."""
    error = ApiError("x")
    assert (error.status_code, error.body, error.errors) == (None, b"", ())
    assert (error.headers, error.rate_limit, error.trace_id) == (httpx.Headers(), None, None)


def test_an_error_keeps_the_answer() -> None:
    """A program can read everything that the API said from the error."""
    error = refused(420, HOURLY, X_RateLimit_Resource_Remaining="0", X_Request_Id="abc")
    assert (error.status_code, error.body, error.headers["x-request-id"]) == (420, HOURLY, "abc")
    assert error.rate_limit is not None
    assert error.rate_limit.remaining == 0


def test_permanent_errors_are_those_of_the_message_itself() -> None:
    """A queue may drop a message whose call can never succeed."""
    permanent = {cls for cls in classes() if cls("x").permanent}
    assert permanent == {InvalidRequestError, BadRequestError, NotFoundError}


@pytest.mark.parametrize(
    ("outcomes", "delivery"),
    [
        ((lambda: answer(404, b""),), Delivery.NOT_SENT),
        ((lambda: answer(500, b""),), Delivery.UNKNOWN),
        ((lambda: httpx.ReadError(""), lambda: answer(404, b"")), Delivery.UNKNOWN),
    ],
    ids=["refused", "failed", "refused after a lost response"],
)
def test_an_error_rebuilt_from_its_args_claims_no_more(
    outcomes: tuple[Callable[[], Any], ...], delivery: Delivery
) -> None:
    """Celery's JSON results keep only the class and the `args`."""
    call = make_call(RESEND)
    for outcome in outcomes:
        attempt(call, outcome())
    error = raised(call)
    rebuilt = type(error)(*error.args)
    assert (error.delivery, rebuilt.delivery, str(rebuilt)) == (delivery, delivery, str(error))
    assert all(isinstance(argument, str) for argument in error.args)


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
def test_a_copy_keeps_everything(duplicate: Callable[[MarketError], MarketError]) -> None:
    """Errors cross process pools and queues with their text and all of their attributes."""
    headers = httpx.Headers({"X-RateLimit-Resource-Until": UNTIL})
    for cls in classes():
        details = (
            {"status_code": 420, "headers": headers, "body": HOURLY} if issubclass(cls, AnswerError) else {}
        )
        error = cls("x", Delivery.UNKNOWN, **details)
        error.attempts = 3
        error.add_note("A note.")
        twin = duplicate(error)
        assert twin is not error
        assert (type(twin), str(twin), twin.args, vars(twin)) == (cls, "x", error.args, vars(error))


def test_a_refusal_by_503_is_unknown_once_it_is_rebuilt_from_its_args() -> None:
    """Most errors of the class are `UNKNOWN`, and the envelope that says otherwise is lost."""
    call = make_call(RetryPolicy.disabled())
    attempt(call, answer(503, OVERLOADED))
    error = raised(call)
    assert (error.delivery, error.args) == (Delivery.NOT_SENT, (str(error),))
    assert type(error)(*error.args).delivery is Delivery.UNKNOWN


def test_pickling_repeatedly_does_not_change_the_text() -> None:
    """The sentence about the message is added once, however often the error is copied."""
    call = make_call(RESEND)
    attempt(call, httpx.ReadError(""))
    attempt(call, answer(404, envelope("No chat")))
    error = raised(call)
    twin = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(error))))
    assert (str(twin), vars(twin)) == (str(error), vars(error))


# The tree.


def test_the_docstring_draws_the_tree() -> None:
    """The tree shows each class below its base, with the statuses that raise it."""
    drawn: list[tuple[str, str | None]] = []
    path: dict[int, str] = {}
    tree = (_errors.__doc__ or "").split("\n\n")[1]
    for line in tree.splitlines():
        found = re.fullmatch(r"([│├└─ ]*)(\w+) +(.*)", line)
        assert found
        indent, name, note = found.groups()
        path[len(indent)] = name
        drawn.append((name, path.get(len(indent) - 4)))
        if not name.startswith("Unexpected"):
            assert all(type(refused(int(s))).__name__ == name for s in re.findall(r"\b\d{3}\b", note))
    bases = [None if cls is MarketError else cls.__mro__[1].__name__ for cls in classes()]
    assert drawn == list(zip([cls.__name__ for cls in classes()], bases, strict=True))


def test_every_class_is_public() -> None:
    """Any error can be caught by a public name, and an invalid argument as a `ValueError` too."""
    assert {cls.__name__ for cls in classes()} <= {*yandex_market_chats.__all__}
    assert issubclass(InvalidRequestError, ValueError)
