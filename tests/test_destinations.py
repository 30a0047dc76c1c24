"""Where requests go, and what the responses show: the httpx client below the generated one."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from fault_server import FaultServer
from fault_server import answer as answers
from mock_api import SUCCESS, TOKEN, Api, Body, Kind, answer, busy, closed_url, every_client, send, use
from yandex_market_chats import (
    ApiError,
    ConnectionFailedError,
    InvalidRequestError,
    MarketChats,
    RetryPolicy,
)
from yandex_market_chats.sandbox import Sandbox

PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the proxies of the person who runs the tests."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Name a proxy in the environment that answers 403 to all requests."""
    with FaultServer([answers(403)]) as proxy:
        for name in PROXIES[:3]:
            monkeypatch.setenv(name, proxy.base_url)
        yield proxy


def below(chats: Any) -> Any:
    """Return the httpx client below the generated client."""
    if isinstance(chats, MarketChats):
        return chats.client.get_httpx_client()
    return chats.client.get_async_httpx_client()


@every_client
def test_a_response_keeps_what_the_api_said_but_not_the_token(kind: Kind) -> None:
    """Headers and the reason phrase pass through; the request that belongs to the response has no token."""
    api = Api(
        httpx.Response(
            200,
            headers={"X-Request-Id": "7"},
            stream=Body(SUCCESS),
            extensions={"reason_phrase": b"Fine"},
        )
    )
    response = use(kind, lambda chats: below(chats).post("/v2/anything"), api)
    assert (response.headers["x-request-id"], response.reason_phrase) == ("7", "Fine")
    assert response.request.url.path == "/v2/anything"
    assert TOKEN in api.requests[0].headers.values()
    assert TOKEN not in str(response.request.headers.raw)


@every_client
@pytest.mark.parametrize(
    "url", ["https://elsewhere.test/v2", "http://api.example.test/v2", "https://api.example.test:8443/v2"]
)
def test_the_credentials_are_sent_nowhere_else(kind: Kind, url: str) -> None:
    """Another host, plain HTTP and another port are refused before anything is sent."""
    api = Api()
    expected = r"^Refusing to send credentials for api\.example\.test to another host\. Nothing was sent\.$"
    with pytest.raises(InvalidRequestError, match=expected):
        use(kind, lambda chats: below(chats).post(url), api)
    assert api.requests == []


@every_client
def test_the_default_port_and_capital_letters_are_the_same_host(kind: Kind) -> None:
    """The comparison is that of URLs, not that of strings."""
    api = Api(answer())
    use(kind, lambda chats: below(chats).post("https://API.example.test:443/v2"), api)
    assert len(api.requests) == 1


@every_client
@pytest.mark.parametrize("status", [302, 303, 307])
@pytest.mark.parametrize("location", ["https://elsewhere.test/", "http://host:port/"])
def test_a_redirect_is_never_followed(kind: Kind, status: int, location: str) -> None:
    """Not even if the caller asks httpx to, and not even a `Location` that httpx cannot parse."""
    api = Api(answer(status, b"", Location=location))
    with pytest.raises(ApiError, match="a redirect is never followed") as caught:
        use(kind, lambda chats: below(chats).post("/v2/anything", follow_redirects=True), api)
    assert caught.value.headers["Location"] == location
    assert len(api.requests) == 1


@every_client
def test_a_proxy_sees_a_tunnel_and_no_token(kind: Kind, proxy: FaultServer) -> None:
    """What is sent by https goes through the proxy of the environment; a proxy's 403 is final."""
    with pytest.raises(ConnectionFailedError, match="403") as caught:
        send(kind, Api(), transport=None)
    assert caught.value.attempts == 1
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "api.example.test:443")
    assert TOKEN not in str(request.headers)


@pytest.mark.usefixtures("proxy")
@every_client
def test_no_proxy_sees_what_is_sent_to_loopback(kind: Kind) -> None:
    """Plain HTTP would show it the token."""
    with Sandbox(business_id=123456, token=TOKEN) as sandbox:
        send(kind, Api(), base_url=sandbox.base_url, transport=None)
        assert len(sandbox.messages) == 1


def test_no_proxy_is_used_for_a_host_that_the_environment_exempts(
    proxy: FaultServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`NO_PROXY` counts, as in other programs."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    base_url = closed_url().replace("http://", "https://")
    with pytest.raises(ConnectionFailedError, match="refused"):
        send("sync", Api(), base_url=base_url, transport=None, retries=RetryPolicy.disabled())
    assert proxy.requests == []


@every_client
def test_a_request_built_by_hand_is_sent_like_any_other(kind: Kind) -> None:
    """The request gets credentials, retries and timeouts, although it has none of its own."""
    api = Api(busy(), answer())
    request = httpx.Request("POST", "https://api.example.test/v2/anything")
    retries = RetryPolicy(deadline=50, backoff=0)
    response = use(kind, lambda chats: below(chats).send(request), api, retries=retries)
    assert response.status_code == 200
    for sent in api.requests:
        assert "Api-Key" in sent.headers
        assert all(0 < seconds <= 50 for seconds in sent.extensions["timeout"].values())
        assert sent.extensions["timeout"].keys() == {"connect", "read", "write", "pool"}
