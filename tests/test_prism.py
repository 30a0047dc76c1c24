"""The SDK against Prism, a mock server of openapi.yaml that nobody here wrote."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]

import node_tools
from versions import CONTRACT, ROOT
from yandex_market_chats import (
    ApiError,
    ApiKey,
    AsyncMarketChats,
    AuthenticationError,
    BadRequestError,
    MarketChats,
    NotFoundError,
    OAuthToken,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    ServerError,
)
from yandex_market_chats.sandbox import API_KEY, OAUTH
from yandex_market_chats_generated.models import ChatContext, ChatContextIdentifiableType, ChatStatusType
from yandex_market_chats_generated.types import File

pytestmark = pytest.mark.tooling

CLASSES: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    420: RateLimitError,
    500: ServerError,
}
MESSAGE = "Заказ уже в пути"


def errors() -> Iterator[Any]:
    """Yield status, name and value of each example of an error; all operations share them."""
    contract = yaml.safe_load((ROOT / CONTRACT).read_text(encoding="utf-8"))
    operation, *_ = contract["paths"].values()
    for status, answer in operation["post"]["responses"].items():
        if "$ref" in answer:
            name = answer["$ref"].rpartition("/")[2]
            content = contract["components"]["responses"][name]["content"]["application/json"]
            for name, example in content["examples"].items():
                yield pytest.param(int(status), name, example["value"], id=f"{status}-{name}")


each_error = pytest.mark.parametrize(("status", "example", "envelope"), list(errors()))
each_kind = pytest.mark.parametrize("auth", [ApiKey(API_KEY), OAuthToken(OAUTH)], ids=["api key", "oauth"])


def install() -> list[str]:
    """Return the command line of Prism; where it cannot be installed, as without a network, skip."""
    try:
        return node_tools.command("prism")
    except subprocess.CalledProcessError:
        if "CI" in os.environ:
            raise
        pytest.skip("npm could not install @stoplight/prism-cli")


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """Serve the contract on a free port, and yield the address."""
    process = subprocess.Popen(
        [*install(), "mock", "--host", "127.0.0.1", "--port", "0", CONTRACT],
        cwd=ROOT,
        env=node_tools.ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    # Prism prints a line for each request, and stops when no one reads them.
    listener = threading.Thread(target=process.communicate)
    try:
        yield address(process)
    finally:
        listener.start()
        process.terminate()
        listener.join()


def address(process: subprocess.Popen[str]) -> str:
    """Wait until Prism listens, and read where."""
    lines = []
    for line in process.stdout or ():
        lines.append(line)
        if found := re.search(r"listening on (http://\S+)", line):
            return found[1]
    raise RuntimeError("".join(lines))


def settings(base_url: str, auth: ApiKey | OAuthToken | None = None) -> dict[str, Any]:
    """Return the arguments of a client that sends to Prism, once."""
    return {
        "business_id": 123456,
        "auth": auth or ApiKey(API_KEY),
        "base_url": base_url,
        "retries": RetryPolicy.disabled(),
    }


def assert_example(error: ApiError, status: int, envelope: dict[str, Any]) -> None:
    """Compare an error with the example of the contract that it was made of."""
    assert type(error) is CLASSES[status]
    assert error.status_code == status
    assert [item._asdict() for item in error.errors] == envelope["errors"]


@each_kind
def test_the_request_of_the_sync_client_is_what_the_contract_asks_for(
    prism: str, auth: ApiKey | OAuthToken
) -> None:
    """Prism checks parameters, body and credentials, and answers with the example of a success."""
    with MarketChats(**settings(prism, auth)) as chats:
        assert chats.send_message(chat_id=42, message=MESSAGE).attempts == 1


@pytest.mark.anyio
@each_kind
async def test_the_request_of_the_async_client_is_the_same(prism: str, auth: ApiKey | OAuthToken) -> None:
    """Prism accepts it under asyncio and trio."""
    async with AsyncMarketChats(**settings(prism, auth)) as chats:
        assert (await chats.send_message(chat_id=42, message=MESSAGE)).attempts == 1


OPERATIONS: dict[str, tuple[dict[str, Any], str]] = {
    "get_chats": ({"limit": 5, "statuses": [ChatStatusType.NEW]}, "ChatsPage"),
    "get_chat": ({"chat_id": 42}, "Chat"),
    "get_chat_history": ({"chat_id": 42, "message_id_from": 7, "page_token": "x"}, "ChatHistoryPage"),
    "get_chat_message": ({"chat_id": 42, "message_id": 7}, "ChatMessage"),
    "create_chat": ({"context": ChatContext(ChatContextIdentifiableType.ORDER, 555)}, "CreatedChat"),
    "send_file_to_chat": ({"chat_id": 42, "file": File(BytesIO(b"%PDF"), "a.pdf")}, "ApiResponse"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_operation_sends_what_the_contract_asks_for(prism: str, name: str) -> None:
    """Prism validates the request, and its answer, an example of the contract, becomes the model."""
    arguments, model = OPERATIONS[name]
    with MarketChats(**settings(prism)) as chats:
        assert type(getattr(chats, name)(**arguments)).__name__ == model


@each_error
def test_the_sync_client_makes_the_right_error_of_each_example(
    prism: str, status: int, example: str, envelope: dict[str, Any]
) -> None:
    """Each status of the contract is a class, and its envelope is read."""
    with MarketChats(**settings(prism)) as chats:
        chats.client.get_httpx_client().headers["Prefer"] = f"code={status}, example={example}"
        with pytest.raises(ApiError) as caught:
            chats.send_message(chat_id=42, message=MESSAGE)
    assert_example(caught.value, status, envelope)


@pytest.mark.anyio
@each_error
async def test_the_async_client_makes_the_same_error_of_each_example(
    prism: str, status: int, example: str, envelope: dict[str, Any]
) -> None:
    """The same under asyncio and trio."""
    async with AsyncMarketChats(**settings(prism)) as chats:
        chats.client.get_async_httpx_client().headers["Prefer"] = f"code={status}, example={example}"
        with pytest.raises(ApiError) as caught:
            await chats.send_message(chat_id=42, message=MESSAGE)
    assert_example(caught.value, status, envelope)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"headers": {}}, 401, id="no credentials"),
        pytest.param({"params": {}}, 400, id="no chat"),
        pytest.param({"params": {"chatId": 0}}, 400, id="chat 0"),
        pytest.param({"json": {"message": ""}}, 400, id="empty message"),
        pytest.param({"json": {"message": "Ы" * 4097}}, 400, id="long message"),
        pytest.param({"json": {"text": MESSAGE}}, 400, id="no message"),
    ],
)
def test_a_request_that_breaks_the_contract_is_refused(
    prism: str, change: dict[str, Any], status: int
) -> None:
    """Prism does look at what it gets: a plain post that breaks the contract is no success."""
    request: dict[str, Any] = {
        "headers": {"Api-Key": API_KEY},
        "params": {"chatId": 42},
        "json": {"message": MESSAGE},
        **change,
    }
    answer = httpx.post(f"{prism}/v2/businesses/123456/chats/message", trust_env=False, **request)
    assert answer.status_code == status


def test_every_status_of_the_contract_has_its_class() -> None:
    """A status that the contract gains asks for a line here."""
    assert {param.values[0] for param in errors()} == CLASSES.keys()
