"""The httpx clients below the generated one: where what they send goes, and what it carries."""

from typing import Any

import httpx
import pytest

from mock_api import SUCCESS, Api, Body, Kind, answer, closed_url, every_client, send, use
from yandex_market_chats import (
    ApiError,
    ApiKey,
    InvalidRequestError,
    MarketChats,
    RetryPolicy,
)
from yandex_market_chats.sandbox import Sandbox

TOKEN = "ACMA:marked"


@pytest.fixture
def silent_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name a proxy in the environment that does not answer."""
    url = closed_url()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, url)
        monkeypatch.setenv(name.lower(), url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)


def post(chats: Any, url: str, **options: Any) -> Any:
    """Post with the httpx client below the generated one."""
    below = (
        chats.client.get_httpx_client
        if isinstance(chats, MarketChats)
        else chats.client.get_async_httpx_client
    )
    return below().post(url, **options)


@every_client
def test_an_answer_shows_no_token_either(kind: Kind) -> None:
    """The request that hangs on it carries none any more."""
    response = use(
        kind, lambda chats: post(chats, "/v2/anything"), Api(answer(X_Request_Id="7")), auth=ApiKey(TOKEN)
    )
    assert response.headers["x-request-id"] == "7"
    assert response.request.url.path == "/v2/anything"
    assert TOKEN not in str(response.request.headers.raw)


@every_client
def test_an_answer_tells_what_httpx_knows_of_it(kind: Kind) -> None:
    """What stands beside the headers is handed on as well."""
    api = Api(httpx.Response(200, stream=Body(SUCCESS), extensions={"reason_phrase": b"Fine"}))
    assert use(kind, lambda chats: post(chats, "/v2/anything"), api).reason_phrase == "Fine"


@every_client
@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.test/v2",
        "https://api.example.test.elsewhere.test/v2",
        "http://api.example.test/v2",
        "https://api.example.test:8443/v2",
    ],
)
def test_the_credentials_go_nowhere_else(kind: Kind, url: str) -> None:
    """Another host, another port and a plain connection are refused before anything is sent."""
    api = Api(answer())
    with pytest.raises(
        InvalidRequestError, match=r"^The credentials are for api\.example\.test and go nowhere"
    ):
        use(kind, lambda chats: post(chats, url), api)
    assert api.requests == []


@every_client
def test_the_same_place_may_be_spelt_in_full(kind: Kind) -> None:
    """The default port and capital letters are the same host."""
    api = Api(answer())
    use(kind, lambda chats: post(chats, "https://API.example.test:443/v2"), api)
    assert len(api.requests) == 1


@every_client
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["https://elsewhere.test/", "http://host:port/"])
def test_a_redirect_is_not_followed(kind: Kind, status: int, location: str) -> None:
    """Not even when httpx is asked to, nor when it raises at what is no URL: the status decides."""
    api = Api(answer(status, b"", Location=location), answer())
    with pytest.raises(ApiError, match="a redirect is never followed") as caught:
        use(kind, lambda chats: post(chats, "/v2/anything", follow_redirects=True), api)
    assert caught.value.headers["Location"] == location
    assert len(api.requests) == 1


@pytest.mark.usefixtures("silent_proxy")
@every_client
def test_no_proxy_sees_what_goes_to_loopback(kind: Kind) -> None:
    """The message arrives though the proxy of the environment does not answer."""
    with Sandbox(business_id=123456, token=TOKEN) as sandbox:
        send(kind, Api(), auth=ApiKey(TOKEN), base_url=sandbox.base_url, transport=None)
        assert len(sandbox.messages) == 1


@pytest.mark.usefixtures("silent_proxy")
@every_client
@pytest.mark.parametrize(
    ("base_url", "proxied"), [("https://api.example.test", True), ("http://127.0.0.1:9", False)]
)
def test_the_proxies_of_the_environment_are_for_https(kind: Kind, base_url: str, proxied: object) -> None:
    """They see a tunnel, and no token."""
    mounts = use(kind, lambda chats: [*chats._http._mounts], Api(), base_url=base_url, transport=None)
    assert bool(mounts) is proxied


@every_client
def test_no_connection_is_kept(kind: Kind) -> None:
    """The pool has room for those in flight alone."""
    pool = use(kind, lambda chats: chats._http._transport._pool, Api(), transport=None)
    assert pool._max_keepalive_connections == 0


@every_client
def test_no_cookie_is_kept(kind: Kind) -> None:
    """The API has no sessions; what a gateway sets would tie the messages of a client to each other."""
    jars: list[httpx.Cookies] = []

    def action(chats: Any) -> Any:
        jars.append(chats._http.cookies)
        return post(chats, "/v2/anything")

    answered = use(kind, action, Api(answer(Set_Cookie="session=1")))
    assert answered.headers["Set-Cookie"] == "session=1"
    assert not [*jars[0].jar]


@every_client
def test_httpx_may_be_told_to_send_no_credentials(kind: Kind) -> None:
    """Its own argument `auth` still counts."""
    api = Api(answer())
    use(kind, lambda chats: post(chats, "/v2/anything", auth=None), api)
    assert not {"Api-Key", "Authorization"} & api.requests[0].headers.keys()


@every_client
def test_a_request_made_by_hand_is_sent_like_any_other(kind: Kind) -> None:
    """It gets the credentials and a time-out, which it did not bring along."""
    api = Api(answer(503), answer())
    request = httpx.Request("POST", "https://api.example.test/v2/anything")
    response = use(
        kind, lambda chats: chats._http.send(request), api, retries=RetryPolicy(deadline=50, backoff=0)
    )
    assert response.status_code == 200
    for sent in api.requests:
        assert "Api-Key" in sent.headers
        assert all(0 < seconds <= 50 for seconds in sent.extensions["timeout"].values())
        assert sent.extensions["timeout"].keys() == {"connect", "read", "write", "pool"}
