"""Where requests go: hosts, redirects, proxies and certificates; and what comes back besides the body."""

from collections.abc import Iterator

import httpx
import pytest

from fault_server import FaultServer
from fault_server import answer as answers
from mock_api import (
    SUCCESS,
    TEXT,
    TOKEN,
    Api,
    Body,
    Kind,
    answer,
    busy,
    closed_url,
    done,
    every_client,
    http_client,
    send,
    use,
)
from yandex_market_chats import (
    ApiError,
    AsyncMarketChats,
    ConfigurationError,
    ConnectionFailedError,
    InvalidRequestError,
    MarketChats,
    RetryPolicy,
)
from yandex_market_chats._settings import transport_options
from yandex_market_chats.sandbox import Sandbox

URL = httpx.URL("https://api.example.test")
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the developer's own proxies from the environment."""
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


# Hosts and redirects.


@every_client
@pytest.mark.parametrize(
    "url", ["https://elsewhere.test/v2", "http://api.example.test/v2", "https://api.example.test:8443/v2"]
)
def test_the_credentials_are_sent_nowhere_else(kind: Kind, url: str) -> None:
    """Another host, plain HTTP and another port are refused before anything is sent."""
    api = Api()
    expected = r"^Refusing to send credentials for api\.example\.test to another host\. Nothing was sent\.$"
    with pytest.raises(InvalidRequestError, match=expected):
        use(kind, lambda chats: http_client(chats).post(url), api)
    assert api.requests == []


def test_the_default_port_and_capital_letters_are_the_same_host() -> None:
    """URLs are compared, not strings."""
    api = Api(answer())
    use("sync", lambda chats: http_client(chats).post("https://API.example.test:443/v2"), api)
    assert len(api.requests) == 1


@every_client
@pytest.mark.parametrize("location", ["https://elsewhere.test/", "http://host:port/"])
def test_a_redirect_is_never_followed(kind: Kind, location: str) -> None:
    """The error is the same if the caller asks httpx to follow, and for a `Location` that httpx rejects."""
    api = Api(answer(307, b"", Location=location))
    with pytest.raises(ApiError, match="a redirect is never followed") as caught:
        use(kind, lambda chats: http_client(chats).post("/v2/anything", follow_redirects=True), api)
    assert caught.value.headers["Location"] == location
    assert len(api.requests) == 1


# The httpx client below the generated one.


@every_client
def test_a_request_built_by_hand_is_sent_like_any_other(kind: Kind) -> None:
    """The request gets the client's credentials, retries and timeouts."""
    api = Api(busy(), answer())
    request = httpx.Request("POST", "https://api.example.test/v2/anything")
    retries = RetryPolicy(deadline=50, backoff=0)
    response = use(kind, lambda chats: http_client(chats).send(request), api, retries=retries)
    assert response.status_code == 200
    for sent in api.requests:
        assert "Api-Key" in sent.headers
        assert all(0 < seconds <= 50 for seconds in sent.extensions["timeout"].values())
        assert sent.extensions["timeout"].keys() == {"connect", "read", "write", "pool"}


@every_client
def test_a_response_keeps_what_the_api_said_but_not_the_token(kind: Kind) -> None:
    """Headers and the reason phrase pass through; the request of the response has no token."""
    api = Api(
        httpx.Response(
            200,
            headers={"X-Request-Id": "7"},
            stream=Body(SUCCESS),
            extensions={"reason_phrase": b"Fine"},
        )
    )
    response = use(kind, lambda chats: http_client(chats).post("/v2/anything"), api)
    assert (response.headers["x-request-id"], response.reason_phrase) == ("7", "Fine")
    assert response.request.url.path == "/v2/anything"
    assert TOKEN in api.requests[0].headers.values()
    assert TOKEN not in str(response.request.headers.raw)


@every_client
def test_no_cookie_is_kept(kind: Kind) -> None:
    """The API has no sessions: a gateway's cookie must not be sent with the next message."""
    api = Api(answer(Set_Cookie="session=1"), answer())

    async def send_twice(chats: MarketChats | AsyncMarketChats) -> None:
        for _ in range(2):
            await done(chats.send_message(chat_id=42, message=TEXT))

    use(kind, send_twice, api)
    assert "Cookie" not in api.requests[1].headers


def test_no_connection_is_kept_and_no_other_variable_is_read() -> None:
    """The API does not support keep-alive, and only documented variables may change where a token goes."""
    options = transport_options(URL)
    assert options["limits"].max_keepalive_connections == 0
    assert options["trust_env"] is False
    assert "proxy" not in options


# Proxies.


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    """Serve a proxy that refuses all requests with 403, and set the variables of the environment to it."""
    with FaultServer([answers(403)]) as proxy:
        for name in PROXIES[:3]:
            monkeypatch.setenv(name, proxy.base_url)
        yield proxy


@every_client
def test_a_proxy_sees_a_tunnel_and_no_token(kind: Kind, proxy: FaultServer) -> None:
    """HTTPS goes through the proxy of the environment; a proxy's 403 is final."""
    with pytest.raises(ConnectionFailedError, match="403") as caught:
        send(kind, Api(), transport=None)
    assert caught.value.attempts == 1
    (request,) = proxy.requests
    assert (request.method, request.target) == ("CONNECT", "api.example.test:443")
    assert TOKEN not in str(request.headers)


@pytest.mark.usefixtures("proxy")
@every_client
def test_no_proxy_sees_what_is_sent_to_loopback(kind: Kind) -> None:
    """Plain HTTP would show the token to the proxy."""
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


@pytest.mark.parametrize("value", ["proxy.example.test:3128", "http://proxy.example.test:3128"])
def test_a_proxy_is_an_http_proxy_unless_it_says_otherwise(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other programs read the variable in the same way; such a proxy has no certificate to verify."""
    monkeypatch.setenv("HTTPS_PROXY", value)
    proxy = transport_options(URL)["proxy"]
    assert (proxy.url, proxy.ssl_context) == ("http://proxy.example.test:3128", None)


def test_an_https_proxy_is_verified_like_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy of a company has a certificate of the company's own authority."""
    monkeypatch.setenv("ALL_PROXY", "https://proxy.example.test")
    options = transport_options(URL)
    assert options["proxy"].ssl_context is options["verify"]


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        (
            "HTTPS_PROXY",
            "http://anna:S3cret#Pass@127.0.0.1:1",
            "HTTPS_PROXY is not a valid proxy URL: correct it, or exempt the host with NO_PROXY.",
        ),
        (
            "ALL_PROXY",
            "gopher://anna:S3cret@127.0.0.1:1",
            "ALL_PROXY is not a valid proxy URL: correct it, or exempt the host with NO_PROXY.",
        ),
        (
            "ALL_PROXY",
            "socks5://anna:S3cret@127.0.0.1:1",
            "ALL_PROXY names a SOCKS proxy, which needs another package: pip install 'httpx[socks]'.",
        ),
        (
            "SSL_CERT_FILE",
            "/nowhere/S3cret.pem",
            "No certificates could be read: correct SSL_CERT_FILE or SSL_CERT_DIR.",
        ),
    ],
)
def test_an_invalid_proxy_or_certificate_names_its_variable_and_not_its_value(
    variable: str, value: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The value may contain a password; settings get into logs."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError) as caught:
        transport_options(URL)
    assert str(caught.value) == expected
