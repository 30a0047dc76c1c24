"""A message on its way through `MarketChats` and `AsyncMarketChats`: what is sent, awaited and raised."""

import gzip
import sys
from itertools import groupby
from types import FrameType
from typing import Any

import anyio
import httpx
import pytest

from mock_api import (
    NOW,
    SUCCESS,
    TEXT,
    Api,
    Body,
    Clock,
    Kind,
    answer,
    busy,
    envelope,
    every_client,
    send,
    settings,
)
from yandex_market_chats import (
    ApiError,
    Attempt,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketChats,
    MarketError,
    NotFoundError,
    RateLimit,
    RateLimitError,
    RetryPolicy,
    SentMessage,
    ServerError,
    UnexpectedAnswerError,
    __version__,
    _transport,
)
from yandex_market_chats._retry import SENTENCES

HOURLY = envelope("Hit rate limit of 1000 requests per 1 hour for resource x")
LIMIT: dict[str, Any] = {"X_RateLimit_Resource_Limit": "1000", "X_RateLimit_Resource_Remaining": "998"}
UNTIL: dict[str, Any] = {
    "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
    "X_RateLimit_Resource_Until": "Sun, 22 Nov 2026 12:00:25 GMT",
}


@every_client
def test_a_message_is_sent_as_the_contract_says(kind: Kind) -> None:
    """The text arrives unchanged, the connection is closed afterwards, and the package names itself."""
    api = Api(answer())
    assert send(kind, api, chat_id=7, business_id=9) == SentMessage(attempts=1, rate_limit=None)
    (request,) = api.requests
    assert (request.method, str(request.url)) == (
        "POST",
        "https://api.example.test/v2/businesses/9/chats/message?chatId=7",
    )
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["Connection"] == "close"
    assert request.headers["User-Agent"] == f"yandex-market-chats/{__version__}"
    assert request.content.decode() == f'{{"message":"{TEXT}"}}'


@every_client
def test_a_sent_message_reports_its_attempts_and_the_rate_limit(kind: Kind) -> None:
    """The rate limit is that of the last response."""
    sent = send(kind, Api(busy(X_RateLimit_Resource_Limit="7"), answer(**LIMIT, **UNTIL)))
    assert sent == SentMessage(2, RateLimit(1000, 998, NOW.replace(second=25)))


@every_client
def test_each_attempt_sends_the_same_request(kind: Kind) -> None:
    """A retry repeats the message exactly, and nothing of an earlier response is left in the result."""
    api = Api(httpx.ConnectError("refused"), busy(**LIMIT), answer())
    assert send(kind, api) == SentMessage(3, None)
    first, second, third = api.requests
    for request in (second, third):
        assert (request.method, request.url, request.content) == (first.method, first.url, first.content)
        assert request.headers == first.headers


def test_a_message_passes_through_few_modules() -> None:
    """Whoever debugs a call can read the whole way of a message."""
    visited: list[str] = []

    def visit(frame: FrameType, event: str, _argument: object) -> None:
        name = frame.f_globals.get("__name__", "")
        if event == "call" and name.startswith("yandex_market_chats."):
            visited.append(name.partition(".")[2])

    with MarketChats(**settings(Api(answer(), answer(**LIMIT, **UNTIL)))) as chats:
        chats.send_message(chat_id=42, message=TEXT)  # imports what the first message needs
        sys.setprofile(visit)
        try:
            chats.send_message(chat_id=42, message=TEXT)
        finally:
            sys.setprofile(None)
    way = [module for module, _ in groupby(visited)]
    assert "_retry" in way
    assert len(set(way)) <= 8, f"{len(set(way))} modules, {len(way) - 1} jumps: {' '.join(way)}"


@every_client
def test_waits_are_those_that_the_api_asks_for(kind: Kind, clock: Clock) -> None:
    """The clients wait for `Retry-After` and until `Until`, and no longer."""
    api = Api(busy(Retry_After="7"), answer(420, HOURLY, **UNTIL), answer())
    assert send(kind, api).attempts == 3
    assert clock.waits == [7, 25]


@every_client
def test_a_wait_past_the_deadline_is_not_started(kind: Kind, clock: Clock) -> None:
    """The error comes at once and says when the limit resets."""
    api = Api(answer(420, HOURLY, **UNTIL))
    with pytest.raises(RateLimitError, match="try again after 2026-11-22 12:00:25 UTC") as caught:
        send(kind, api, retries=RetryPolicy(deadline=25))
    assert caught.value.until == NOW.replace(second=25)
    assert (caught.value.attempts, clock.seconds) == (1, 1000)


@every_client
def test_a_wait_that_a_slow_hook_made_too_long_is_not_started(kind: Kind, clock: Clock) -> None:
    """The wait fitted before the deadline when the attempt ended, but no longer does."""
    with pytest.raises(ServerError) as caught:
        send(
            kind,
            Api(busy(Retry_After="8")),
            retries=RetryPolicy(deadline=10),
            on_attempt=lambda _: clock.sleep(1),
        )
    assert (caught.value.attempts, clock.seconds) == (1, 1001)


@every_client
def test_an_attempt_is_not_started_when_its_wait_took_too_long(
    kind: Kind, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine may be suspended while it waits; the error is that of the attempt before."""
    api = Api(busy())
    monkeypatch.setattr(Clock, "sleep", lambda self, _seconds: setattr(self, "seconds", 1009.0))
    monkeypatch.setattr("time.sleep", clock.sleep)
    with pytest.raises(ServerError, match=r"^503 .* Nothing was sent\.$") as caught:
        send(kind, api, retries=RetryPolicy(deadline=10))
    assert (caught.value.attempts, len(api.requests)) == (1, 1)


@every_client
@pytest.mark.parametrize(
    ("timeout", "first", "second"),
    [
        (httpx.Timeout(15, connect=5), (5, 10, 10, 10), (4, 4, 4, 4)),
        (httpx.Timeout(3, pool=4), (3, 3, 3, 4), (3, 3, 3, 4)),
        (None, (10, 10, 10, 10), (4, 4, 4, 4)),
    ],
    ids=["default", "short", "none"],
)
def test_timeouts_are_cut_to_what_is_left_of_the_deadline(
    kind: Kind, timeout: Any, first: tuple[float, ...], second: tuple[float, ...], clock: Clock
) -> None:
    """Ten seconds are left for the first attempt, and four for the second."""
    api = Api(busy(Retry_After="6"), answer())
    send(kind, api, timeout=timeout, retries=RetryPolicy(deadline=10))
    phases = ("connect", "read", "write", "pool")
    seen = [tuple(request.extensions["timeout"][phase] for phase in phases) for request in api.requests]
    assert seen == [first, second]
    assert clock.seconds == 1006


@every_client
@pytest.mark.parametrize(
    ("outcome", "cls", "delivery"),
    [
        (httpx.ConnectError("refused"), ConnectionFailedError, Delivery.NOT_SENT),
        (httpx.ReadTimeout("slow"), ConnectionLostError, Delivery.UNKNOWN),
    ],
)
def test_a_network_failure_is_the_cause_of_its_error(
    kind: Kind, outcome: httpx.RequestError, cls: type[MarketError], delivery: Delivery
) -> None:
    """The details of httpx are one `__cause__` away."""
    with pytest.raises(cls) as caught:
        send(kind, Api(outcome), retries=RetryPolicy.disabled())
    assert caught.value.__cause__ is outcome
    assert (caught.value.attempts, caught.value.delivery) == (1, delivery)


@every_client
def test_an_exception_that_is_not_about_the_network_is_raised_unchanged(kind: Kind) -> None:
    """A worker's time limit must end the call; a note says that the message may have been sent."""
    failure = LookupError("time is up")
    with pytest.raises(LookupError) as caught:
        send(kind, Api(busy(), failure))
    assert caught.value is failure
    assert failure.__notes__ == [SENTENCES[Delivery.UNKNOWN]]


@every_client
def test_an_unknown_outcome_is_retried_only_if_the_policy_says_so(kind: Kind) -> None:
    """By default there is one attempt; `resend_unknown` accepts a duplicate."""
    with pytest.raises(ServerError) as caught:
        send(kind, Api(answer(500)))
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)
    resend = RetryPolicy(backoff=0, resend_unknown=True)
    assert send(kind, Api(answer(500), httpx.ReadError("reset"), answer()), retries=resend).attempts == 3


@every_client
def test_a_success_that_breaks_off_is_unknown(kind: Kind) -> None:
    """Half a response does not say OK."""
    with pytest.raises(ConnectionLostError, match="ReadError: reset") as caught:
        send(kind, Api(httpx.Response(200, stream=Body(SUCCESS[:9], httpx.ReadError("reset")))))
    assert isinstance(caught.value.__cause__, httpx.ReadError)


@every_client
def test_a_refusal_that_breaks_off_is_still_a_refusal(kind: Kind) -> None:
    """The status counts; the error keeps what arrived of the body, and the failure as its cause."""
    with pytest.raises(NotFoundError) as caught:
        send(kind, Api(httpx.Response(404, stream=Body(b"<ht", b"ml>", httpx.ReadError("reset")))))
    assert (caught.value.delivery, caught.value.body) == (Delivery.NOT_SENT, b"<html>")
    assert isinstance(caught.value.__cause__, httpx.ReadError)


@every_client
def test_a_compressed_refusal_is_decompressed(kind: Kind) -> None:
    """Gateways compress their responses; the error contains the text."""
    with pytest.raises(ApiError, match="Hit rate limit of 1000") as caught:
        send(kind, Api(answer(400, gzip.compress(HOURLY), Content_Encoding="gzip")))
    assert caught.value.body == HOURLY


@every_client
def test_a_success_that_cannot_be_decompressed_is_unknown(kind: Kind) -> None:
    """The response claims to be compressed, but is not, so it does not say OK."""
    with pytest.raises(UnexpectedAnswerError) as caught:
        send(kind, Api(answer(Content_Encoding="gzip")))
    assert caught.value.delivery is Delivery.UNKNOWN


@every_client
def test_a_success_at_the_last_moment_counts(kind: Kind, clock: Clock) -> None:
    """A complete OK that arrives with the deadline proves that the message was sent."""
    assert send(kind, Api(httpx.Response(200, stream=Body(lambda: clock.sleep(60), SUCCESS)))).attempts == 1


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_task_is_cut_off_at_the_deadline(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """If no timeout ends the attempt, the deadline does; the message may have been sent by then."""
    monkeypatch.setattr(_transport, "GRACE", -60)

    async def silent(_: httpx.Request) -> None:
        await anyio.sleep_forever()

    with pytest.raises(ConnectionLostError, match=r"\(ReadTimeout: the deadline passed\)") as caught:
        send(kind, silent)
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)


@every_client
def test_a_hook_that_raises_loses_no_message(kind: Kind, caplog: pytest.LogCaptureFixture) -> None:
    """The call goes on, and the log shows the frames of the hook, and none of ours."""

    def broken(_attempt: Attempt) -> None:
        raise LookupError("no such metric")

    assert send(kind, Api(busy(), answer()), on_attempt=broken).attempts == 2
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 2
    assert caplog.text.count('raise LookupError("no such metric")') == 2
    assert "_transport.py" not in "".join(record.exc_text or "" for record in errors)
