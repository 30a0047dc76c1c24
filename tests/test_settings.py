"""Settings and arguments: what is rejected before anything is sent, and what the environment provides."""

import enum
import inspect
import math
import threading
import traceback
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from mock_api import TOKEN, Api, Kind, answer, every_client, send, settings
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    ConfigurationError,
    Delivery,
    InvalidRequestError,
    MarketChats,
    RetryPolicy,
)
from yandex_market_chats._settings import (
    DEFAULT_BASE_URL,
    ID_MAX,
    MESSAGE_MAX_LENGTH,
    check_message,
    check_timeout,
)

CONTRACT = yaml.safe_load((Path(__file__).parents[1] / "openapi.yaml").read_text(encoding="utf-8"))


class Int64:
    """An integer that is not an `int`, like numpy's."""

    def __init__(self, number: int) -> None:
        """Store the number."""
        self._number = number

    def __index__(self) -> int:
        """Return the number."""
        return self._number


class Empty(httpx.MockTransport):
    """A transport that is falsy."""

    def __len__(self) -> int:
        """Return 0, like a list of requests before the first one."""
        return 0


class Id(int, enum.Enum):
    """An integer whose text is a name."""

    SHOP = 7


async def awaited(_attempt: object) -> None:
    """Stand in for a hook of the async client."""


def make(**changes: Any) -> MarketChats:
    """Return a client with valid settings, except for the changes."""
    return MarketChats(**{"business_id": 1, "auth": ApiKey(TOKEN), **changes})


# Arguments.


@every_client
@pytest.mark.parametrize(
    ("argument", "expected"),
    [({"chat_id": "42"}, "chat_id must be an int"), ({"message": ""}, "message must have 1 to 4096")],
    ids=["chat_id", "message"],
)
def test_an_invalid_argument_is_rejected_before_anything_is_sent(
    kind: Kind, argument: dict[str, str], expected: str
) -> None:
    """A mistake of the caller does not count against the hourly limit."""
    api = Api()
    with pytest.raises(InvalidRequestError, match=f"^{expected}") as caught:
        send(kind, api, **argument)
    assert (caught.value.delivery, api.requests) == (Delivery.NOT_SENT, [])


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (True, "an int, not bool"),
        (42.0, "an int, not float"),
        ("42", "an int, not str"),
        (int, "an int, not type"),
        (0, r"an integer from 1 to 2\*\*63 - 1"),
        (2**63, r"an integer from 1 to 2\*\*63 - 1"),
    ],
)
def test_an_invalid_business_id_is_a_configuration_error(number: Any, expected: str) -> None:
    """The business is a setting of the client, not an argument of a call."""
    with pytest.raises(ConfigurationError, match=rf"^business_id must be {expected}\.$") as caught:
        make(business_id=number)
    assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)


@pytest.mark.parametrize(
    ("number", "digits"),
    [(1, "1"), (2**63 - 1, "9223372036854775807"), (Int64(7), "7"), (Id.SHOP, "7")],
    ids=["smallest", "largest", "like numpy", "enum"],
)
def test_an_id_is_sent_digit_by_digit(number: Any, digits: str) -> None:
    """A data frame yields numpy's integers, and a member of an enum would be formatted by its name."""
    api = Api(answer())
    send("sync", api, business_id=number, chat_id=number)
    assert str(api.requests[0].url).endswith(f"/v2/businesses/{digits}/chats/message?chatId={digits}")


@pytest.mark.parametrize("length", [1, 4096])
@pytest.mark.parametrize("character", ["я", "𝄞"])
def test_the_length_of_a_message_is_counted_in_characters(character: str, length: int) -> None:
    """The limit of the API is neither in bytes nor in UTF-16 units."""
    assert check_message(character * length) == character * length


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("", "must have 1 to 4096 characters; this one has 0"),
        ("я" * 4097, "must have 1 to 4096 characters; this one has 4097"),
        ("я\ud800", "contains a lone surrogate, which cannot be encoded as UTF-8"),
        (b"a", "must be a str, not bytes"),
        (None, "must be a str, not NoneType"),
    ],
    ids=["empty", "long", "surrogate", "bytes", "None"],
)
def test_an_invalid_message_is_rejected(message: Any, expected: str) -> None:
    """The error says what is wrong, but neither it nor its cause quotes the text, which is private."""
    with pytest.raises(InvalidRequestError, match=rf"^message {expected}\.$") as caught:
        check_message(message)
    shown = "".join(traceback.format_exception(caught.value))
    assert "я" not in shown
    assert "UnicodeEncodeError" not in shown


@pytest.mark.parametrize("character", ["\ud7ff", "\ue000"])
def test_only_surrogates_are_rejected(character: str) -> None:
    """The code points on both sides of the surrogates are valid characters."""
    assert check_message(character) == character


@pytest.mark.parametrize("cls", [MarketChats, AsyncMarketChats])
@pytest.mark.parametrize("method", ["__init__", "send_message", "with_options"])
def test_arguments_are_keyword_only(cls: type, method: str) -> None:
    """A chat id cannot be passed as a business id by mistake."""
    _self, *parameters = inspect.signature(getattr(cls, method)).parameters.values()
    assert parameters
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_limits_are_those_of_the_contract() -> None:
    """The package rejects what openapi.yaml forbids."""
    schemas, parameters = CONTRACT["components"]["schemas"], CONTRACT["components"]["parameters"]
    message = schemas["SendMessageToChatRequest"]["properties"]["message"]
    assert (message["minLength"], message["maxLength"]) == (1, MESSAGE_MAX_LENGTH)
    for name in ("BusinessId", "ChatId"):
        assert parameters[name]["schema"] == {"type": "integer", "format": "int64", "minimum": 1}
    assert ID_MAX == 2**63 - 1
    assert CONTRACT["servers"][0]["url"] == DEFAULT_BASE_URL


# Settings.


def test_unset_values_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deployment can configure a client without code."""
    monkeypatch.setenv("YANDEX_MARKET_API_KEY", "ACMA:environment")
    monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", "77")
    monkeypatch.setenv("YANDEX_MARKET_BASE_URL", "https://api.partner.market.yandex.net")
    api = Api(answer())
    send("sync", api, auth=None, business_id=None, base_url=None)
    (request,) = api.requests
    assert request.headers["Api-Key"] == "ACMA:environment"
    assert request.url.path == "/v2/businesses/77/chats/message"
    assert request.url.host == "api.partner.market.yandex.net"


def test_arguments_win_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable whose argument is passed is not even read."""
    for name in ("API_KEY", "BUSINESS_ID", "BASE_URL"):
        monkeypatch.setenv(f"YANDEX_MARKET_{name}", "\n")
    api = Api(answer())
    send("sync", api)
    assert api.requests[0].headers["Api-Key"] == TOKEN
    assert str(api.requests[0].url).startswith("https://api.example.test/v2/businesses/123456/")


@pytest.mark.parametrize("value", ["", None], ids=["empty", "unset"])
def test_a_missing_business_id_names_the_variable(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to do; an empty variable counts as unset."""
    if value is not None:
        monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", value)
    with pytest.raises(ConfigurationError, match=r"^No business id: set YANDEX_MARKET_BUSINESS_ID, or pass"):
        make(business_id=None)


@pytest.mark.parametrize("text", ["0", "-1", "1.0", "x", " 7", "٣", str(2**63), "9" * 5000])
def test_an_invalid_business_id_of_the_environment_names_the_variable(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only ASCII digits are accepted, and only the numbers of an int64."""
    monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", text)
    with pytest.raises(ConfigurationError, match=r"^YANDEX_MARKET_BUSINESS_ID must be an integer from 1 to"):
        make(business_id=None)


@pytest.mark.parametrize("text", ["1", str(2**63 - 1)])
def test_a_valid_business_id_of_the_environment_is_read(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ends of the range are valid."""
    monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", text)
    assert make(business_id=None).business_id == int(text)


@pytest.mark.parametrize(
    "base_url",
    [
        "http://127.0.0.1",
        "http://127.9.9.9:8000",
        "http://[::1]:8000/api",
        "http://LOCALHOST",
        "https://api.partner.market.yandex.net/",
        "https://api.example.test/X",
        "https://пример.test",
    ],
)
def test_https_and_loopback_are_accepted_as_base_urls(base_url: str) -> None:
    """The path of a gateway is put in front of the path of the API."""
    api = Api(answer())
    send("sync", api, base_url=base_url)
    path = httpx.URL(base_url).path.rstrip("/")
    assert api.requests[0].url.path == f"{path}/v2/businesses/123456/chats/message"


@pytest.mark.parametrize(
    "base_url",
    [
        "http://api.partner.market.yandex.ru",
        "http://localhost.example.test",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "ftp://127.0.0.1",
        "//api.example.test",
    ],
)
def test_plain_http_to_another_machine_is_rejected(base_url: str) -> None:
    """Others on the network could read the token."""
    expected = r"^base_url must start with https://, unless it is loopback\.$"
    with pytest.raises(ConfigurationError, match=expected):
        make(base_url=base_url)


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        " https://api.example.test",
        "https://api.example.test\n",
        "api.example.test",
        "https://",
        "https://user:password@api.example.test",
        "https://api.example.test?key=1",
        "https://api.example.test/#",
        "https://api.example.test:port",
        5,
    ],
)
def test_an_invalid_base_url_is_rejected(base_url: Any) -> None:
    """An empty base URL is a mistake, and must not lead to the real API; a password is not quoted."""
    expected = r"^base_url must be a URL that consists of a scheme, a host and, optionally, a path\.$"
    with pytest.raises(ConfigurationError, match=expected) as caught:
        make(base_url=base_url)
    assert "password" not in "".join(traceback.format_exception(caught.value))


def test_an_invalid_base_url_of_the_environment_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The program itself does not say where the value comes from."""
    monkeypatch.setenv("YANDEX_MARKET_BASE_URL", "http://api.example.test")
    with pytest.raises(ConfigurationError, match=r"^YANDEX_MARKET_BASE_URL must start with https://"):
        make()


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max_parallel", 0, r"max_parallel must be a positive integer, not 0\."),
        ("max_parallel", "4", r"max_parallel must be a positive integer, not str\."),
        ("max_parallel", True, r"max_parallel must be a positive integer, not True\."),
        ("retries", 3, r"retries must be RetryPolicy, not int\."),
        ("limits", 4, r"limits must be Limits or None, not int\."),
        ("transport", httpx.ASGITransport, r"transport must be BaseTransport or None, not"),
        ("transport", httpx.AsyncHTTPTransport(), r"transport must be BaseTransport or None, not Async"),
        ("on_attempt", "print", r"on_attempt must be Callable or None, not str\."),
        ("on_attempt", awaited, r"on_attempt must not be a coroutine function: use AsyncMarketChats"),
        ("timeout", 0, r"timeout must be a positive number of seconds, or None, not 0\."),
        ("timeout", "5", r"timeout must be a number of seconds, not str\."),
        ("timeout", math.nan, r"timeout must be a positive number of seconds, or None, not nan\."),
        ("timeout", httpx.Timeout(5, read=-1), r"timeout must be a positive number of seconds, .* not -1\."),
    ],
)
def test_an_invalid_setting_is_rejected_by_the_constructor(name: str, value: Any, expected: str) -> None:
    """A mistake shows when the program starts, and not with its first message."""
    with pytest.raises(ConfigurationError, match=f"^{expected}"):
        make(**{name: value})


@every_client
def test_a_falsy_transport_replaces_the_network(kind: Kind) -> None:
    """A transport that records requests may be empty; a test must not reach a buyer because of that."""
    api = Api(answer())
    send(kind, api, transport=Empty(api))
    assert len(api.requests) == 1


def test_a_sync_transport_is_rejected_by_the_async_client() -> None:
    """The event loop would be blocked, or the call would fail after its start."""
    with pytest.raises(
        ConfigurationError, match=r"^transport must be AsyncBaseTransport .* not HTTPTransport"
    ):
        AsyncMarketChats(**settings(Api(), transport=httpx.HTTPTransport()))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"max_attempts": 0}, r"max_attempts must be a positive integer, not 0\."),
        ({"deadline": "60"}, r"deadline must be a number of seconds, not str\."),
        ({"backoff": True}, r"backoff must be a number of seconds, not bool\."),
        ({"deadline": 0}, r"deadline must be a positive number of seconds, not 0\."),
        ({"deadline": math.inf}, r"deadline must be a positive number of seconds, not inf\."),
        ({"backoff": 9}, r"backoff and max_backoff must be seconds, 0 <= backoff <= max_backoff\."),
        ({"max_backoff": math.inf}, r"backoff and max_backoff must be seconds, 0 <= backoff"),
        ({"resend_unknown": "no"}, r"resend_unknown must be bool, not str\."),
    ],
)
def test_an_invalid_retry_policy_is_rejected(values: dict[str, Any], expected: str) -> None:
    """Above all, a truthy string must not allow duplicates."""
    with pytest.raises(ConfigurationError, match=f"^{expected}"):
        RetryPolicy(**values)


def test_the_bounds_of_a_retry_policy_are_valid() -> None:
    """The longest deadline is what Python accepts as a timeout; a backoff of 0 retries at once."""
    policy = RetryPolicy(max_attempts=1, deadline=threading.TIMEOUT_MAX, backoff=0, max_backoff=0)
    assert (policy.max_attempts, policy.deadline, policy.max_backoff) == (1, threading.TIMEOUT_MAX, 0)


@pytest.mark.parametrize("timeout", [0.5, None, httpx.Timeout(3, read=None)], ids=str)
def test_a_timeout_may_be_short_or_absent(timeout: Any) -> None:
    """Programs that answer people cannot wait long; a phase without a timeout ends at the deadline."""
    assert check_timeout(timeout) == httpx.Timeout(timeout)


def test_repr_shows_where_the_client_sends() -> None:
    """A log shows which business and which address a client has; the default is the vendor's."""
    assert repr(make(business_id=7)) == (
        "MarketChats(business_id=7, base_url='https://api.partner.market.yandex.ru')"
    )


def test_the_defaults_are_the_documented_ones() -> None:
    """README and the reference promise these numbers."""
    api = Api(answer())
    send("sync", api, retries=RetryPolicy(deadline=3600))
    assert api.requests[0].extensions["timeout"] == {"connect": 5, "read": 15, "write": 15, "pool": 15}
    parameters = inspect.signature(MarketChats).parameters
    assert parameters["max_parallel"].default == 4
    assert parameters["retries"].default == RetryPolicy(
        max_attempts=10, deadline=60.0, backoff=0.5, max_backoff=8.0, resend_unknown=False
    )
