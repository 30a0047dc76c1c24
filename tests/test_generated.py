"""The generated functions and models: over our client, over a bare one, and on the contract's examples."""

from collections.abc import Callable, Iterator
from typing import Any

import anyio
import httpx
import pytest
import yaml  # type: ignore[import-untyped]

from mock_api import PARALLEL, SUCCESS, TEXT, TOKEN, Api, Kind, answer, every_client, use
from versions import CONTRACT, ROOT
from yandex_market_chats import RateLimitError
from yandex_market_chats_generated import AuthenticatedClient, Client, errors, models
from yandex_market_chats_generated.api.chats import send_message_to_chat
from yandex_market_chats_generated.models import (
    ApiError,
    ApiErrorResponse,
    ApiResponse,
    ApiResponseStatusType,
    SendMessageToChatRequest,
)
from yandex_market_chats_generated.types import Response

ARGUMENTS: dict[str, Any] = {"business_id": 123456, "chat_id": 42, "body": SendMessageToChatRequest(TEXT)}
OK = ApiResponse(ApiResponseStatusType.OK)
URL = "https://api.example.test"


def over_ours(kind: Kind, *outcomes: httpx.Response) -> Any:
    """Call the generated function with the client below `MarketChats` or `AsyncMarketChats`."""
    function = send_message_to_chat.sync if kind == "sync" else send_message_to_chat.asyncio
    return use(kind, lambda chats: function(client=chats.client, **ARGUMENTS), Api(*outcomes))


def over_bare(kind: Kind, status: int, body: bytes, **options: Any) -> Response[Any]:
    """Call the generated function with a generated client and nothing of ours below it."""
    client = Client(URL, httpx_args={"transport": httpx.MockTransport(Api(answer(status, body)))}, **options)
    if kind == "sync":
        with client:
            return send_message_to_chat.sync_detailed(client=client, **ARGUMENTS)

    async def main() -> Response[Any]:
        async with client:
            return await send_message_to_chat.asyncio_detailed(client=client, **ARGUMENTS)

    return anyio.run(main, backend=kind)


@every_client
def test_generated_functions_retry_over_our_client(kind: Kind) -> None:
    """A user of the generated functions needs no loop for rejected requests."""
    assert over_ours(kind, answer(420, PARALLEL), answer()) == OK


@every_client
def test_generated_functions_raise_our_errors_over_our_client(kind: Kind) -> None:
    """A user of the generated functions need not check whether `parsed` is an error."""
    with pytest.raises(RateLimitError):
        over_ours(kind, *(answer(420, PARALLEL) for _ in range(10)))


def test_a_bare_client_returns_every_status_as_a_number() -> None:
    """`http.HTTPStatus` raises ValueError for 420, 499 and other statuses that servers return."""
    returned = {status: over_bare("sync", status, b"").status_code for status in range(200, 600)}
    assert returned == {status: status for status in range(200, 600)}


@every_client
def test_a_bare_client_parses_a_success(kind: Kind) -> None:
    """The body becomes the model of the contract."""
    assert over_bare(kind, 200, SUCCESS).parsed == OK


@pytest.mark.parametrize("status", [400, 420])
def test_a_bare_client_parses_an_error(status: int) -> None:
    """Users of the generated functions alone read the error's text from the model."""
    errors = [ApiError("CODE", "Hit rate limit of 4 parallel requests for businessId 12345")]
    parsed = over_bare("sync", status, PARALLEL).parsed
    assert parsed == ApiErrorResponse(ApiResponseStatusType.ERROR, errors)


@pytest.mark.parametrize(
    "body",
    [b"<html>", b"null", b"{}", b"\xff", b"[" * 9999],
    ids=["html", "null", "no status", "not UTF-8", "too deep"],
)
def test_a_bare_client_keeps_a_body_that_it_cannot_parse(body: bytes) -> None:
    """A gateway's page must not raise an exception of the JSON parser."""
    response = over_bare("sync", 200, body)
    assert (response.parsed, response.content) == (None, body)


def test_a_bare_client_can_raise_undocumented_statuses() -> None:
    """The generator's own option must survive the patches of its templates."""
    with pytest.raises(errors.UnexpectedStatus, match=r"^Unexpected status code: 502"):
        over_bare("sync", 502, b"", raise_on_unexpected_status=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AuthenticatedClient(URL, token=TOKEN),
        lambda: Client(
            URL, headers={"Api-Key": TOKEN}, cookies={"a": TOKEN}, httpx_args={"auth": ("user", TOKEN)}
        ),
    ],
    ids=["token", "options"],
)
def test_the_repr_of_a_bare_client_shows_no_secret(make: Callable[[], AuthenticatedClient | Client]) -> None:
    """Logs and tracebacks print objects; creating the httpx client may copy a token into another field."""
    client = make()
    assert TOKEN not in repr(client)
    with client.get_httpx_client():
        assert TOKEN not in repr(client)


def bodies() -> Iterator[tuple[str, Any]]:
    """Yield the schema and the value of every example of a JSON body in the contract."""
    contract = yaml.safe_load((ROOT / CONTRACT).read_text(encoding="utf-8"))
    operations = [operation for path in contract["paths"].values() for operation in path.values()]
    answers = [answer for operation in operations for answer in operation["responses"].values()]
    requests = [operation["requestBody"] for operation in operations if "requestBody" in operation]
    for body in [*requests, *contract["components"]["responses"].values(), *answers]:
        content = body.get("content", {}).get("application/json", {"examples": {}})
        for example in content["examples"].values():
            yield content["schema"]["$ref"].rpartition("/")[2], example["value"]


def test_models_lose_nothing_of_the_examples_in_the_contract() -> None:
    """The generator drops properties of some schemas without a warning."""
    examples = list(bodies())
    assert len({schema for schema, _ in examples}) == 11
    for schema, value in examples:
        model = getattr(models, schema).from_dict(value)
        assert model.to_dict() == value
        assert not model.additional_keys
