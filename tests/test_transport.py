"""Transports that replace the network: what their failures mean, and what they receive."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from fault_server import FaultServer, reset
from mock_api import (
    SUCCESS,
    Api,
    Body,
    Kind,
    Outcome,
    answer,
    busy,
    closed_url,
    done,
    every_client,
    http_client,
    send,
    use,
)
from yandex_market_chats import ConnectionLostError, Delivery, MarketError

# httpx and httpcore leave the iterators of a broken exchange to the garbage collector, and trio warns.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")


def from_library(failure: httpx.TransportError) -> httpx.TransportError:
    """Chain a failure to the exception of another library, as httpx-aiohttp does."""
    failure.__cause__ = OSError("of another library")
    return failure


def in_the_body(failure: httpx.TransportError) -> httpx.Response:
    """Return a response whose body fails."""
    return httpx.Response(200, stream=Body(SUCCESS[:5], failure))


@every_client
@pytest.mark.parametrize(
    "outcome",
    [
        lambda: httpx.ReadError("lost"),
        lambda: from_library(httpx.ConnectError("lost")),
        lambda: httpx.ConnectError("refused", request=httpx.Request("POST", "https://other.example.test")),
        lambda: in_the_body(httpx.ConnectError("lost")),
    ],
    ids=["read", "other library", "other request", "body"],
)
def test_a_failure_that_may_follow_the_request_is_unknown(kind: Kind, outcome: Callable[[], Outcome]) -> None:
    """httpx-aiohttp reports a lost response as a failed connection: a retry would send twice."""
    api = Api(outcome())
    with pytest.raises(ConnectionLostError) as caught:
        send(kind, api)
    assert (caught.value.delivery, len(api.requests)) == (Delivery.UNKNOWN, 1)


@every_client
def test_a_refused_request_of_a_hook_after_the_response_is_unknown(kind: Kind) -> None:
    """A transport whose hook reports each response to a server that is down has sent the message."""
    posts = []

    def post(request: httpx.Request) -> httpx.Response:
        posts.append(request)
        httpx.post(closed_url())
        return answer()

    with pytest.raises(MarketError) as caught:
        send(kind, post)
    assert (caught.value.delivery, caught.value.attempts, len(posts)) == (Delivery.UNKNOWN, 1, 1)


class Resending(httpx.HTTPTransport):
    """A transport that retries on its own, at an address that refuses connections."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request, and again if that fails."""
        try:
            return super().handle_request(request)
        except httpx.TransportError:
            request.url = httpx.URL(closed_url())
            return super().handle_request(request)


def test_a_refused_retry_of_a_transport_after_a_lost_response_is_unknown() -> None:
    """The connection that failed is not the only one: the message was sent over the first."""
    with FaultServer([reset]) as server, pytest.raises(MarketError) as caught:
        send("sync", Api(), transport=Resending(), base_url=server.base_url)
    assert (caught.value.delivery, caught.value.attempts, server.posts) == (Delivery.UNKNOWN, 1, 1)


def test_the_trace_of_the_caller_is_kept() -> None:
    """A program that traces its requests through `chats.client` still sees the events."""
    events = []

    def post(chats: Any) -> Any:
        trace = {"trace": lambda name, _: events.append(name)}
        return http_client(chats).post("/v2", extensions=trace)

    with FaultServer() as server:
        use("sync", post, Api(), transport=None, base_url=server.base_url)
    assert "http11.receive_response_headers.complete" in events


@every_client
def test_a_request_can_be_sent_again(kind: Kind) -> None:
    """A call leaves the request as it was: its shorter timeouts and its trace belong to the attempts."""
    api = Api(httpx.ConnectError("refused"), answer(), answer())

    async def action(chats: Any) -> dict[str, Any]:
        http = http_client(chats)
        request = http.build_request("POST", "/v2", extensions={"timeout": {"read": 600.0}})
        for _ in range(2):
            await done(http.send(request))
        extensions: dict[str, Any] = request.extensions
        return extensions

    assert use(kind, action, api) == {"timeout": {"read": 600.0}}


@every_client
def test_a_stream_that_cannot_be_rewound_is_sent_whole_again(kind: Kind) -> None:
    """A file that is read from a pipe must not be empty in the second attempt."""

    def parts() -> Iterator[bytes]:
        yield from (b"first ", b"second")

    async def async_parts() -> Any:
        for part in parts():
            yield part

    api = Api(busy(), answer())
    content = parts() if kind == "sync" else async_parts()
    use(kind, lambda chats: http_client(chats).post("/v2", content=content), api)
    assert [request.content for request in api.requests] == [b"first second"] * 2
