"""Where tokens come from, which ones are rejected, and when a callable is asked again."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mock_api import AT_ONCE, Api, Clock, Kind, answer, busy, every_client, send
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
from yandex_market_chats._errors import SENTENCES

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


def sent_token(request: httpx.Request) -> str:
    """Return the token of a request that has exactly one."""
    (value,) = (request.headers[name] for name in ("Api-Key", "Authorization") if name in request.headers)
    return value.removeprefix("Bearer ")


@every_client
@pytest.mark.parametrize(
    ("auth", "header", "value"),
    [
        (ApiKey("ACMA:a"), "Api-Key", "ACMA:a"),
        (OAuthToken("y0_a"), "Authorization", "Bearer y0_a"),
    ],
    ids=["ApiKey", "OAuthToken"],
)
def test_a_token_is_sent_in_its_own_header(
    kind: Kind, auth: ApiKey | OAuthToken, header: str, value: str
) -> None:
    """An Api-Key token has no prefix, an OAuth token has one, and the other header is not sent."""
    api = Api(answer())
    send(kind, api, auth=auth)
    assert {name: api.requests[0].headers.get(name) for name in ("Api-Key", "Authorization")} == {
        "Api-Key": None,
        "Authorization": None,
        header: value,
    }


# A token that changes.


@every_client
def test_a_callable_is_called_before_each_attempt(kind: Kind) -> None:
    """A token that was replaced in the meantime is picked up."""
    api = Api(busy(), busy(), answer())
    send(kind, api, auth=ApiKey(tokens("a", "b", "c")))
    assert [sent_token(request) for request in api.requests] == ["a", "b", "c"]


@pytest.mark.parametrize(("auth", "status"), [(ApiKey, 401), (OAuthToken, 401), (OAuthToken, 403)])
def test_a_rejected_token_is_replaced_at_once(
    auth: Callable[[Any], ApiKey | OAuthToken], status: int, clock: Clock
) -> None:
    """The API may reject an expired OAuth token with 403; any other expired token gets 401."""
    api = Api(busy(), answer(status), answer())
    assert send("sync", api, auth=auth(tokens("old", "old", "new", "new"))).attempts == 3
    assert [sent_token(request) for request in api.requests] == ["old", "old", "new"]
    assert clock.waits == [0, 0]


@pytest.mark.parametrize(
    ("values", "attempts"), [(["a", "a"], 1), (["a", "b", "b", "c"], 2)], ids=["same", "rejected twice"]
)
def test_401_is_raised_if_no_other_token_helps(values: list[Any], attempts: int) -> None:
    """A rejected token is not sent again, and only one replacement is tried."""
    api = Api(answer(401), answer(401))
    with pytest.raises(AuthenticationError, match="Check the token") as caught:
        send("sync", api, auth=ApiKey(tokens(*values)))
    assert (caught.value.attempts, len(api.requests)) == (attempts, attempts)


def test_403_does_not_mean_that_an_api_key_has_expired() -> None:
    """Another Api-Key token would lack the same scope, so the callable is not asked for one."""
    with pytest.raises(PermissionDeniedError) as caught:
        send("sync", Api(answer(403)), auth=ApiKey(tokens("only")))
    assert caught.value.attempts == 1


@every_client
def test_an_exception_of_a_callable_is_raised_unchanged(kind: Kind) -> None:
    """A failure of the server that issues tokens is not a failure of the API, but may look the same."""
    api, failure = Api(), httpx.ConnectError("the vault is down")
    with pytest.raises(httpx.ConnectError) as caught:
        send(kind, api, auth=ApiKey(tokens(failure)))
    assert caught.value is failure
    assert failure.__notes__ == ["Nothing was sent."]
    assert api.requests == []


def test_an_error_object_that_a_callable_raises_again_stays_as_it_is() -> None:
    """A constant of the caller's module must not collect the sentences of all calls."""
    sealed = ConfigurationError("The vault is sealed.")
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=r"^The vault is sealed\. Nothing was sent\.$"):
            send("sync", Api(), auth=ApiKey(tokens(sealed)))
    assert sealed.args == ("The vault is sealed.",)


LATER = pytest.mark.parametrize(
    ("status", "retries", "delivery"),
    [
        (401, AT_ONCE, Delivery.NOT_SENT),
        (500, RetryPolicy(backoff=0, resend_unknown=True), Delivery.UNKNOWN),
    ],
)
"""The callable fails after an attempt that sent nothing, or that may have sent the message."""


@LATER
def test_a_callable_that_raises_later_does_not_hide_what_was_sent(
    status: int, retries: RetryPolicy, delivery: Delivery
) -> None:
    """The note covers the attempts before the exception."""
    failure = RuntimeError("the vault is locked")
    with pytest.raises(RuntimeError):
        send("sync", Api(answer(status)), auth=ApiKey(tokens("a", failure)), retries=retries)
    assert failure.__notes__ == [SENTENCES[delivery]]


@LATER
def test_a_callable_that_returns_an_invalid_token_later_does_not_hide_what_was_sent(
    status: int, retries: RetryPolicy, delivery: Delivery
) -> None:
    """The error reports the attempts before it, and whether they may have sent the message."""
    with pytest.raises(ConfigurationError) as caught:
        send("sync", Api(answer(status)), auth=ApiKey(tokens("a", "")), retries=retries)
    assert (caught.value.attempts, caught.value.delivery) == (1, delivery)


@every_client
def test_an_invalid_token_of_a_callable_is_never_sent(kind: Kind) -> None:
    """A function may lack its `return`."""
    api = Api()
    expected = (
        r"^OAuthToken: the token that the callable returned must be a str, not NoneType\. Nothing was sent\.$"
    )
    with pytest.raises(ConfigurationError, match=expected) as caught:
        send(kind, api, auth=OAuthToken(tokens(None)))
    assert (caught.value.attempts, caught.value.delivery, api.requests) == (0, Delivery.NOT_SENT, [])


# Settings.


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
        (b"ACMA:a", "must be a str, not bytes"),
    ],
)
def test_an_invalid_token_is_rejected_at_construction(token: Any, defect: str) -> None:
    """The error says what is wrong with which kind of token, without the token."""
    with pytest.raises(ConfigurationError) as caught:
        ApiKey(token)
    assert str(caught.value) == f"ApiKey: the token {defect}."


def test_a_coroutine_function_is_rejected_as_the_source_of_a_token() -> None:
    """A coroutine is not a token, and a sync client could not await it."""

    async def token() -> str:
        return "a"

    source: Any = token
    with pytest.raises(ConfigurationError, match=r"^ApiKey: the callable .* function: pass a plain one\."):
        ApiKey(source)


@pytest.mark.parametrize(
    ("auth", "api_key", "token"),
    [(ApiKey("passed"), "a", "passed"), (None, "a", "a"), (None, "", "o")],
    ids=["argument", "Api-Key", "OAuth"],
)
def test_credentials_are_looked_up_in_order(
    auth: ApiKey | None, api_key: str, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument comes first, then the Api-Key token of the environment, then the OAuth token."""
    monkeypatch.setenv("YANDEX_MARKET_API_KEY", api_key)
    monkeypatch.setenv("YANDEX_MARKET_OAUTH_TOKEN", "o")
    api = Api(answer())
    send("sync", api, auth=auth)
    assert sent_token(api.requests[0]) == token


def test_missing_credentials_name_the_variables() -> None:
    """The error says what to do."""
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


@pytest.mark.parametrize("auth", ["ACMA:a", ("user", "password")])
def test_credentials_of_another_type_are_rejected(auth: Any) -> None:
    """A bare string does not say which header it is for."""
    expected = rf"^auth must be ApiKey\(token\) or OAuthToken\(token\), not {type(auth).__name__}\.$"
    with pytest.raises(ConfigurationError, match=expected):
        MarketChats(business_id=1, auth=auth)


@pytest.mark.parametrize(("auth", "shown"), [(ApiKey("a"), "ApiKey(…)"), (OAuthToken(str), "OAuthToken(…)")])
def test_repr_shows_only_the_kind_of_credentials(auth: ApiKey | OAuthToken, shown: str) -> None:
    """Neither the token nor the callable is shown."""
    assert repr(auth) == str(auth) == shown
