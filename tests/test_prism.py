"""The clients against Prism, an independent mock server of openapi.yaml."""

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
from mock_api import TEXT, Api, Kind, every_client, send, use
from versions import CONTRACT, ROOT
from yandex_market_chats import (
    ApiError,
    ApiKey,
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


def install() -> list[str]:
    """Return the command that runs Prism; skip the test if it cannot be installed, as without a network."""
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


def to_prism(base_url: str, auth: ApiKey | OAuthToken | None = None) -> dict[str, Any]:
    """Return the settings of a client that sends to Prism."""
    return {"transport": None, "base_url": base_url, "auth": auth or ApiKey(API_KEY)}


@every_client
@pytest.mark.parametrize("auth", [ApiKey(API_KEY), OAuthToken(OAUTH)], ids=["api key", "oauth"])
def test_a_message_is_sent_as_the_contract_asks_for(
    prism: str, kind: Kind, auth: ApiKey | OAuthToken
) -> None:
    """Prism checks parameters, body and credentials, and answers with the example of a success."""
    assert send(kind, Api(), **to_prism(prism, auth)).attempts == 1


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
    result = use("sync", lambda chats: getattr(chats, name)(**arguments), Api(), **to_prism(prism))
    assert type(result).__name__ == model


@pytest.mark.parametrize(("status", "example", "envelope"), list(errors()))
def test_each_example_of_an_error_becomes_the_error_of_its_status(
    prism: str, status: int, example: str, envelope: dict[str, Any]
) -> None:
    """Each status of the contract has a class, and the envelope is read."""

    def action(chats: MarketChats) -> None:
        chats.client.get_httpx_client().headers["Prefer"] = f"code={status}, example={example}"
        chats.send_message(chat_id=42, message=TEXT)

    with pytest.raises(ApiError) as caught:
        use("sync", action, Api(), **to_prism(prism), retries=RetryPolicy.disabled())
    error = caught.value
    assert (type(error), error.status_code) == (CLASSES[status], status)
    assert [item._asdict() for item in error.errors] == envelope["errors"]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        pytest.param({"headers": {}}, 401, id="no credentials"),
        pytest.param({"params": {}}, 400, id="no chat"),
        pytest.param({"params": {"chatId": 0}}, 400, id="chat 0"),
        pytest.param({"json": {"message": ""}}, 400, id="empty message"),
        pytest.param({"json": {"message": "Ы" * 4097}}, 400, id="long message"),
        pytest.param({"json": {"text": TEXT}}, 400, id="no message"),
    ],
)
def test_a_request_that_breaks_the_contract_is_refused(
    prism: str, change: dict[str, Any], status: int
) -> None:
    """Prism validates requests: a plain request that breaks the contract is not a success."""
    request: dict[str, Any] = {
        "headers": {"Api-Key": API_KEY},
        "params": {"chatId": 42},
        "json": {"message": TEXT},
        **change,
    }
    answer = httpx.post(f"{prism}/v2/businesses/123456/chats/message", trust_env=False, **request)
    assert answer.status_code == status


def test_every_status_of_the_contract_has_its_class() -> None:
    """A status that is added to the contract must be added here."""
    assert {param.values[0] for param in errors()} == CLASSES.keys()
