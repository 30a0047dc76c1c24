"""Where tokens come from, which ones are rejected, and when a callable is asked again."""

import re
import traceback
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any

import pytest

from mock_api import AT_ONCE, Api, Kind, answer, busy, every_client, send
from yandex_market_chats import (
    ApiKey,
    AuthenticationError,
    ConfigurationError,
    Delivery,
    MarketChats,
    OAuthToken,
    PermissionDeniedError,
    RetryPolicy,
)
from yandex_market_chats._retry import SENTENCES

CHARACTERS = "contains whitespace or non-ASCII characters: pass the bare token, without a prefix"
QUOTES = "is in quotes: remove them (docker --env-file keeps quotes)"


def tokens(*values: Any) -> Callable[[], Any]:
    """Return a callable that returns the values in turn, and raises the exceptions among them."""
    source: Iterator[Any] = iter(values)

    def token() -> Any:
        value = next(source)
        if isinstance(value, Exception):
            raise value
        return value

    return token


def our_variables(error: TracebackType) -> list[dict[str, Any]]:
    """Return the local variables of our frames, which error trackers record."""
    return [
        frame.f_locals
        for frame, _ in traceback.walk_tb(error)
        if frame.f_globals["__name__"].startswith("yandex_market_chats")
    ]


@every_client
@pytest.mark.parametrize(
    ("auth", "header", "value", "other"),
    [
        (ApiKey("ACMA:a"), "Api-Key", "ACMA:a", "Authorization"),
        (OAuthToken("y0_a"), "Authorization", "Bearer y0_a", "Api-Key"),
    ],
    ids=["ApiKey", "OAuthToken"],
)
def test_a_token_is_sent_in_its_own_header(
    kind: Kind, auth: ApiKey | OAuthToken, header: str, value: str, other: str
) -> None:
    """An Api-Key token has no prefix, an OAuth token has one, and the other header is not sent."""
    api = Api(answer())
    send(kind, api, auth=auth)
    assert api.requests[0].headers[header] == value
    assert other not in api.requests[0].headers


@every_client
def test_a_callable_is_called_before_each_attempt(kind: Kind) -> None:
    """A token that has been replaced in the meantime is picked up."""
    api = Api(busy(), busy(), answer())
    send(kind, api, auth=ApiKey(tokens("a", "b", "c")))
    assert [request.headers["Api-Key"] for request in api.requests] == ["a", "b", "c"]


@every_client
@pytest.mark.parametrize(("auth", "status"), [(ApiKey, 401), (OAuthToken, 401), (OAuthToken, 403)])
def test_a_rejected_token_is_retried_with_its_replacement(
    kind: Kind, auth: Callable[[Any], ApiKey | OAuthToken], status: int
) -> None:
    """The API answers an expired OAuth token with 403, everything else with 401."""
    api = Api(answer(status), answer())
    assert send(kind, api, auth=auth(tokens("old", "new", "new"))).attempts == 2
    sent = [request.headers.get("Api-Key", request.headers.get("Authorization")) for request in api.requests]
    assert [value.removeprefix("Bearer ") for value in sent] == ["old", "new"]


@every_client
@pytest.mark.parametrize(
    ("values", "attempts"), [(["a", "a"], 1), (["a", "b", "b", "c"], 2)], ids=["same", "rejected twice"]
)
def test_401_is_raised_if_no_other_token_helps(kind: Kind, values: list[Any], attempts: int) -> None:
    """A rejected token is not sent again, and only one replacement is tried."""
    api = Api(answer(401), answer(401))
    with pytest.raises(AuthenticationError, match="Check the token") as caught:
        send(kind, api, auth=ApiKey(tokens(*values)))
    assert (caught.value.attempts, len(api.requests)) == (attempts, attempts)


def test_403_does_not_mean_that_an_api_key_has_expired() -> None:
    """Another Api-Key token would lack the same scope, so it is not tried."""
    with pytest.raises(PermissionDeniedError) as caught:
        send("sync", Api(answer(403)), auth=ApiKey(tokens("old")))
    assert caught.value.attempts == 1


@every_client
def test_what_a_callable_raises_is_raised_unchanged(kind: Kind) -> None:
    """The error of a secret store keeps its type; its note says that nothing was sent."""
    api, failure = Api(), RuntimeError("the vault is locked")
    with pytest.raises(RuntimeError) as caught:
        send(kind, api, auth=ApiKey(tokens(failure)))
    assert caught.value is failure
    assert failure.__notes__ == [SENTENCES[Delivery.NOT_SENT]]
    assert api.requests == []


@every_client
@pytest.mark.parametrize(
    ("status", "retries", "delivery"),
    [
        (401, AT_ONCE, Delivery.NOT_SENT),
        (500, RetryPolicy(backoff=0, resend_unknown=True), Delivery.UNKNOWN),
    ],
)
def test_a_callable_that_raises_later_does_not_hide_what_was_sent(
    kind: Kind, status: int, retries: RetryPolicy, delivery: Delivery
) -> None:
    """The note covers the attempts before it, and no frame of ours shows the earlier token."""
    failure = RuntimeError("the vault is locked")
    with pytest.raises(RuntimeError) as caught:
        send(kind, Api(answer(status)), auth=ApiKey(tokens("secret", failure)), retries=retries)
    assert failure.__notes__ == [SENTENCES[delivery]]
    assert "secret" not in repr(our_variables(caught.tb))


@every_client
def test_a_callable_that_returns_an_invalid_token_later_does_not_hide_what_was_sent(kind: Kind) -> None:
    """The configuration error reports the attempts before it, and that one may have sent the message."""
    retries = RetryPolicy(backoff=0, resend_unknown=True)
    with pytest.raises(ConfigurationError) as caught:
        send(kind, Api(answer(500)), auth=ApiKey(tokens("a", "")), retries=retries)
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)


@pytest.mark.parametrize(
    ("token", "defect"),
    [
        ("", "is empty"),
        ('"ACMA:a"', QUOTES),
        ("'ACMA:a", QUOTES),
        ("ACMA:a\n", CHARACTERS),
        ("ACMA:a\r\nX: y", CHARACTERS),
        ("ACMA:а", CHARACTERS),
        ("ACMA:a\x7f", CHARACTERS),
        ("Bearer ACMA:a", CHARACTERS),
        (b"ACMA:a", "is not a str, but bytes"),
    ],
)
def test_an_invalid_token_is_rejected_at_construction(token: Any, defect: str) -> None:
    """The message says what is wrong with which kind of token, without the token."""
    with pytest.raises(ConfigurationError) as caught:
        ApiKey(token)
    assert str(caught.value) == f"ApiKey: the token {defect}."


@every_client
def test_an_invalid_token_of_a_callable_is_never_sent(kind: Kind) -> None:
    """A function can lack its `return`."""
    api = Api()
    expected = (
        r"^OAuthToken: the token that the callable returned is not a str, but NoneType\. Nothing was sent\.$"
    )
    with pytest.raises(ConfigurationError, match=expected):
        send(kind, api, auth=OAuthToken(tokens(None)))
    assert api.requests == []


def test_a_coroutine_function_is_rejected_as_the_source_of_a_token() -> None:
    """Its coroutine would be sent as the token."""

    async def token() -> str:
        return "a"

    source: Any = token
    with pytest.raises(ConfigurationError, match=r"^ApiKey: the callable must not be a coroutine function\."):
        ApiKey(source)


@pytest.mark.parametrize(
    ("environment", "auth", "value"),
    [
        ({"YANDEX_MARKET_API_KEY": "a", "YANDEX_MARKET_OAUTH_TOKEN": "o"}, ApiKey("passed"), "passed"),
        ({"YANDEX_MARKET_API_KEY": "a", "YANDEX_MARKET_OAUTH_TOKEN": "o"}, None, "a"),
        ({"YANDEX_MARKET_API_KEY": "", "YANDEX_MARKET_OAUTH_TOKEN": "o"}, None, "Bearer o"),
    ],
)
def test_credentials_are_looked_up_in_order(
    environment: dict[str, str], auth: ApiKey | None, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument comes first, then the Api-Key token of the environment, then the OAuth token."""
    for variable, token in environment.items():
        monkeypatch.setenv(variable, token)
    api = Api(answer())
    send("sync", api, auth=auth)
    headers = api.requests[0].headers
    assert headers.get("Api-Key", headers.get("Authorization")) == value


def test_missing_credentials_name_the_variables() -> None:
    """The message is the way out."""
    expected = r"^No credentials: set YANDEX_MARKET_API_KEY \(or YANDEX_MARKET_OAUTH_TOKEN\), or pass auth="
    with pytest.raises(ConfigurationError, match=expected):
        MarketChats(business_id=1)


@pytest.mark.parametrize("variable", ["YANDEX_MARKET_API_KEY", "YANDEX_MARKET_OAUTH_TOKEN"])
def test_an_invalid_token_of_the_environment_names_its_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The usual mistakes are the line break of a file, and the quotes of an env file."""
    monkeypatch.setenv(variable, '"ACMA:a"')
    with pytest.raises(ConfigurationError, match=f"^{variable} is invalid: .* {re.escape(QUOTES)}"):
        MarketChats(business_id=1)


@pytest.mark.parametrize("auth", ["ACMA:secret", ("user", "secret"), 5])
def test_credentials_of_another_type_are_rejected(auth: Any) -> None:
    """A bare string does not say which header it is for; no frame of ours shows it to error trackers."""
    expected = r"^auth must be ApiKey\(token\) or OAuthToken\(token\)"
    with pytest.raises(ConfigurationError, match=expected) as caught:
        MarketChats(business_id=1, auth=auth)
    assert len(our_variables(caught.tb)) == 2
    assert "secret" not in repr(our_variables(caught.tb))


@pytest.mark.parametrize(("auth", "shown"), [(ApiKey("a"), "ApiKey(…)"), (OAuthToken(str), "OAuthToken(…)")])
def test_repr_shows_only_the_kind_of_credentials(auth: ApiKey | OAuthToken, shown: str) -> None:
    """Neither the token nor the callable is shown."""
    assert repr(auth) == str(auth) == shown
