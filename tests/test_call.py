"""One call, attempt by attempt: its request, responses, trace events, and the notes on foreign exceptions."""

import gzip
import zlib
from types import SimpleNamespace
from typing import Any

import anyio
import httpx
import pytest

from calls import RESEND, attempt, make_call, make_request, raised
from mock_api import OVERLOADED, SUCCESS, Body, Outcome, answer, envelope
from yandex_market_chats import (
    AnswerError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    OAuthToken,
)
from yandex_market_chats._errors import SENTENCES
from yandex_market_chats._exchange import MAX_BODY, Exchange
from yandex_market_chats._retry import Call

CONNECTING = ("connection.connect_tcp.started", "connection.start_tls.started")
LEAVING = (*CONNECTING, "http11.send_request_headers.started")


def answer_error(outcome: Outcome) -> AnswerError:
    """Return the error of a call whose only attempt was answered."""
    call = make_call()
    assert attempt(call, outcome) is None
    error = raised(call)
    assert isinstance(error, AnswerError)
    return error


def notes(call: Call) -> list[str]:
    """Return the notes on an exception that ends a call."""
    with pytest.raises(KeyboardInterrupt) as caught, call:
        raise KeyboardInterrupt
    return getattr(caught.value, "__notes__", [])


# Requests and responses.


def test_the_token_is_on_the_request_during_the_call_only() -> None:
    """The request outlives the call, in errors and logs."""
    request = make_request()
    with make_call(request=request, auth=OAuthToken("secret")) as call:
        call.start(Exchange.trace)
        assert request.headers["Authorization"] == "Bearer secret"
    assert "Authorization" not in request.headers


def test_a_success_reports_its_attempts_and_limit() -> None:
    """The client returns both to the caller, and keeps the extensions of the network."""
    call = make_call()
    attempt(call, answer(503, OVERLOADED))
    response = answer(200, SUCCESS, X_RateLimit_Resource_Remaining="7", X_Other="kept")
    response.extensions = {"http_version": b"HTTP/1.1"}
    assert attempt(call, response) is None
    result = call.answer()
    assert (result.status_code, result.read(), result.headers["X-Other"]) == (200, SUCCESS, "kept")
    assert (result.extensions["attempts"], result.extensions["http_version"]) == (2, b"HTTP/1.1")
    assert result.extensions["rate_limit"].remaining == 7


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("Identity", bytes), ("", bytes)],
)
def test_a_body_is_decoded(encoding: str, encode: Any) -> None:
    """The layers above see a plain body, and no header that says otherwise."""
    call = make_call()
    assert attempt(call, answer(200, encode(SUCCESS), Content_Encoding=encoding)) is None
    result = call.answer()
    assert result.read() == SUCCESS
    assert "Content-Encoding" not in result.headers
    error = answer_error(answer(404, encode(envelope("No chat")), Content_Encoding=encoding))
    assert error.body == envelope("No chat")


def test_a_response_that_cannot_be_decoded_is_judged_by_its_status() -> None:
    """A refusal does not depend on its body, and a success cannot be proved without one."""
    for status, delivery in ((200, Delivery.UNKNOWN), (404, Delivery.NOT_SENT)):
        error = answer_error(answer(status, b"garbage", Content_Encoding="gzip"))
        assert (error.delivery, error.body) == (delivery, b"")


def test_a_body_is_read_and_decoded_up_to_its_maximum() -> None:
    """A response without an end must not fill the memory, whether compressed or not."""
    exchange = make_call().start(Exchange.trace)
    assert [exchange.reads_on(bytes(MAX_BODY - 1)), exchange.reads_on(b"1")] == [True, False]
    bomb = gzip.compress(bytes(MAX_BODY + 1))
    assert len(answer_error(answer(502, bomb, Content_Encoding="gzip")).body) == MAX_BODY


def test_an_attempt_forgets_the_body_of_the_one_before() -> None:
    """The end of a refusal must not spoil the success that follows it."""
    call = make_call()
    attempt(call, answer(503, OVERLOADED))
    attempt(call, answer())
    assert call.answer().read() == SUCCESS


def test_a_success_that_breaks_off_is_a_lost_connection() -> None:
    """A partial response does not say OK, and the request had left, no matter which error is reported."""
    for failure in (httpx.ReadError("cut"), httpx.ConnectError("cut")):
        call = make_call()
        assert attempt(call, httpx.Response(200, stream=Body(SUCCESS[:9], failure))) is None
        error = raised(call)
        assert (type(error), error.delivery) == (ConnectionLostError, Delivery.UNKNOWN)


def test_a_refusal_that_breaks_off_is_still_a_refusal() -> None:
    """The status arrived, so it counts; the error keeps what arrived of the body, and the cause."""
    cut = httpx.ReadError("cut")
    error = answer_error(httpx.Response(404, stream=Body(b'{"errors"', b": [", cut)))
    assert (error.delivery, error.body) == (Delivery.NOT_SENT, b'{"errors": [')
    assert error.__cause__ is cut


# What the trace of an attempt says.


def test_the_request_asks_for_trace_events_until_it_leaves() -> None:
    """Each further event would cost time; a retry needs them again."""
    call = make_call()
    for _ in range(2):
        exchange = call.start(Exchange.trace)
        assert "trace" in call.request.extensions
        exchange.trace("http11.send_request_headers.started", {})
        assert "trace" not in call.request.extensions


def test_a_failure_while_connecting_sent_nothing() -> None:
    """TLS and proxies fail with errors that would otherwise count as a lost response."""
    call = make_call()
    assert attempt(call, httpx.ReadError("reset"), events=CONNECTING) == 0.5
    assert type(raised(call)) is ConnectionFailedError


@pytest.mark.parametrize("event", ["http11.send_request_headers.started", "http3.new.started"])
def test_a_failure_after_any_other_event_is_unknown(event: str) -> None:
    """An event that is not known to be part of connecting counts as the request leaving."""
    for later in ((), ("connection.connect_tcp.started",)):
        call = make_call()
        assert attempt(call, httpx.ConnectError(""), events=(*CONNECTING, event, *later)) is None
        assert type(raised(call)) is ConnectionLostError


def test_events_say_nothing_about_the_next_attempt() -> None:
    """A second attempt may fail to connect after a first one that was sent and refused."""
    call = make_call()
    attempt(call, answer(503, OVERLOADED), events=LEAVING)
    assert attempt(call, httpx.ConnectError("")) == 1.0


def test_only_the_start_of_an_event_counts() -> None:
    """The end of an event says nothing about the request."""
    events = ["http11.send_request_headers.complete"]
    assert attempt(make_call(), httpx.ConnectError(""), events=events) == 0.5


def test_a_request_to_the_proxy_is_not_the_request() -> None:
    """Neither CONNECT nor closing the connection on which it failed carries a message."""
    call = make_call()
    exchange = call.start(Exchange.trace)
    exchange.trace("http11.send_request_headers.started", {"request": SimpleNamespace(method=b"CONNECT")})
    exchange.trace("http11.response_closed.started", {})
    exchange.failed(httpx.ReadError("reset"))
    assert call.judge(exchange).wait == 0.5


def test_a_new_connection_is_stored() -> None:
    """The transport closes the socket of a task that is cancelled while it connects."""
    exchange, connection = make_call().start(Exchange.trace), object()
    assert exchange.connection is None
    exchange.trace("connection.connect_tcp.complete", {"return_value": connection})
    assert exchange.connection is connection


def test_async_events_count_like_sync_ones() -> None:
    """In a task, httpcore awaits the trace function."""
    call = make_call()
    exchange = call.start(Exchange.trace)
    anyio.run(exchange.atrace, "connection.connect_tcp.started", {})
    exchange.failed(httpx.ReadError("reset"))
    assert call.judge(exchange).wait == 0.5


# Exceptions that are not ours.


@pytest.mark.parametrize(
    ("events", "delivery"),
    [
        (None, Delivery.NOT_SENT),
        (CONNECTING, Delivery.NOT_SENT),
        ((), Delivery.UNKNOWN),
        (LEAVING, Delivery.UNKNOWN),
    ],
    ids=["not started", "connecting", "without a trace", "leaving"],
)
def test_another_exception_gets_a_note(events: tuple[str, ...] | None, delivery: Delivery) -> None:
    """An exception that is not ours has no `delivery`, so its note says whether the message was sent."""
    call = make_call()
    if events is not None:
        exchange = call.start(Exchange.trace)
        for event in events:
            exchange.trace(event, {})
    assert notes(call) == [SENTENCES[delivery]]


@pytest.mark.parametrize(("events", "delivery"), [(CONNECTING, Delivery.NOT_SENT), ((), Delivery.UNKNOWN)])
def test_an_error_of_ours_that_a_transport_raises_claims_no_more_than_is_known(
    events: tuple[str, ...], delivery: Delivery
) -> None:
    """The journal sends a row again if the error of its call says that nothing was sent."""
    error = ConfigurationError("of a transport that may have sent the request")
    call = make_call()
    exchange = call.start(Exchange.trace)
    for event in events:
        exchange.trace(event, {})
    with pytest.raises(ConfigurationError), call:
        raise error
    assert error.delivery is delivery


def test_an_exception_between_attempts_gets_the_note_of_the_attempts() -> None:
    """An interrupted wait sends nothing, but an earlier attempt may have."""
    for outcome, delivery in (
        (answer(503, OVERLOADED), Delivery.NOT_SENT),
        (httpx.ReadError(""), Delivery.UNKNOWN),
    ):
        call = make_call(RESEND)
        attempt(call, outcome)
        assert notes(call) == [SENTENCES[delivery]]


def test_an_exception_after_the_success_gets_a_note_that_says_so() -> None:
    """A hook that is interrupted must not make the caller send the message again."""
    call = make_call()
    attempt(call, answer())
    assert notes(call) == ["The message was sent."]


def test_a_repeatable_request_gets_no_note() -> None:
    """An interrupted read sent no message, so there is nothing to say."""
    call = make_call(request=make_request(repeatable=True))
    call.start(Exchange.trace)
    assert notes(call) == []


def test_our_own_errors_get_no_note() -> None:
    """The text of the error says already whether the message was sent."""
    call = make_call()
    attempt(call, answer(400, b""))
    error = raised(call)
    with pytest.raises(type(error)), call:
        raise error
    assert not hasattr(error, "__notes__")
