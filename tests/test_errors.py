"""What the errors say, what they keep, and how they are related."""

import copy
import pickle
import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

import yandex_market_chats
from calls import HOURLY, NOW, PARALLEL, refused
from mock_api import envelope
from yandex_market_chats import (
    AnswerError,
    ApiError,
    Delivery,
    MarketError,
    RateLimitError,
    _errors,
)
from yandex_market_chats._answers import answer_error

UNTIL = "Sun, 22 Nov 2026 12:00:25 GMT"


def subclasses(cls: type[MarketError]) -> Iterator[type[MarketError]]:
    """Give the class and everything below it, depth first."""
    yield cls
    for subclass in cls.__subclasses__():
        yield from subclasses(subclass)


def test_an_answer_error_keeps_the_answer() -> None:
    """Status, headers, body and limit can be asked for, under any spelling of a header's name."""
    error = refused(420, HOURLY, X_RateLimit_Resource_Remaining="0", X_Request_Id="abc")
    assert (error.status_code, error.body, error.headers["x-request-id"]) == (420, HOURLY, "abc")
    assert error.rate_limit is not None
    assert error.rate_limit.remaining == 0
    assert error.attempts == 0


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, b"", '200 OK. A success would be {"status": "OK"}. The message may have been sent'),
        (
            302,
            b"",
            "302 Found. Check the base URL: a redirect is never followed, for it could take the token",
        ),
        (
            400,
            envelope("too long"),
            "400 Bad Request (CODE: too long). Correct the request as the API says. No",
        ),
        (400, envelope("a", "b"), "400 Bad Request (CODE: a; CODE: b). Correct"),
        (
            400,
            b'{"errors": [{"code": "A"}, {"code": "B", "message": ""}]}',
            "400 Bad Request (A; B). Correct",
        ),
        (400, b'{"errors": [{"code": "A", "message": "b\\n\\t c"}]}', "400 Bad Request (A: b c). Correct"),
        (400, b'{"errors": [{"code": "A", "message": "b\\ud800"}]}', "400 Bad Request (A: b). Correct"),
        (400, b'{"errors": [{"code": "A", "message": "b\\u001b[2J"}]}', "400 Bad Request (A: b"),
        (
            401,
            b"",
            "401 Unauthorized. Check the token in the header Api-Key: that it is whole, is not revoked",
        ),
        (
            403,
            b"",
            "403 Forbidden. Check that the token is right, has the access `communication` or `all-methods`,",
        ),
        (404, b"", "404 Not Found. Check the business id, the chat id and the base URL. Nothing was sent."),
        (405, b"", "405 Method Not Allowed. The API does not know this call: check the base URL, or update"),
        (408, b"", "408 Request Timeout. The API gave the request up. The message may have been sent: look"),
        (415, b"", "415 Unsupported Media Type. The API does not know this call: check the base URL, or"),
        (418, b"", "418 I'm a teapot. Correct the request as the API says. Nothing was sent."),
        (
            420,
            PARALLEL,
            "420 (CODE: Hit rate limit of 4 parallel requests for businessId 12345). Send fewer req",
        ),
        (
            420,
            HOURLY,
            "420 (CODE: Hit rate limit of 1000 requests per 1 hour for resource x). The hourly limit",
        ),
        (420, b"", "420. The hourly limit is used up: try again later. Nothing was sent."),
        (423, b"", "423 Locked. The cabinet is being migrated: try again later. Nothing was sent."),
        (429, b"", "429 Too Many Requests. Slow down, and try again later. Nothing was sent."),
        (499, b"", "499. A gateway gave the request up. The message may have been sent: look into the chat"),
        (
            500,
            b"",
            "500 Internal Server Error. The message may have been sent: look into the chat before you",
        ),
        (503, b"", "503 Service Unavailable. The API is overloaded: try again later. Nothing was sent."),
        (599, b"", "599. The message may have been sent: look into the chat before you send it again."),
    ],
)
def test_the_words_name_what_happened_and_the_next_step(status: int, body: bytes, words: str) -> None:
    """The API's own words stand in one line, then what to do, then what became of the message."""
    told = str(refused(status, body))
    assert told.startswith(words)
    assert told.isprintable()
    assert told.endswith((". Nothing was sent.", " look into the chat before you send it again."))


def test_the_words_for_401_say_where_tokens_are_made() -> None:
    """Whoever has none finds out how to get one."""
    assert "New Api-Key tokens are made in the seller's cabinet, under the settings" in str(refused(401))


def test_the_words_for_the_parallel_limit_name_who_else_counts() -> None:
    """The limit is not of this program alone."""
    words = (
        "). Send fewer requests at a time: the limit is of the cabinet, its other programs count too. Nothing"
    )
    assert words in str(refused(420, PARALLEL))


def test_the_words_for_the_hourly_limit_say_until_when() -> None:
    """The moment is there, with its zone."""
    told = str(refused(420, HOURLY, X_RateLimit_Resource_Until=UNTIL))
    assert ". The hourly limit is used up: try again after 2026-11-22 12:00:25 UTC. Nothing was sent." in told


def test_the_advice_for_401_names_the_header_that_was_sent() -> None:
    """Whoever sends an OAuth token is told to look at that one."""
    error = answer_error(401, httpx.Headers(), b"", header="Authorization")
    assert "the token in the header Authorization:" in str(error)


def test_endless_words_are_cut() -> None:
    """A message quotes 500 characters at most; the items have all of them."""
    error = refused(400, envelope("x" * 10_000))
    assert f"({'CODE: ' + 'x' * 494})." in str(error)
    assert len(error.errors[0].message or "") == 10_000


@pytest.mark.parametrize(
    ("error", "limit"),
    [
        (refused(420, PARALLEL, X_RateLimit_Resource_Until=UNTIL), (True, None)),
        (refused(420, HOURLY, X_RateLimit_Resource_Until=UNTIL), (False, NOW.replace(second=25))),
        (refused(429, PARALLEL, X_RateLimit_Resource_Remaining="5"), (False, None)),
        (refused(420), (False, None)),
    ],
)
def test_a_rate_limit_error_tells_which_limit_and_until_when(error: RateLimitError, limit: object) -> None:
    """`until` is that of the hourly limit; only a 420 knows a parallel one."""
    assert (error.parallel, error.until) == limit


@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))]
)
@pytest.mark.parametrize("cls", [*subclasses(MarketError)])
def test_copies_keep_everything(cls: type[MarketError], copied: Callable[[MarketError], MarketError]) -> None:
    """Each class survives `copy` and `pickle` with its words and all of its attributes."""
    options: dict[str, Any] = {"delivery": Delivery.UNKNOWN}
    if issubclass(cls, AnswerError):
        headers = httpx.Headers({"X-RateLimit-Resource-Until": UNTIL})
        options |= {"status_code": 420, "headers": headers, "body": HOURLY}
    error = cls("Words.", **options)
    error.attempts = 3
    error.add_note("A note.")
    assert str(error).startswith("Words. The message may have been sent")
    twin = copied(error)
    assert twin is not error
    assert (type(twin), str(twin), repr(twin), vars(twin)) == (cls, str(error), repr(error), vars(error))


def test_an_error_without_an_answers_details_has_empty_ones() -> None:
    """What is not given is empty, and not missing."""
    error = ApiError("Words.", status_code=418)
    assert (error.headers, error.body, error.errors, error.rate_limit) == (httpx.Headers(), b"", (), None)
    assert str(error) == "Words. Nothing was sent."


def test_the_docstring_draws_the_real_tree() -> None:
    """Each class stands below its base, and with the statuses that make it."""
    drawn: list[tuple[str, str | None]] = []
    path: dict[int, str] = {}
    for line in (_errors.__doc__ or "").splitlines()[2:]:
        indent, name, note = re.match(r"([│├└─ ]*)(\w+) +(.*)", line).groups()  # type: ignore[union-attr]
        path[len(indent)] = name
        drawn.append((name, path.get(len(indent) - 4)))
        for status in re.findall(r"\b\d{3}\b", note):
            assert type(refused(int(status))).__name__ == name
    real = [
        (cls.__name__, None if cls is MarketError else cls.__mro__[1].__name__)
        for cls in subclasses(MarketError)
    ]
    assert drawn == real


def test_every_class_is_public() -> None:
    """Whatever is raised can be caught by a public name, and an argument error as a `ValueError` too."""
    for cls in subclasses(MarketError):
        assert getattr(yandex_market_chats, cls.__name__) is cls
        assert cls.__name__ in yandex_market_chats.__all__
    assert issubclass(yandex_market_chats.InvalidRequestError, ValueError)
