"""Where tokens come from, what is refused for one, and when one is asked for again."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mock_api import Api, Kind, answer, envelope, every_client, send, use
from yandex_market_chats import (
    ApiKey,
    AuthenticationError,
    ConfigurationError,
    ConnectionLostError,
    Delivery,
    MarketChats,
    OAuthToken,
    RetryPolicy,
)
from yandex_market_chats._settings import find_credentials

SPACED = "has a space, a line break or a character that is not ASCII: give it alone, without a prefix"
UNUSABLE = [
    ("", "is empty"),
    ("ACMA:a\n", SPACED),
    ("ACMA:a\r\nX: y", SPACED),
    ("ACMA:a\tb", SPACED),
    ("ACMA:a\x00", SPACED),
    ("ACMA:а", SPACED),
    ("ACMA:a\x7f", SPACED),
    (" ACMA:a", SPACED),
    ("Bearer ACMA:a", SPACED),
    (b"ACMA:a", "is not a string but bytes"),
    (None, "is not a string but NoneType"),
]


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide the credentials of whoever runs the tests."""
    for name in ("YANDEX_MARKET_API_KEY", "YANDEX_MARKET_OAUTH_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def tokens(*values: Any) -> Callable[[], Any]:
    """Make a source of tokens that gives the values one after the other, and raises those that can be."""
    source: Iterator[Any] = iter(values)

    def token() -> Any:
        value = next(source)
        if isinstance(value, Exception):
            raise value
        return value

    return token


@every_client
@pytest.mark.parametrize(
    ("auth", "name", "value", "other"),
    [
        (ApiKey("ACMA:a"), "Api-Key", "ACMA:a", "Authorization"),
        (OAuthToken("y0_a"), "Authorization", "Bearer y0_a", "Api-Key"),
    ],
    ids=["ApiKey", "OAuthToken"],
)
def test_a_token_goes_into_its_header(
    kind: Kind, auth: ApiKey | OAuthToken, name: str, value: str, other: str
) -> None:
    """An Api-Key token has no prefix, an OAuth token has one, and the other header is not sent."""
    api = Api(answer())
    send(kind, api, auth=auth)
    assert api.requests[0].headers[name] == value
    assert other not in api.requests[0].headers


@every_client
def test_a_callable_is_asked_for_every_attempt(kind: Kind) -> None:
    """A token that was replaced meanwhile is picked up."""
    api = Api(answer(503), answer(503), answer())
    send(kind, api, auth=ApiKey(tokens("a", "b", "c")))
    assert [request.headers["Api-Key"] for request in api.requests] == ["a", "b", "c"]


@every_client
def test_a_rotated_token_is_tried_after_401(kind: Kind) -> None:
    """The callable is asked whether there is another token, and that one is sent."""
    api = Api(answer(401), answer())
    sent = send(kind, api, auth=OAuthToken(tokens("old", "new", "new")))
    assert sent.attempts == 2
    assert [request.headers["Authorization"] for request in api.requests] == ["Bearer old", "Bearer new"]


@every_client
@pytest.mark.parametrize(
    ("given", "attempts"),
    [
        pytest.param(["a", "a"], 1, id="same"),
        pytest.param(["a", "b", "b", "c"], 2, id="refused twice"),
        pytest.param(["a", RuntimeError()], 1, id="raises"),
        pytest.param(["a", ""], 1, id="gives nothing"),
    ],
)
def test_401_is_raised_when_no_other_token_helps(kind: Kind, given: list[Any], attempts: int) -> None:
    """The refused token is not sent again, and what the callable does wrong does not hide the 401."""
    api = Api(answer(401), answer(401))
    with pytest.raises(AuthenticationError) as caught:
        send(kind, api, auth=ApiKey(tokens(*given)))
    assert (caught.value.attempts, len(api.requests)) == (attempts, attempts)


@every_client
def test_401_is_raised_at_once_for_a_token_that_cannot_change(kind: Kind) -> None:
    """A string stays what it is."""
    api = Api(answer(401))
    with pytest.raises(AuthenticationError, match="the header Api-Key"):
        send(kind, api, auth=ApiKey("a"))
    assert len(api.requests) == 1


@pytest.mark.parametrize("cls", [ApiKey, OAuthToken])
@pytest.mark.parametrize(
    ("token", "kept"), [("ACMA:abc", "the token *** is revoked"), ("ACMA:ab", "the token ACMA:ab is revoked")]
)
def test_a_token_that_a_server_quotes_is_masked(
    cls: type[ApiKey | OAuthToken], token: str, kept: str
) -> None:
    """The error keeps the body and its words without it; what is too short for a token may be a word."""
    with pytest.raises(AuthenticationError) as caught:
        send("sync", Api(answer(401, envelope(f"the token {token} is revoked"))), auth=cls(token))
    assert caught.value.body == envelope(kept)
    assert f"(CODE: {kept})" in str(caught.value)


@pytest.mark.parametrize("cls", [ApiKey, OAuthToken])
def test_a_token_that_an_exception_quotes_is_masked(cls: type[ApiKey | OAuthToken]) -> None:
    """Its causes, which are those of httpcore and h11, quote it too; what is too short may be a word."""
    failure, cause, context = httpx.ReadError("a ACMA:abc"), ValueError("ACMA:abc", 5), ValueError("ACMA:abc")
    cause.__context__, failure.__cause__ = context, cause
    with pytest.raises(ConnectionLostError, match=r"\(ReadError: a \*\*\*\)") as caught:
        send("sync", Api(failure), auth=cls("ACMA:abc"))
    assert caught.value.__cause__ is failure
    assert (failure.args, cause.args, context.args) == (("a ***",), ("***", 5), ("***",))
    short = httpx.ReadError("ACMA:ab")
    with pytest.raises(ConnectionLostError, match=r"ACMA:ab"):
        send("sync", Api(short), auth=cls("ACMA:ab"))


def test_without_a_token_nothing_is_masked() -> None:
    """Whoever sends a request of their own without credentials gets the body as it is."""
    body = envelope("nobody")
    with pytest.raises(AuthenticationError) as caught:
        use("sync", lambda chats: chats.client.get_httpx_client().get("/", auth=None), Api(answer(401, body)))
    assert caught.value.body == body


@every_client
def test_a_callable_that_raises_is_a_matter_of_configuration(kind: Kind) -> None:
    """Nothing is sent, and what it raised is the cause, whose words are not repeated."""
    api, cause = Api(), RuntimeError("the vault is shut")
    with pytest.raises(ConfigurationError) as caught:
        send(kind, api, auth=ApiKey(tokens(cause)))
    assert caught.value.__cause__ is cause
    assert str(caught.value) == (
        "ApiKey: the callable that gives the token raised RuntimeError. Nothing was sent."
    )
    assert (caught.value.attempts, api.requests) == (0, [])


@every_client
def test_a_callable_that_raises_later_leaves_the_earlier_attempts_on_record(kind: Kind) -> None:
    """What may have been sent stays so, and only real attempts are counted."""
    api = Api(answer(500))
    retries = RetryPolicy(backoff=0, resend_unknown=True)
    with pytest.raises(ConfigurationError) as caught:
        send(kind, api, auth=ApiKey(tokens("a", RuntimeError())), retries=retries)
    assert (caught.value.attempts, caught.value.delivery) == (1, Delivery.UNKNOWN)


@pytest.mark.parametrize("cls", [ApiKey, OAuthToken])
@pytest.mark.parametrize(("token", "defect"), UNUSABLE)
def test_an_unusable_token_is_refused_at_construction(
    cls: type[ApiKey | OAuthToken], token: Any, defect: str
) -> None:
    """The words say what is wrong and for which kind, without the token."""
    with pytest.raises(ConfigurationError) as caught:
        cls(token)
    assert str(caught.value) == f"{cls.__name__}: the token {defect}. Nothing was sent."


@every_client
@pytest.mark.parametrize(("token", "defect"), UNUSABLE)
def test_an_unusable_token_of_a_callable_is_never_sent(kind: Kind, token: Any, defect: str) -> None:
    """It is refused when it is given."""
    api = Api()
    with pytest.raises(
        ConfigurationError, match=f"^OAuthToken: the callable gave a token that {re.escape(defect)}"
    ):
        send(kind, api, auth=OAuthToken(lambda: token))
    assert api.requests == []


@pytest.mark.parametrize(
    ("environment", "given", "value"),
    [
        ({"YANDEX_MARKET_API_KEY": "a", "YANDEX_MARKET_OAUTH_TOKEN": "o"}, ApiKey("given"), "given"),
        ({"YANDEX_MARKET_API_KEY": "a", "YANDEX_MARKET_OAUTH_TOKEN": "o"}, None, "a"),
        ({"YANDEX_MARKET_API_KEY": "", "YANDEX_MARKET_OAUTH_TOKEN": "o"}, None, "Bearer o"),
        ({"YANDEX_MARKET_OAUTH_TOKEN": "o"}, None, "Bearer o"),
    ],
)
def test_credentials_are_looked_up_in_order(
    environment: dict[str, str], given: ApiKey | None, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The argument comes first, then the Api-Key token of the environment, then the OAuth token."""
    for variable, token in environment.items():
        monkeypatch.setenv(variable, token)
    api = Api(answer())
    send("sync", api, auth=given)
    sent = api.requests[0].headers
    assert sent.get("Api-Key", sent.get("Authorization")) == value


def test_no_credentials_name_the_variables_to_set() -> None:
    """The words are the way out."""
    with pytest.raises(
        ConfigurationError, match=r"set YANDEX_MARKET_API_KEY \(or YANDEX_MARKET_OAUTH_TOKEN\), or give auth="
    ):
        find_credentials(None)


@pytest.mark.parametrize("variable", ["YANDEX_MARKET_API_KEY", "YANDEX_MARKET_OAUTH_TOKEN"])
def test_an_unusable_token_of_the_environment_names_its_variable(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line break that came along from a file is the usual mistake."""
    monkeypatch.setenv(variable, "ACMA:a\n")
    with pytest.raises(ConfigurationError, match=f"Correct the variable {variable}: .* has a space, a line"):
        find_credentials(None)


@pytest.mark.parametrize("auth", ["ACMA:a", ("user", "password"), 5])
def test_credentials_of_another_type_are_refused(auth: Any) -> None:
    """A bare string would leave open which header it is for."""
    with pytest.raises(ConfigurationError, match=r"^auth must be ApiKey\(token\) or OAuthToken\(token\)"):
        MarketChats(business_id=1, auth=auth)


@pytest.mark.parametrize(("auth", "shown"), [(ApiKey("a"), "ApiKey(…)"), (OAuthToken(str), "OAuthToken(…)")])
def test_repr_shows_the_kind_alone(auth: ApiKey | OAuthToken, shown: str) -> None:
    """Neither the token nor the callable is there."""
    assert repr(auth) == str(auth) == shown
