"""Arguments and settings: what is refused before anything is sent, and where unset values come from."""

import enum
import inspect
import math
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from mock_api import TOKEN, Api, Kind, answer, every_client, send, use
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    ConfigurationError,
    Delivery,
    InvalidRequestError,
    MarketChats,
    RetryPolicy,
)
from yandex_market_chats._settings import DEFAULT_BASE_URL, ID_MAX, MESSAGE_MAX_LENGTH, check_message

CONTRACT = yaml.safe_load((Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8"))
NO_IDS = [True, False, 0, -1, 2**63, 42.0, "42", b"42"]
LOOPBACK = [
    "http://127.0.0.1",
    "http://127.9.9.9:8000",
    "http://[::1]:8000/api",
    "http://localhost:1",
    "http://LOCALHOST",
]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the settings of whoever runs the tests."""
    for name in ("API_KEY", "OAUTH_TOKEN", "BUSINESS_ID", "BASE_URL"):
        monkeypatch.delenv(f"YANDEX_MARKET_{name}", raising=False)


def make(**settings: Any) -> MarketChats:
    """Make a client that has what is needed, but for the changes; `None` is unset."""
    return MarketChats(
        **{"business_id": 1, "auth": ApiKey(TOKEN), "transport": httpx.MockTransport(Api()), **settings}
    )


@every_client
@pytest.mark.parametrize("chat_id", [*NO_IDS, None])
def test_a_chat_id_that_is_none_is_refused(kind: Kind, chat_id: object) -> None:
    """An id is an int64 from 1, and a bool is no id though Python calls it an int."""
    api = Api()
    with pytest.raises(InvalidRequestError, match=r"^chat_id must be a whole number from 1 to 2\*\*63 - 1"):
        send(kind, api, chat_id=chat_id)
    assert api.requests == []


@pytest.mark.parametrize("business_id", NO_IDS)
def test_a_business_id_that_is_none_is_refused(business_id: object) -> None:
    """It is refused when the client is made."""
    with pytest.raises(InvalidRequestError, match=r"^business_id must be a whole number") as caught:
        make(business_id=business_id)
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)


@every_client
@pytest.mark.parametrize("number", [1, 2**63 - 1])
def test_the_smallest_and_the_largest_id_are_sent(kind: Kind, number: int) -> None:
    """Both ends of the range are ids, and arrive digit by digit."""
    api = Api(answer())
    send(kind, api, chat_id=number, business_id=number)
    (request,) = api.requests
    assert request.method == "POST"
    assert str(request.url) == (
        f"https://api.example.test/v2/businesses/{number}/chats/message?chatId={number}"
    )


@every_client
def test_a_member_of_an_enum_is_sent_as_its_number(kind: Kind) -> None:
    """Its text would be its name."""

    class Place(int, enum.Enum):
        SHOP = 7
        CHAT = 8

    api = Api(answer())
    send(kind, api, business_id=Place.SHOP, chat_id=Place.CHAT)
    assert str(api.requests[0].url).endswith("/v2/businesses/7/chats/message?chatId=8")


@pytest.mark.parametrize("length", [1, 4096])
@pytest.mark.parametrize("character", ["a", "я", "𝄞"])
def test_length_is_counted_in_characters(character: str, length: int) -> None:
    """Neither bytes nor UTF-16 units count."""
    assert check_message(character * length) == character * length


@every_client
@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("", "must have 1 to 4096 characters; this one has 0"),
        ("я" * 4097, "must have 1 to 4096 characters; this one has 4097"),
        *(
            (f"я{chr(code)}", "has a lone surrogate, which UTF-8 cannot carry: mend the text")
            for code in (0xD800, 0xD83D, 0xDFFF)
        ),
        (b"a", "must be a text, not bytes"),
        (None, "must be a text, not NoneType"),
    ],
    ids=["empty", "long", "first surrogate", "a surrogate", "last surrogate", "bytes", "None"],
)
def test_an_unusable_message_is_refused(kind: Kind, message: Any, words: str) -> None:
    """What is wrong is said without quoting the text, which is nobody else's business."""
    api = Api()
    with pytest.raises(InvalidRequestError, match=f"^message {words}") as caught:
        send(kind, api, message=message)
    assert "я" not in str(caught.value)
    assert api.requests == []


@pytest.mark.parametrize("neighbour", ["\ud7ff", "\ue000"])
def test_only_surrogates_are_refused(neighbour: str) -> None:
    """The characters on either side of them are characters."""
    assert check_message(neighbour) == neighbour


@pytest.mark.parametrize("cls", [MarketChats, AsyncMarketChats])
@pytest.mark.parametrize("method", ["__init__", "send_message", "with_options"])
def test_arguments_are_keyword_only(cls: type, method: str) -> None:
    """A chat id cannot change places with a business id."""
    _self, *parameters = inspect.signature(getattr(cls, method)).parameters.values()
    assert parameters
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_limits_are_those_of_the_contract() -> None:
    """What the package refuses is what openapi.yaml forbids."""
    schemas, parameters = CONTRACT["components"]["schemas"], CONTRACT["components"]["parameters"]
    message = schemas["SendMessageToChatRequest"]["properties"]["message"]
    assert (message["minLength"], message["maxLength"]) == (1, MESSAGE_MAX_LENGTH)
    for name in ("BusinessId", "ChatId"):
        assert parameters[name]["schema"] == {"type": "integer", "format": "int64", "minimum": 1}
    assert ID_MAX == 2**63 - 1
    assert CONTRACT["servers"][0]["url"] == DEFAULT_BASE_URL


def test_unset_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each variable fills the argument of its name."""
    monkeypatch.setenv("YANDEX_MARKET_API_KEY", "ACMA:environment")
    monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", "77")
    monkeypatch.setenv("YANDEX_MARKET_BASE_URL", "https://api.partner.market.yandex.net")
    api = Api(answer())
    send("sync", api, auth=None, business_id=None, base_url=None)
    (request,) = api.requests
    assert request.headers["Api-Key"] == "ACMA:environment"
    assert request.url.path == "/v2/businesses/77/chats/message"
    assert request.url.host == "api.partner.market.yandex.net"


def test_arguments_beat_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that is set, even to nonsense, is not looked at."""
    for name in ("API_KEY", "BUSINESS_ID", "BASE_URL"):
        monkeypatch.setenv(f"YANDEX_MARKET_{name}", "\n")
    api = Api(answer())
    send("sync", api)
    (request,) = api.requests
    assert (request.url.host, request.url.path) == (
        "api.example.test",
        "/v2/businesses/123456/chats/message",
    )
    assert request.headers["Api-Key"] == TOKEN


def test_a_missing_business_id_names_the_variable() -> None:
    """An empty variable is as good as none."""
    with pytest.raises(
        ConfigurationError, match=r"^No business id: set YANDEX_MARKET_BUSINESS_ID, or give business_id="
    ):
        make(business_id=None)


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "x", " 7", "٣", "²", str(2**63), "9" * 5000])
def test_a_business_id_of_the_environment_that_is_none_names_the_variable(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not a whole number from 1 to the largest int64 is to be corrected."""
    monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", text)
    with pytest.raises(
        ConfigurationError, match="Correct the variable YANDEX_MARKET_BUSINESS_ID: it must be"
    ):
        make(business_id=None)


@pytest.mark.parametrize("text", ["1", str(2**63 - 1)])
def test_every_business_id_of_the_environment_is_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of the range are ids."""
    monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", text)
    assert make(business_id=None).business_id == int(text)


@pytest.mark.parametrize(
    "base_url",
    [
        *LOOPBACK,
        "https://127.0.0.1",
        "https://127.0.0.1:65535",
        "https://api.partner.market.yandex.net/",
        "https://api.example.test.",
        "https://api.example.test/X",
        f"https://{'a' * 63}.example.test",
        "https://пример.test",
    ],
)
def test_https_and_loopback_are_taken(base_url: str) -> None:
    """A path in front of the API's own, as of a gateway, is kept."""
    api = Api(answer())
    send("sync", api, base_url=base_url)
    path = httpx.URL(base_url).path.rstrip("/")
    assert api.requests[0].url.path == f"{path}/v2/businesses/123456/chats/message"


@pytest.mark.parametrize(
    ("base_url", "words"),
    [
        ("http://api.partner.market.yandex.ru", "must be https unless it is loopback"),
        ("http://localhost.example.test", "must be https unless it is loopback"),
        ("http://0.0.0.0", "must be https unless it is loopback"),
        ("http://10.0.0.1", "must be https unless it is loopback"),
        ("http://[::2]", "must be https unless it is loopback"),
        ("ftp://127.0.0.1", "must be https unless it is loopback"),
        ("//api.example.test", "must be https unless it is loopback"),
        ("api.example.test", "must be a URL with a scheme, a host and a path alone"),
        ("https://", "must be a URL with a scheme, a host and a path alone"),
        ("https://user:password@api.example.test", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test?key=1", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test#part", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test:port", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test:65536", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test\n", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test/?", "must be a URL with a scheme, a host and a path alone"),
        ("https://api.example.test/#", "must be a URL with a scheme, a host and a path alone"),
        ("https://api..example.test", "must be a URL with a scheme, a host and a path alone"),
        (f"https://{'a' * 64}.example.test", "must be a URL with a scheme, a host and a path alone"),
        ("https://xn--", "must be a URL with a scheme, a host and a path alone"),
        (5, "must be a URL with a scheme, a host and a path alone"),
    ],
)
def test_other_base_urls_are_refused(base_url: Any, words: str) -> None:
    """The words name the argument and the variable, and do not repeat what may hold a password."""
    with pytest.raises(
        ConfigurationError, match=rf"^base_url \(or YANDEX_MARKET_BASE_URL\) {words}"
    ) as caught:
        make(base_url=base_url)
    assert "password" not in str(caught.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HTTPS_PROXY", "gopher://127.0.0.1"),
        ("HTTPS_PROXY", "http://127.0.0.1:port"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
    ],
)
def test_what_httpx_cannot_use_of_the_environment_is_a_configuration_error(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command line turns it into an exit code; the cause is what httpx said."""
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=r"^A proxy or a certificate that the environment") as caught:
        make(transport=None)
    assert caught.value.__cause__ is not None
    assert str(caught.value.__cause__) in str(caught.value)


@pytest.mark.parametrize("number", [0, -1, 4 / 3, "4"])
def test_places_that_cannot_be_counted_are_refused(number: Any) -> None:
    """There must be one at least, and a semaphore that begins at a fraction never comes to its end."""
    with pytest.raises(ConfigurationError, match=r"^max_parallel must be a whole number from 1\. Nothing"):
        make(max_parallel=number)
    assert make(max_parallel=1).client.get_httpx_client().is_closed is False


@pytest.mark.parametrize("retries", [0, False, 3, "no"])
def test_what_is_no_policy_is_refused(retries: Any) -> None:
    """At once, and not in the middle of the first call."""
    words = r"^retries must be a RetryPolicy: RetryPolicy\.disabled\(\) repeats nothing\. Nothing"
    with pytest.raises(ConfigurationError, match=words):
        make(retries=retries)
    with pytest.raises(ConfigurationError, match=words):
        make().with_options(retries=retries)


@pytest.mark.parametrize(
    "timeout", [0, -1, "5", math.nan, httpx.Timeout(5, connect=0), httpx.Timeout(5, read=-1)]
)
def test_a_time_out_that_leaves_no_time_is_refused(timeout: Any) -> None:
    """A socket would refuse it in the middle of a call, or not wait at all."""
    words = r"^timeout must be seconds above 0, or None\. Nothing"
    with pytest.raises(ConfigurationError, match=words):
        make(timeout=timeout)
    with pytest.raises(ConfigurationError, match=words):
        make().with_options(timeout=timeout)


def test_repr_shows_where_the_client_sends() -> None:
    """The business and the address are there; the default address is the vendor's."""
    assert repr(make(business_id=7)) == (
        "MarketChats(business_id=7, base_url='https://api.partner.market.yandex.ru')"
    )


def test_repr_of_a_client_that_was_refused_does_not_raise() -> None:
    """Error trackers show the locals of the constructor that raised."""
    assert repr(MarketChats.__new__(MarketChats)).startswith("MarketChats(")


@every_client
def test_the_defaults_are_the_documented_ones(kind: Kind) -> None:
    """Five seconds to connect and fifteen for the rest; five attempts; four requests at a time."""
    settings = use(kind, lambda chats: chats._http.settings, Api(), retries=RetryPolicy())
    assert settings.timeout == httpx.Timeout(15.0, connect=5.0)
    assert settings.max_parallel == 4
    assert inspect.signature(MarketChats).parameters["retries"].default == RetryPolicy()
