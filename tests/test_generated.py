"""The generated functions used as they are: over our client, and over a bare one."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from calls import PARALLEL
from mock_api import SUCCESS, TEXT, TOKEN, Api, Kind, answer, envelope, every_client, use
from yandex_market_chats import MarketError, RateLimitError, ServerError, UnexpectedAnswerError
from yandex_market_chats_generated import AuthenticatedClient, Client, errors
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
DOCUMENTED = {200, 400, 401, 403, 404, 420, 500}
OK = ApiResponse(ApiResponseStatusType.OK)
URL = "https://api.example.test"


def over_ours(kind: Kind, *outcomes: httpx.Response) -> Any:
    """Call the generated function with the client below `MarketChats` or `AsyncMarketChats`."""
    function = send_message_to_chat.sync if kind == "sync" else send_message_to_chat.asyncio
    return use(kind, lambda chats: function(client=chats.client, **ARGUMENTS), Api(*outcomes))


def over_bare(kind: Kind, status: int, body: bytes, **options: Any) -> Response[Any]:
    """Call the generated function with nothing of ours below it."""
    client = Client(URL, httpx_args={"transport": httpx.MockTransport(Api(answer(status, body)))}, **options)
    if kind == "sync":
        with client:
            return send_message_to_chat.sync_detailed(client=client, **ARGUMENTS)

    async def main() -> Response[Any]:
        async with client:
            return await send_message_to_chat.asyncio_detailed(client=client, **ARGUMENTS)

    return anyio.run(main, backend=kind)


@every_client
def test_our_client_repeats_below_the_generated_functions(kind: Kind) -> None:
    """They get the last answer, parsed."""
    assert over_ours(kind, answer(420, PARALLEL), answer(503), answer()) == OK


@every_client
@pytest.mark.parametrize(
    ("status", "body", "cls"),
    [
        (420, envelope("1000 requests per 1 hour"), RateLimitError),
        (500, envelope("Internal server error"), ServerError),
        (502, b"<html>", ServerError),
        (200, b"<html>", UnexpectedAnswerError),
        (200, b'{"status": "ERROR"}', UnexpectedAnswerError),
    ],
)
def test_our_client_raises_our_errors_out_of_the_generated_functions(
    kind: Kind, status: int, body: bytes, cls: type[MarketError]
) -> None:
    """Nobody has to look into a `parsed` that may be an error."""
    with pytest.raises(cls):
        over_ours(kind, *(answer(status, body) for _ in range(5)))


@every_client
def test_a_bare_client_gives_every_status_as_a_number(kind: Kind) -> None:
    """420 and other numbers that `http.HTTPStatus` does not have are no `ValueError`."""
    answers = {status: over_bare(kind, status, b"") for status in range(200, 600)}
    assert {status: (answer.status_code, answer.parsed) for status, answer in answers.items()} == {
        status: (status, None) for status in range(200, 600)
    }


@every_client
@pytest.mark.parametrize("status", sorted(DOCUMENTED))
def test_a_bare_client_parses_documented_statuses(kind: Kind, status: int) -> None:
    """The body becomes the model that the contract names."""
    response = over_bare(kind, status, SUCCESS if status == 200 else PARALLEL)
    error = ApiError("CODE", "Hit rate limit of 4 parallel requests for businessId 12345")
    expected = OK if status == 200 else ApiErrorResponse(ApiResponseStatusType.ERROR, [error])
    assert (response.status_code, response.parsed) == (status, expected)


@every_client
@pytest.mark.parametrize("status", sorted(DOCUMENTED))
@pytest.mark.parametrize(
    "body",
    [
        b"<html>",
        b"",
        b'{"status": "OK"',
        b"[]",
        b"null",
        b"1",
        b"{}",
        b"\xff",
        b"[" * 9999,
    ],
    ids=["html", "empty", "half", "list", "null", "number", "no status", "no text", "deep"],
)
def test_a_bare_client_parses_nothing_out_of_something_else(kind: Kind, status: int, body: bytes) -> None:
    """A body that is not what the contract says is no foreign exception; it is kept as it came."""
    response = over_bare(kind, status, body)
    assert (response.status_code, response.parsed, response.content) == (status, None, body)


@every_client
@pytest.mark.parametrize("raised", [418, 502])
def test_a_bare_client_can_raise_undocumented_statuses(kind: Kind, raised: int) -> None:
    """The generator's own option still works."""
    with pytest.raises(errors.UnexpectedStatus, match=f"^Unexpected status code: {raised}"):
        over_bare(kind, raised, b"", raise_on_unexpected_status=True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: AuthenticatedClient(URL, token=TOKEN),
        lambda: Client(URL, headers={"Api-Key": TOKEN}),
        lambda: Client(URL, cookies={"session": TOKEN}),
        lambda: Client(URL, httpx_args={"auth": ("user", TOKEN)}),
    ],
    ids=["token", "headers", "cookies", "httpx_args"],
)
def test_a_bare_client_shows_no_secret(make: Callable[[], AuthenticatedClient | Client]) -> None:
    """Neither before nor after it has made the httpx client below it."""
    client = make()
    assert TOKEN not in repr(client) + str(client)
    with client.get_httpx_client():
        assert TOKEN not in repr(client) + str(client)


def test_a_generated_message_is_the_contracts_object() -> None:
    """It is what the contract calls the body."""
    assert SendMessageToChatRequest(TEXT).to_dict() == {"message": TEXT}
