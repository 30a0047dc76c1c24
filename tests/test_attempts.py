"""What is told of every attempt: to the hook `on_attempt` and to the log."""

import dataclasses
import logging
import re
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from calls import PARALLEL, Clock
from mock_api import AT_ONCE, SUCCESS, TEXT, Api, Kind, answer, every_client, send, settings, use
from yandex_market_chats import (
    Attempt,
    BadRequestError,
    ConfigurationError,
    Delivery,
    MarketChats,
    RateLimit,
    _exchange,
)

PATH = "/v2/businesses/123456/chats/message"


def hook(kind: Kind, attempts: list[Attempt]) -> Any:
    """Make a hook that the client of that kind takes, and that keeps what it is told."""

    async def awaited(attempt: Attempt) -> None:
        attempts.append(attempt)

    return attempts.append if kind == "sync" else awaited


@every_client
def test_the_hook_is_told_of_every_attempt(kind: Kind) -> None:
    """Each of them comes with its number, its end and the wait after it; the last has none."""
    told: list[Attempt] = []
    api = Api(
        httpx.ConnectError("refused"),
        answer(420, PARALLEL, X_RateLimit_Resource_Remaining="7"),
        answer(X_RateLimit_Resource_Remaining="6"),
    )
    send(kind, api, on_attempt=hook(kind, told))
    always: dict[str, Any] = {"method": "POST", "path": PATH, "elapsed": 0.0}
    assert [dataclasses.replace(attempt, elapsed=0.0) for attempt in told] == [
        Attempt(
            **always,
            number=1,
            status_code=None,
            rate_limit=None,
            error="ConnectionFailedError",
            delivery=Delivery.NOT_SENT,
            wait=0.0,
        ),
        Attempt(
            **always,
            number=2,
            status_code=420,
            rate_limit=RateLimit(None, 7, None),
            error="RateLimitError",
            delivery=Delivery.NOT_SENT,
            wait=0.0,
        ),
        Attempt(
            **always,
            number=3,
            status_code=200,
            rate_limit=RateLimit(None, 6, None),
            error=None,
            delivery=None,
            wait=None,
        ),
    ]


@every_client
def test_the_hook_is_told_of_an_attempt_that_is_raised(kind: Kind) -> None:
    """It hears of the end before the caller does."""
    told: list[Attempt] = []
    with pytest.raises(BadRequestError):
        send(kind, Api(answer(400)), on_attempt=hook(kind, told))
    (attempt,) = told
    assert (attempt.status_code, attempt.error, attempt.wait) == (400, "BadRequestError", None)


@every_client
def test_an_async_client_takes_a_plain_hook_too(kind: Kind) -> None:
    """Only what can be awaited is awaited."""
    told: list[Attempt] = []
    send(kind, Api(answer()), on_attempt=told.append)
    assert [attempt.number for attempt in told] == [1]


@every_client
def test_views_tell_the_hook_as_well(kind: Kind) -> None:
    """A view has its client's hook."""
    told: list[Attempt] = []
    use(
        kind,
        lambda chats: chats.with_options(timeout=1).send_message(chat_id=1, message=TEXT),
        Api(answer()),
        on_attempt=hook(kind, told),
    )
    assert len(told) == 1


@every_client
def test_a_hook_that_raises_loses_no_message(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The call goes on, and the log says what was raised, by its class alone."""

    def broken(_attempt: Attempt) -> None:
        raise LookupError("ACMA:secret")

    assert send(kind, Api(answer(503), answer()), on_attempt=broken).attempts == 2
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == ["on_attempt raised LookupError"] * 2


def test_a_sync_client_refuses_a_hook_that_would_have_to_be_awaited() -> None:
    """Nobody would await it."""

    async def awaited(_attempt: Attempt) -> None: ...

    hooks: Any = awaited
    with pytest.raises(
        ConfigurationError, match=r"^on_attempt must be a plain function here; AsyncMarketChats awaits one"
    ):
        MarketChats(**settings(Api(), on_attempt=hooks))


@every_client
def test_an_attempt_tells_how_long_it_took(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its beginning to the end of its answer, without the wait after it."""
    clock, told = Clock(), list[Attempt]()
    monkeypatch.setattr(_exchange, "time", SimpleNamespace(monotonic=clock))

    def handler(_request: httpx.Request) -> httpx.Response:
        clock.sleep(2 + len(told))
        return answer(200 if told else 503, SUCCESS)

    send(kind, handler, on_attempt=told.append)
    assert [attempt.elapsed for attempt in told] == [2, 3]


def test_an_attempt_cannot_be_changed() -> None:
    """What was, was."""
    told: list[Attempt] = []
    send("sync", Api(answer()), on_attempt=told.append)
    with pytest.raises(dataclasses.FrozenInstanceError):
        told[0].number = 2  # type: ignore[misc]


@every_client
def test_the_log_has_a_line_for_each_attempt_and_one_for_each_repeat(
    kind: Kind, caplog: pytest.LogCaptureFixture
) -> None:
    """Attempts are DEBUG, repeats are WARNING, in their order."""
    caplog.set_level(logging.DEBUG, "yandex_market_chats")
    api = Api(httpx.ConnectError("refused"), answer(503), answer())
    send(kind, api, retries=AT_ONCE)
    lines = [
        f"{record.levelname} {re.sub('[0-9]+[.][0-9]{3} s', '# s', record.getMessage())}"
        for record in caplog.records
        if record.name == "yandex_market_chats"
    ]
    assert lines == [
        f"DEBUG POST {PATH}: attempt 1 in # s: status None, ConnectionFailedError, wait 0.0",
        f"WARNING POST {PATH}: attempt 1 in # s: status None, ConnectionFailedError; again in # s",
        f"DEBUG POST {PATH}: attempt 2 in # s: status 503, ServerError, wait 0.0",
        f"WARNING POST {PATH}: attempt 2 in # s: status 503, ServerError; again in # s",
        f"DEBUG POST {PATH}: attempt 3 in # s: status 200, sent, wait None",
    ]


@every_client
def test_an_error_that_is_raised_is_no_warning(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The caller has it already."""
    caplog.set_level(logging.DEBUG, "yandex_market_chats")
    with pytest.raises(BadRequestError):
        send(kind, Api(answer(400)))
    assert [r.levelname for r in caplog.records if r.name == "yandex_market_chats"] == ["DEBUG"]
