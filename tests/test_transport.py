"""Transports of the user's, exceptions that are not httpx's, and sockets that end with their attempt."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import httpx
import pytest

from fault_server import FaultServer, answer, ca_file, reset
from mock_api import (
    SUCCESS,
    TOKEN,
    Api,
    Body,
    Kind,
    closed_url,
    envelope,
    every_client,
    send,
    use,
)
from mock_api import answer as response
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    Attempt,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    MarketChats,
    MarketError,
    RetryPolicy,
    _transport,
)

NOTHING_SENT = "Nothing was sent."
IN_DOUBT = "The message may have been sent: check the chat before sending it again."
SENT = "The message was sent."

# httpx and httpcore leave the iterators of a broken exchange to the garbage collector, and trio warns.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


class TimeLimit(Exception):  # noqa: N818 -- named like those of task queues
    """The exception that a worker raises, at any line, in a task that takes too long."""


def limit(*_: object, **__: object) -> Any:
    """Raise the exception of the worker."""
    raise TimeLimit


async def limit_task(*_: object, **__: object) -> Any:
    """Raise the exception of the worker in a task."""
    raise TimeLimit


def notes(action: Callable[[], object], kind: type[BaseException] = TimeLimit) -> list[str]:
    """Return the notes on the exception that reaches the caller."""
    with pytest.raises(kind) as caught:
        action()
    return getattr(caught.value, "__notes__", [])


def failed(action: Callable[[], object]) -> MarketError:
    """Return the error that an action raises."""
    with pytest.raises(MarketError) as caught:
        action()
    return caught.value


# Transports of the user's


def from_library(failure: httpx.TransportError) -> httpx.TransportError:
    """Chain a failure to the exception of another library, as httpx-aiohttp does."""
    failure.__cause__ = OSError("of another library")
    return failure


@every_client
def test_transport_that_fails_to_connect_is_retried(kind: Kind) -> None:
    """The `ConnectError` that a transport raises itself is about its own connection."""
    api = Api(httpx.ConnectError("refused"), response())
    assert send(kind, api).attempts == 2


@every_client
@pytest.mark.parametrize(
    "failure",
    [
        httpx.ReadError("lost"),
        from_library(httpx.ConnectError("lost")),
        from_library(httpx.ConnectTimeout("lost")),
        httpx.ConnectError("refused", request=httpx.Request("POST", "https://other.example.test")),
    ],
    ids=["read", "other library", "other library's timeout", "other request"],
)
def test_failure_that_may_follow_the_request_is_unknown(kind: Kind, failure: Exception) -> None:
    """httpx-aiohttp calls a lost response a failed connection: retrying it would send twice."""
    api = Api(failure)
    error = failed(lambda: send(kind, api))
    assert (type(error), error.delivery, len(api.requests)) == (ConnectionLostError, Delivery.UNKNOWN, 1)


@every_client
def test_refused_call_of_a_hook_after_the_response_is_unknown(kind: Kind) -> None:
    """A transport whose hook reports each response to a dead server has sent the message."""
    posts = []

    def post(request: httpx.Request) -> httpx.Response:
        posts.append(request)
        httpx.post(closed_url())
        return response()

    error = failed(lambda: send(kind, post))
    assert (error.delivery, error.attempts, len(posts)) == (Delivery.UNKNOWN, 1, 1)


class Resending(httpx.HTTPTransport):
    """A transport that retries on its own, at an address that refuses connections."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, and again if that fails."""
        try:
            return super().handle_request(request)
        except httpx.TransportError:
            request.url = httpx.URL(closed_url())
            return super().handle_request(request)


def test_refused_retry_of_a_transport_after_a_lost_response_is_unknown() -> None:
    """The connection that failed last is not the only one: the message left over the first."""
    with FaultServer([reset]) as server:
        error = failed(lambda: send("sync", limit, transport=Resending(), base_url=server.base_url))
    assert (error.delivery, error.attempts, server.posts) == (Delivery.UNKNOWN, 1, 1)


class Counting(httpx.MockTransport):
    """A transport that counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


@every_client
def test_transport_of_the_user_is_closed_once(kind: Kind) -> None:
    """A view over the same connections must not close them, nor must closing twice break the transport."""
    transport = Counting(Api(response(), response()))

    async def close_async(chats: AsyncMarketChats) -> None:
        async with chats.with_options(timeout=1) as view:
            await view.send_message(chat_id=1, message="of the view")
        await chats.send_message(chat_id=1, message="of the client")
        assert transport.closed == 0
        await chats.aclose()

    def close(chats: MarketChats) -> None:
        with chats.with_options(timeout=1) as view:
            view.send_message(chat_id=1, message="of the view")
        chats.send_message(chat_id=1, message="of the client")
        assert transport.closed == 0
        chats.close()

    use(kind, close if kind == "sync" else close_async, limit, transport=transport)
    assert transport.closed == 1


def test_trace_of_the_caller_is_kept() -> None:
    """A program that traces its requests through `chats.client` still sees the events."""
    events = []
    with (
        FaultServer() as server,
        MarketChats(business_id=1, auth=ApiKey(TOKEN), base_url=server.base_url) as chats,
    ):
        http = chats.client.get_httpx_client()
        http.post("/v2", extensions={"trace": lambda name, _: events.append(name)})
    assert "http11.receive_response_headers.complete" in events


@every_client
def test_stream_that_cannot_be_rewound_is_sent_whole_again(kind: Kind) -> None:
    """A file that is read from a pipe must not be empty in the second attempt."""

    def parts() -> Iterator[bytes]:
        yield from (b"first ", b"second")

    async def async_parts() -> Any:
        for part in parts():
            yield part

    def post(chats: Any) -> Any:
        if kind == "sync":
            return chats.client.get_httpx_client().post("/v2", content=parts())
        return chats.client.get_async_httpx_client().post("/v2", content=async_parts())

    api = Api(response(503, envelope("no")), response())
    use(kind, post, api)
    assert [request.content for request in api.requests] == [b"first second"] * 2


# Exceptions that are not httpx's


@every_client
def test_note_of_an_interrupted_token_callable(kind: Kind) -> None:
    """Nothing leaves before the token is known."""
    assert notes(lambda: send(kind, Api(), auth=ApiKey(limit))) == [NOTHING_SENT]


@every_client
def test_httpx_error_of_a_token_callable_is_not_retried(kind: Kind) -> None:
    """An error of the server that issues tokens is not one of the API, although it looks the same."""

    def ask_for_token() -> str:
        raise httpx.ConnectError("no server for tokens")

    assert notes(lambda: send(kind, Api(), auth=ApiKey(ask_for_token)), httpx.ConnectError) == [NOTHING_SENT]


@every_client
def test_note_of_a_token_callable_that_is_interrupted_after_a_lost_response(kind: Kind) -> None:
    """The first attempt may have sent the message, whatever happens in the second."""
    api = Api(httpx.ReadError("lost"))

    def token() -> str:
        return limit() if api.requests else TOKEN

    retries = RetryPolicy(backoff=0, resend_unknown=True)
    assert notes(lambda: send(kind, api, auth=ApiKey(token), retries=retries)) == [IN_DOUBT]


class Interrupted:
    """Limits that a worker's exception interrupts."""

    take = limit

    def give_back(self, *_: object) -> None:
        """Do nothing."""


@every_client
def test_note_of_interrupted_limits(kind: Kind) -> None:
    """Nothing leaves before the limits allow it."""
    assert notes(lambda: send(kind, Api(), limits=Interrupted())) == [NOTHING_SENT]


@every_client
def test_note_of_an_interrupted_connection(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network reports that it connects, so the request has not left."""
    monkeypatch.setattr("socket.create_connection", limit)
    monkeypatch.setattr("anyio.connect_tcp", limit_task)
    monkeypatch.setattr("trio.open_tcp_stream", limit_task)
    assert notes(lambda: send(kind, Api(), transport=None, base_url=closed_url())) == [NOTHING_SENT]


@every_client
def test_note_of_an_interrupted_transport_without_trace(kind: Kind) -> None:
    """A transport that reports nothing may have sent the request."""
    assert notes(lambda: send(kind, limit)) == [IN_DOUBT]


@every_client
def test_note_of_an_interrupted_body(kind: Kind) -> None:
    """The API received the request: its response started."""
    api = Api(httpx.Response(200, stream=Body(SUCCESS[:5], limit)))
    assert notes(lambda: send(kind, api)) == [IN_DOUBT]


@every_client
@pytest.mark.parametrize(
    ("outcome", "note"), [(response(), SENT), (response(404), NOTHING_SENT), (response(500), IN_DOUBT)]
)
def test_note_of_an_interrupted_hook(kind: Kind, outcome: httpx.Response, note: str) -> None:
    """The hook runs after the attempt, whose outcome is known."""

    def interrupt(_: Attempt) -> None:
        raise KeyboardInterrupt

    outcome = httpx.Response(outcome.status_code, content=SUCCESS)
    assert notes(lambda: send(kind, Api(outcome), on_attempt=interrupt), KeyboardInterrupt) == [note]


@every_client
def test_note_of_an_interrupted_wait(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that waits for its retry has sent nothing."""
    monkeypatch.setattr("time.sleep", limit)
    monkeypatch.setattr("anyio.sleep", limit_task)
    api = Api(response(429, Retry_After="2"))
    assert notes(lambda: send(kind, api)) == [NOTHING_SENT]


@every_client
def test_note_of_an_interrupted_stream(kind: Kind) -> None:
    """The content of a request is read before the first attempt."""

    async def broken() -> Any:
        yield b"part"
        raise TimeLimit

    def post(chats: Any) -> Any:
        if kind == "sync":
            return chats.client.get_httpx_client().post("/v2", content=map(limit, [b"part"]))
        return chats.client.get_async_httpx_client().post("/v2", content=broken())

    assert notes(lambda: use(kind, post, Api())) == [NOTHING_SENT]


@every_client
def test_read_has_no_note(kind: Kind) -> None:
    """A note about a message would be wrong on a call that sends none."""

    def get(chats: Any) -> Any:
        http = chats.client.get_httpx_client() if kind == "sync" else chats.client.get_async_httpx_client()
        return http.get("/v2")

    assert notes(lambda: use(kind, get, limit)) == []


# Sockets


ONE_LEFT = {
    "Date": "Thu, 10 Jul 2018 00:42:40 GMT",
    "X-RateLimit-Resource-Remaining": "1",
    "X-RateLimit-Resource-Until": "Thu, 10 Jul 2018 01:42:40 GMT",
}
"""The end of an hour, at which a call that the limits still count as in flight keeps others from sending."""

Cancel = Callable[[Callable[[], Awaitable[object]], int], Awaitable[None]]


async def cancel_natively(send: Callable[[], Any], steps: int) -> None:
    """Cancel a task of asyncio after a number of steps of the event loop."""
    task = asyncio.ensure_future(send())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def cancel_twice(send: Callable[[], Any], steps: int) -> None:
    """Cancel a task of asyncio again while it cleans up."""
    task = asyncio.ensure_future(send())
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])


async def cancel_scope(send: Callable[[], Any], steps: int) -> None:
    """Cancel a scope of anyio after a number of steps of the event loop."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(send)
        for _ in range(steps):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


async def cancel_at_each_step(cancel: Cancel, *, tls: bool) -> None:
    """Cancel calls ever later, and check what they left behind."""
    ends: dict[str, list[str]] = {}
    with ExitStack() as stack:
        server = stack.enter_context(FaultServer([answer(200, headers=ONE_LEFT)], tls=tls))
        chats = AsyncMarketChats(
            business_id=1,
            auth=ApiKey(TOKEN),
            base_url=server.base_url,
            retries=RetryPolicy(deadline=5),
            max_parallel=1,
        )
        for steps in range(150):

            async def send(text: str = f"message {steps}") -> None:
                try:
                    await chats.send_message(chat_id=1, message=text)
                except BaseException as error:
                    for note in getattr(error, "__notes__", ["no note"]):
                        ends.setdefault(note, []).append(text)
                    raise

            await cancel(send, steps)
        await chats.send_message(chat_id=1, message="last")
        # In a thread, because the event loop must go on to close sockets. It fails if one is left open.
        await anyio.to_thread.run_sync(stack.pop_all().close)
    assert {NOTHING_SENT} <= set(ends) <= {NOTHING_SENT, IN_DOUBT}
    assert not set(ends[NOTHING_SENT]) & set(server.messages)
    assert len(server.messages) == len({*server.messages})
    assert "last" in server.messages


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])
@pytest.mark.parametrize(
    ("cancel", "backend"),
    [
        (cancel_natively, "asyncio"),
        (cancel_twice, "asyncio"),
        (cancel_scope, "asyncio"),
        (cancel_scope, "trio"),
    ],
    ids=["native", "native twice", "anyio", "trio"],
)
def test_cancelled_call_leaves_no_socket_no_slot_and_no_false_note(
    cancel: Cancel, backend: str, monkeypatch: pytest.MonkeyPatch, *, tls: bool
) -> None:
    """Without care a cancelled TLS handshake leaks its socket, until a long-running program has none left."""
    with ca_file() as path:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        anyio.run(lambda: cancel_at_each_step(cancel, tls=tls), backend=backend)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_call_that_is_cut_off_while_it_connects_sent_nothing(
    backend: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The deadline of a task can end an attempt before httpx's own timeout, which would name the phase."""

    async def connect(*_: object, **__: object) -> None:
        await anyio.sleep_forever()

    monkeypatch.setattr(_transport, "GRACE", -59.9)
    monkeypatch.setattr("anyio.connect_tcp", connect)
    monkeypatch.setattr("trio.open_tcp_stream", connect)
    error = failed(
        lambda: send(backend, limit, transport=None, base_url=closed_url(), retries=RetryPolicy.disabled())
    )
    assert (type(error), error.delivery) == (ConnectionFailedError, Delivery.NOT_SENT)
    assert "(ReadTimeout: the deadline passed)" in str(error)
