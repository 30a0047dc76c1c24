"""Helpers for tests of a call without I/O: attempts, a fake clock and fixed randomness."""

from collections.abc import Callable, Iterable
from datetime import datetime
from email.utils import format_datetime

import httpx
import pytest

from mock_api import NOW, TOKEN, Clock, Outcome
from yandex_market_chats import AnswerError, ApiKey, Attempt, MarketError, RetryPolicy
from yandex_market_chats._credentials import Credentials
from yandex_market_chats._error_texts import answer_error
from yandex_market_chats._exchange import Exchange
from yandex_market_chats._retry import Call
from yandex_market_chats._transport import HTTPX_ERRORS

DEFAULT = RetryPolicy()
RESEND = RetryPolicy(resend_unknown=True)
BACKOFF = [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, None]
"""The longest waits of the default policy, attempt by attempt."""


def longest(_low: float, high: float) -> float:
    """Return the upper bound."""
    return high


def shortest(low: float, _high: float) -> float:
    """Return the lower bound."""
    return low


def make_request(*, method: str = "POST", repeatable: bool = False) -> httpx.Request:
    """Return a request as the client builds it."""
    url = "https://api.example.test/v2/businesses/7/chats/message?chatId=42"
    return httpx.Request(method, url, extensions={"repeatable": True} if repeatable else {})


def make_call(
    policy: RetryPolicy = DEFAULT,
    *,
    request: httpx.Request | None = None,
    auth: Credentials | None = None,
    clock: Callable[[], float] | None = None,
    uniform: Callable[[float, float], float] = longest,
) -> Call:
    """Return a call with an `ApiKey`, whose clocks stand still and whose waits are the longest."""
    return Call(
        request or make_request(),
        auth or ApiKey(TOKEN),
        policy,
        clock=clock or Clock(),
        now=lambda: NOW,
        uniform=uniform,
    )


def attempt(call: Call, outcome: Outcome, *, events: Iterable[str] = ()) -> float | None:
    """Make an attempt as a transport does, and return the seconds until the next one."""
    return judged(call, outcome, events=events).wait


def judged(call: Call, outcome: Outcome, *, events: Iterable[str] = ()) -> Attempt:
    """Make an attempt as a transport does, and return what the call decides about it."""
    exchange = call.start(Exchange.trace)
    try:
        for event in events:
            exchange.trace(event, {})
        if isinstance(outcome, Exception):
            raise outcome
        exchange.arrived(outcome)
        assert isinstance(outcome.stream, httpx.SyncByteStream)
        all(exchange.reads_on(chunk) for chunk in outcome.stream)
    except HTTPX_ERRORS as failure:
        exchange.failed(failure)
    return call.judge(exchange)


def raised(call: Call) -> MarketError:
    """Return the error that a call raises in the end."""
    with pytest.raises(MarketError) as caught:
        call.answer()
    return caught.value


def refused(status: int, body: bytes = b"", **headers: str) -> AnswerError:
    """Return the error for an answer; `_` in the name of a header is a hyphen."""
    named = httpx.Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return answer_error(status, named, body)


def http_date(moment: datetime) -> str:
    """Return a moment as headers state it."""
    return format_datetime(moment, usegmt=True)
