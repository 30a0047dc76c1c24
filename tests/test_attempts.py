"""What is reported about each attempt, to the hook `on_attempt` and to the log."""

import dataclasses
import logging
import re
from traceback import extract_tb
from typing import Any

import httpx
import pytest

from mock_api import PARALLEL, Api, Clock, Kind, answer, busy, every_client, send
from yandex_market_chats import Attempt, BadRequestError, Delivery, RateLimit

PATH = "/v2/businesses/123456/chats/message"


@pytest.mark.usefixtures("clock")
@every_client
def test_the_hook_is_called_after_every_attempt(kind: Kind) -> None:
    """Metrics need the number, the outcome and the following wait of each attempt."""
    attempts: list[Attempt] = []
    api = Api(
        httpx.ConnectError("refused"),
        answer(420, PARALLEL, X_RateLimit_Resource_Remaining="7"),
        answer(X_RateLimit_Resource_Remaining="6"),
    )
    send(kind, api, on_attempt=attempts.append)
    common: dict[str, Any] = {"method": "POST", "path": PATH, "elapsed": 0.0}
    failed: dict[str, Any] = {"delivery": Delivery.NOT_SENT, "wait": 0.0, **common}
    assert attempts == [
        Attempt(number=1, status_code=None, rate_limit=None, error="ConnectionFailedError", **failed),
        Attempt(
            number=2, status_code=420, rate_limit=RateLimit(None, 7, None), error="RateLimitError", **failed
        ),
        Attempt(
            number=3,
            status_code=200,
            rate_limit=RateLimit(None, 6, None),
            error=None,
            delivery=None,
            wait=None,
            **common,
        ),
    ]


@every_client
def test_the_hook_is_called_before_an_error_is_raised(kind: Kind) -> None:
    """Metrics must count the last attempt too."""
    attempts: list[Attempt] = []
    with pytest.raises(BadRequestError):
        send(kind, Api(answer(400)), on_attempt=attempts.append)
    (attempt,) = attempts
    assert (attempt.status_code, attempt.error, attempt.wait) == (400, "BadRequestError", None)


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_coroutine_hook_is_awaited(kind: Kind) -> None:
    """A hook of an async program may do I/O."""
    attempts: list[Attempt] = []

    async def hook(attempt: Attempt) -> None:
        attempts.append(attempt)

    send(kind, Api(busy(), answer()), on_attempt=hook)
    assert [attempt.number for attempt in attempts] == [1, 2]


@every_client
def test_a_hook_that_raises_is_logged_with_its_own_frames(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """The call goes on; the traceback leads to the defect, not through our frames, which hold the text."""

    def broken(_attempt: Attempt) -> None:
        raise LookupError("no metric")

    assert send(kind, Api(busy(), answer()), on_attempt=broken).attempts == 2
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    text = "on_attempt raised an exception; the call goes on"
    assert [record.getMessage() for record in errors] == [text, text]
    assert errors[0].exc_info
    _, error, traceback = errors[0].exc_info
    assert str(error) == "no metric"
    assert [frame.name for frame in extract_tb(traceback)] == ["broken"]


@every_client
def test_an_attempt_says_how_long_it_took(kind: Kind, clock: Clock) -> None:
    """The time of an attempt ends with its response, and includes none of the waits."""
    attempts: list[Attempt] = []

    def handler(_request: httpx.Request) -> httpx.Response:
        clock.sleep(2 + len(attempts))
        return answer() if attempts else busy()

    def hook(attempt: Attempt) -> None:
        attempts.append(attempt)
        clock.sleep(10)

    send(kind, handler, on_attempt=hook)
    assert [attempt.elapsed for attempt in attempts] == [2, 3]


def test_an_attempt_cannot_be_changed() -> None:
    """Several consumers may share an attempt."""
    attempts: list[Attempt] = []
    send("sync", Api(answer()), on_attempt=attempts.append)
    with pytest.raises(dataclasses.FrozenInstanceError):
        attempts[0].number = 2  # type: ignore[misc]


@every_client
def test_the_log_has_a_line_for_each_attempt(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """A retry is a warning, because the call takes longer; an error that is raised needs none."""
    caplog.set_level(logging.DEBUG, "yandex_market_chats")
    api = Api(httpx.ConnectError("refused"), busy(), answer(400))
    with pytest.raises(BadRequestError):
        send(kind, api)
    lines = [
        f"{record.levelname} {re.sub('[0-9]+[.][0-9]{3} s', '# s', record.getMessage())}"
        for record in caplog.records
        if record.name == "yandex_market_chats"
    ]
    assert lines == [
        f"WARNING POST {PATH}: attempt 1 in # s: no response, ConnectionFailedError; trying again in # s",
        f"WARNING POST {PATH}: attempt 2 in # s: 503, ServerError; trying again in # s",
        f"DEBUG POST {PATH}: attempt 3 in # s: 400, BadRequestError",
    ]


def test_the_text_of_a_successful_attempt_says_ok() -> None:
    """A hook may print an attempt."""
    attempts: list[Attempt] = []
    send("sync", Api(answer()), on_attempt=attempts.append)
    assert re.fullmatch(rf"POST {PATH}: attempt 1 in \d\.\d{{3}} s: 200, ok", str(attempts[0]))
