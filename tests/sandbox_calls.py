"""Calls of the sandbox by a plain HTTP client, without the SDK."""

from typing import Any

import httpx

from yandex_market_chats.sandbox import Sandbox

TEXT = "Заказ уже в пути"
RESOURCES = {
    "getChats": ("POST", "chats"),
    "getChat": ("GET", "chat"),
    "getChatHistory": ("POST", "chats/history"),
    "getChatMessage": ("GET", "chats/message"),
    "createChat": ("POST", "chats/new"),
    "sendMessageToChat": ("POST", "chats/message"),
    "sendFileToChat": ("POST", "chats/file/send"),
}
# Creating a client takes longer than a request.
_CLIENT = httpx.Client(trust_env=False)


def call(sandbox: Sandbox, operation: str, *, business_id: object = None, **request: Any) -> httpx.Response:
    """Call an operation, by default with valid credentials and `{}`, which is valid for all reads."""
    method, resource = RESOURCES[operation]
    path = f"/v2/businesses/{business_id or sandbox.business_id}/{resource}"
    body: dict[str, Any] = (
        {"json": {}} if method == "POST" and not {"content", "files", "json"} & request.keys() else {}
    )
    return _CLIENT.request(
        method, sandbox.base_url + path, **{"headers": {"Api-Key": sandbox.token}, **body, **request}
    )


def send(sandbox: Sandbox, chat_id: object = 42, text: str = TEXT, **request: Any) -> httpx.Response:
    """Send a message."""
    params, json = {"chatId": chat_id}, {"message": text}
    return call(sandbox, "sendMessageToChat", **{"params": params, "json": json, **request})


def send_file(sandbox: Sandbox, content: bytes, name: str = "чек.pdf", chat_id: int = 42) -> httpx.Response:
    """Send a file."""
    files = {"file": (name, content)}
    return call(sandbox, "sendFileToChat", params={"chatId": chat_id}, files=files)


def result(response: httpx.Response) -> Any:
    """Return the result in a successful answer."""
    answer = response.json()
    assert (response.status_code, answer["status"]) == (200, "OK")
    return answer["result"]


def history(sandbox: Sandbox, chat_id: int = 42, **request: Any) -> list[dict[str, Any]]:
    """Return the messages on the first page of a chat's history."""
    messages: list[dict[str, Any]] = result(
        call(sandbox, "getChatHistory", params={"chatId": chat_id}, **request)
    )["messages"]
    return messages


def refusal(response: httpx.Response) -> tuple[int, str]:
    """Return the status and the message of an answer with the error envelope."""
    answer = response.json()
    (error,) = answer["errors"]
    assert answer["status"] == "ERROR"
    return response.status_code, error["message"]
