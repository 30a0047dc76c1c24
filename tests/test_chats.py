"""A message on its way through `MarketChats` and `AsyncMarketChats`: what is sent, waited for and raised."""

import asyncio
import gzip
import ssl
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
import sniffio

from calls import HOURLY, NOW, Clock
from mock_api import SUCCESS, TEXT, Api, Body, Kind, answer, every_client, send, settings
from yandex_market_chats import (
    ApiError,
    AsyncMarketChats,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketError,
    NotFoundError,
    RateLimit,
    RateLimitError,
    RetryPolicy,
    SentMessage,
    ServerError,
    __version__,
    _exchange,
    _http,
)
from yandex_market_chats._policy import Call

LIMIT: dict[str, Any] = {"X_RateLimit_Resource_Limit": "1000", "X_RateLimit_Resource_Remaining": "998"}
UNTIL = "Sun, 22 Nov 2026 12:00:25 GMT"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let the calls go by a clock that only waits move."""
    clock = Clock()

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr(_exchange, "Call", partial(Call, clock=clock, now=lambda: NOW))
    monkeypatch.setattr("time.sleep", clock.sleep)
    monkeypatch.setattr(anyio, "sleep", sleep)
    return clock


@every_client
def test_a_message_is_sent_as_the_contract_says(kind: Kind) -> None:
    """The text arrives as it is; the connection is not kept, and the package names itself."""
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
def test_a_sent_message_tells_its_attempts_and_the_limit(kind: Kind) -> None:
    """The limit is what the last answer said."""
    sent = send(kind, Api(answer(503), answer(503), answer(**LIMIT, X_RateLimit_Resource_Until=UNTIL)))
    assert sent == SentMessage(3, RateLimit(1000, 998, NOW.replace(second=25)))


@every_client
def test_every_attempt_sends_the_same_request(kind: Kind) -> None:
    """A repeat is a repeat, and after it nothing of the earlier answer is left."""
    api = Api(httpx.ConnectError("refused"), answer(503, **LIMIT), answer())
    assert send(kind, api) == SentMessage(3, None)
    first, second, third = api.requests
    for request in (second, third):
        assert (request.method, request.url, request.content) == (first.method, first.url, first.content)
        assert request.headers == first.headers


def test_sniffio_is_told_what_runs_only_while_an_attempt_lasts() -> None:
    """What a worker thread of the caller's inherits must not say that it runs asyncio."""
    running = sniffio.current_async_library_cvar
    seen = []

    def api(_: httpx.Request) -> httpx.Response:
        seen.append(running.get())
        return answer()

    async def main() -> None:
        async with AsyncMarketChats(**settings(api)) as chats:
            seen.append(running.get())
            await chats.send_message(chat_id=42, message=TEXT)
            seen.append(running.get())

    asyncio.run(main())
    assert seen == [None, "asyncio", None]


@every_client
def test_waits_are_waited(kind: Kind, clock: Clock) -> None:
    """The clients sleep for as long as the policy says, and no longer than the deadline allows."""
    api = Api(answer(503, Retry_After="7"), answer(420, HOURLY, X_RateLimit_Resource_Until=UNTIL), answer())
    assert send(kind, api).attempts == 3
    assert clock.seconds == 1000 + 7 + 25


@every_client
def test_a_wait_past_the_deadline_is_not_begun(kind: Kind, clock: Clock) -> None:
    """The error comes at once and says until when the limit holds."""
    api = Api(answer(420, HOURLY, X_RateLimit_Resource_Until=UNTIL))
    with pytest.raises(RateLimitError, match="try again after 2026-11-22 12:00:25 UTC") as caught:
        send(kind, api, retries=RetryPolicy(deadline=25))
    assert caught.value.until == NOW.replace(second=25)
    assert (caught.value.attempts, clock.seconds) == (1, 1000)


@every_client
def test_a_wait_that_a_hook_made_too_long_is_not_begun(kind: Kind, clock: Clock) -> None:
    """It fitted when the attempt was judged, and would cross the deadline now."""
    with pytest.raises(ServerError) as caught:
        send(
            kind,
            Api(answer(503, Retry_After="8")),
            retries=RetryPolicy(deadline=10),
            on_attempt=lambda _: clock.sleep(1),
        )
    assert (caught.value.attempts, clock.seconds) == (1, 1001)


@every_client
def test_an_attempt_that_a_wait_made_too_late_is_not_begun(
    kind: Kind, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine can be suspended in it. What raises is the attempt before, which has sent nothing."""
    api = Api(answer(503))
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
        (20, (10, 10, 10, 10), (4, 4, 4, 4)),
        (httpx.Timeout(None), (10, 10, 10, 10), (4, 4, 4, 4)),
    ],
    ids=["default", "short", "long", "none"],
)
def test_time_outs_are_cut_to_what_is_left_of_the_deadline(
    kind: Kind, timeout: Any, first: tuple[float, ...], second: tuple[float, ...], clock: Clock
) -> None:
    """Ten seconds are left for the first attempt and four for the second."""
    api = Api(answer(503, Retry_After="6"), answer())
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
        (httpx.RemoteProtocolError("closed"), ConnectionLostError, Delivery.UNKNOWN),
    ],
)
def test_a_failure_is_the_cause_of_its_error(
    kind: Kind, outcome: httpx.RequestError, cls: type[MarketError], delivery: Delivery
) -> None:
    """What httpx said is chained."""
    with pytest.raises(cls) as caught:
        send(kind, Api(outcome), retries=RetryPolicy.disabled())
    assert caught.value.__cause__ is outcome
    assert (caught.value.attempts, caught.value.delivery) == (1, delivery)


@every_client
@pytest.mark.parametrize(
    "failure", [ssl.SSLError("bad record"), LookupError("bad record")], ids=["of the system", "of a library"]
)
def test_an_exception_that_is_not_of_httpx_is_unknown_and_the_cause(kind: Kind, failure: Exception) -> None:
    """It may come after the request: an `ssl.SSLError` comes through httpcore and anyio as it is."""
    with pytest.raises(ConnectionLostError, match=r"Error: .*bad record") as caught:
        send(kind, Api(failure))
    assert caught.value.__cause__ is failure
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)


@every_client
def test_what_ended_an_answer_knows_the_request(kind: Kind) -> None:
    """Whoever handles the cause can ask it for the request, as after any error of httpx."""
    with pytest.raises(ConnectionLostError) as caught:
        send(kind, Api(httpx.Response(200, stream=Body(b"{", httpx.ReadError("reset")))))
    assert isinstance(caught.value.__cause__, httpx.RequestError)
    assert caught.value.__cause__.request.url.path == "/v2/businesses/123456/chats/message"


@every_client
def test_unknown_is_repeated_on_the_callers_word_alone(kind: Kind) -> None:
    """By default there is one attempt; with `resend_unknown` the message goes out again."""
    with pytest.raises(ServerError) as caught:
        send(kind, Api(answer(500)))
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)
    resend = RetryPolicy(backoff=0, resend_unknown=True)
    assert send(kind, Api(answer(500), httpx.ReadError("reset"), answer()), retries=resend).attempts == 3


@every_client
def test_a_success_that_breaks_off_is_unknown(kind: Kind) -> None:
    """Half of an answer is none."""
    with pytest.raises(ConnectionLostError, match="ReadError: reset") as caught:
        send(kind, Api(httpx.Response(200, stream=Body(SUCCESS[:9], httpx.ReadError("reset")))))
    assert isinstance(caught.value.__cause__, httpx.ReadError)


@every_client
def test_a_refusal_that_breaks_off_is_still_a_refusal(kind: Kind) -> None:
    """The status had come; what broke the body off is the cause."""
    with pytest.raises(NotFoundError) as caught:
        send(kind, Api(httpx.Response(404, stream=Body(b"<ht", b"ml>", httpx.ReadError("reset")))))
    assert (caught.value.delivery, caught.value.body) == (Delivery.NOT_SENT, b"")
    assert isinstance(caught.value.__cause__, httpx.ReadError)


@every_client
def test_a_packed_refusal_is_unpacked(kind: Kind) -> None:
    """Gateways pack their answers; the error has what was in them."""
    with pytest.raises(ApiError, match="Hit rate limit of 1000") as caught:
        send(kind, Api(answer(400, gzip.compress(HOURLY), Content_Encoding="gzip")))
    assert caught.value.body == HOURLY


@every_client
def test_an_answer_that_comes_at_the_last_moment_counts(kind: Kind, clock: Clock) -> None:
    """What says that the message was sent is not thrown away because it is late."""
    assert send(kind, Api(httpx.Response(200, stream=Body(lambda: clock.sleep(60), SUCCESS)))).attempts == 1


@pytest.mark.filterwarnings("ignore:Async generator:ResourceWarning")  # httpx leaves it to trio
@every_client
def test_an_answer_that_cannot_be_decoded_is_unknown(kind: Kind) -> None:
    """It says that it is packed, and is not."""
    with pytest.raises(ConnectionLostError, match="DecodingError"):
        send(kind, Api(answer(Content_Encoding="gzip")))


@pytest.mark.parametrize("kind", ["asyncio", "trio"])
def test_a_task_that_is_cut_off_at_the_deadline_says_so(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no time-out ends the attempt, the deadline does; the message may have been sent by then."""
    monkeypatch.setattr(_http, "GRACE", -60)

    async def silent(_: httpx.Request) -> None:
        await anyio.sleep_forever()

    with pytest.raises(ConnectionLostError, match=r"\(ReadTimeout: the deadline has passed\)") as caught:
        send(kind, silent)
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)
