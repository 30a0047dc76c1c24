"""The requests that the sandbox refuses, and the vendor's messages for them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox_calls import call, refusal, send, send_file
from yandex_market_chats.sandbox import (
    API_KEY_WITHOUT_ACCESS,
    EXPIRED_OAUTH,
    OAUTH,
    REVOKED_API_KEY,
    TOKENS,
    Sandbox,
)

_LARGEST_ID = 2**63 - 1
_MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox; none of the requests changes it."""
    with Sandbox() as sandbox:
        yield sandbox
        assert not sandbox.messages
        assert not sandbox.files


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 401, "Credentials are not specified"),
        ({"Authorization": f"Basic {OAUTH}"}, 401, "Credentials are not specified"),
        ({"Authorization": f"Bearer {EXPIRED_OAUTH}"}, 403, "OAuth token is invalid"),
        ({"Api-Key": "other"}, 401, "Api-Key token is invalid"),
        ({"Api-Key": REVOKED_API_KEY}, 401, "Api-Key token is revoked"),
        ({"Api-Key": "Bearer other"}, 401, "Api-Key token prefix invalid"),
        (
            {"Api-Key": API_KEY_WITHOUT_ACCESS},
            403,
            "Token does not have any of the scopes to access the API method",
        ),
    ],
)
def test_invalid_credentials_are_refused(
    sandbox: Sandbox, headers: dict[str, str], status: int, message: str
) -> None:
    """Credentials are checked before anything else, and the message says what is wrong with them."""
    assert refusal(send(sandbox, "x", business_id="x", headers=headers)) == (status, message)


def test_every_token_has_a_summary() -> None:
    """The command line prints the tokens with their summaries."""
    assert TOKENS.keys() >= {OAUTH, EXPIRED_OAUTH, REVOKED_API_KEY, API_KEY_WITHOUT_ACCESS}
    assert all(summary.endswith(".") for summary in TOKENS.values())


def test_other_business_is_denied(sandbox: Sandbox) -> None:
    """A token belongs to one business."""
    assert refusal(send(sandbox, business_id=654321)) == (403, "Access denied")


def test_unknown_path_is_404(sandbox: Sandbox) -> None:
    """The answer is that of a mistake in the path, not of a chat that is missing."""
    for path in ("/", "/v2/businesses/123456/chats/message/"):
        answer = httpx.post(sandbox.base_url + path, trust_env=False)
        assert refusal(answer) == (404, "Resource not found")


def test_other_method_is_405_and_names_the_right_ones(sandbox: Sandbox) -> None:
    """The header `Allow` lists both operations on the path."""
    answer = httpx.put(f"{sandbox.base_url}/v2/businesses/123456/chats/message", trust_env=False)
    assert refusal(answer) == (405, "Request method 'PUT' not supported")
    assert answer.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "'{}' must be greater than or equal to 1 (rejected value: '0')"),
        (str(_LARGEST_ID + 1), f"Type mismatch: '{_LARGEST_ID + 1}'"),
        ("1_0", "Type mismatch: '1_0'"),
        ("٤٢", "Type mismatch: '٤٢'"),
    ],
)
def test_invalid_ids_are_refused(sandbox: Sandbox, value: str, message: str) -> None:
    """An id is an integer of ASCII digits, from 1 to the largest int64."""
    assert refusal(send(sandbox, value)) == (400, message.format("chatId"))
    assert refusal(send(sandbox, business_id=value)) == (400, message.format("businessId"))


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("getChat", {}, "Required request parameter 'chatId' is not present"),
        ("getChat", {"chatId": [1, 1]}, "Type mismatch: '1,1'"),
        ("getChatMessage", {"chatId": 1}, "Required request parameter 'messageId' is not present"),
        ("getChats", {"limit": 0}, "Non positive limit"),
        ("getChats", {"limit": 21}, "Limit exceeded"),
        ("getChatHistory", {"chatId": 1, "limit": 101}, "Limit exceeded"),
        ("getChats", {"limit": "ten"}, "Type mismatch: 'ten'"),
        ("getChats", {"pageToken": "2"}, "Bad page token"),
    ],
)
def test_invalid_parameters_are_refused(
    sandbox: Sandbox, operation: str, params: dict[str, Any], message: str
) -> None:
    """A client must not rely on a value that is cut or ignored."""
    assert refusal(call(sandbox, operation, params=params)) == (400, message)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Required request body is missing"),
        (b"{", "JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "JSON: an object is expected"),
        (b"{}", "'message' must not be null (rejected value: null)"),
        (b'{"message": 1}', "Illegal input at 'message'"),
        (rb'{"message": "\ud83d"}', "Illegal input at 'message'"),
        (b'{"message": ""}', "'message' size must be between 1 and 4096 (rejected value: '')"),
        (
            b'{"message": "%s"}' % (b"$" * 4097),
            f"'message' size must be between 1 and 4096 (rejected value: '{'$' * 4097}')",
        ),
        (b'{"message": "x"}'.ljust(512 * 1024 + 1), "The request is too big"),
        (b'{"message": "x"}'.ljust(6 * _MEGABYTE), "The request is too big"),
    ],
    ids=lambda value: value[:20],
)
def test_invalid_messages_are_refused(sandbox: Sandbox, content: bytes, message: str) -> None:
    """An error quotes what was sent, as the vendor's do: clients must not log it."""
    headers = {"Content-Type": "application/json", "Api-Key": sandbox.token}
    assert refusal(send(sandbox, json=None, content=content, headers=headers)) == (400, message)


@pytest.mark.parametrize("content", [b'{"message": "\xff"}', b"[" * 100_000])
def test_body_that_is_not_json_is_refused(sandbox: Sandbox, content: bytes) -> None:
    """Neither another encoding nor deep nesting may crash the sandbox."""
    headers = {"Content-Type": "application/json", "Api-Key": sandbox.token}
    status, message = refusal(send(sandbox, json=None, content=content, headers=headers))
    assert (status, message.partition(":")[0]) == (400, "JSON")


@pytest.mark.parametrize(
    ("operation", "body", "message"),
    [
        (
            "getChatHistory",
            {"messageIdFrom": None},
            "'messageIdFrom' must not be null (rejected value: null)",
        ),
        ("getChatHistory", {"messageIdFrom": True}, "Illegal input at 'messageIdFrom'"),
        (
            "getChatHistory",
            {"messageIdFrom": 0},
            "'messageIdFrom' must be greater than or equal to 1 (rejected value: '0')",
        ),
        ("createChat", {}, "'context' must not be null (rejected value: null)"),
        ("createChat", {"context": 555}, "Illegal input at 'context'"),
        ("createChat", {"context": {"type": "DIRECT", "id": 555}}, "Illegal input at 'context.type'"),
        ("getChats", {"contexts": [{"type": "ORDER", "id": 2**63}]}, "Illegal input at 'contexts[0].id'"),
        ("getChats", {"statuses": "NEW"}, "Illegal input at 'statuses'"),
        ("getChats", {"statuses": []}, "'statuses' must not be empty (rejected value: [])"),
        ("getChats", {"statuses": ["NEW", "OLD"]}, "Illegal input at 'statuses[1]'"),
        ("getChats", {"types": ["CHAT", "CHAT"]}, "Illegal input at 'types'"),
    ],
)
def test_invalid_fields_are_refused(
    sandbox: Sandbox, operation: str, body: dict[str, Any], message: str
) -> None:
    """A field is refused by its path in the body."""
    assert refusal(call(sandbox, operation, params={"chatId": 42}, json=body)) == (400, message)


@pytest.mark.parametrize(
    ("operation", "content_type"), [("sendMessageToChat", "text/plain"), ("sendFileToChat", "image/png")]
)
def test_other_content_types_are_refused(sandbox: Sandbox, operation: str, content_type: str) -> None:
    """A text is JSON, and a file is multipart."""
    headers = {"Content-Type": content_type, "Api-Key": sandbox.token}
    answer = call(sandbox, operation, params={"chatId": 42}, content=b"{}", headers=headers)
    assert refusal(answer) == (415, f"Content type '{content_type}' not supported")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([("other", ("a.txt", b"x"))], "Required request parameter 'file' is not present"),
        ([("file", (None, b"x"))], "Required request parameter 'file' is not present"),
        ([("file", ("a.txt", b"x")), ("file", ("b.txt", b"x"))], "Illegal input at 'file'"),
    ],
)
def test_a_request_sends_one_file(sandbox: Sandbox, files: list[Any], message: str) -> None:
    """A file without a name is a plain form field, and a second file would be lost."""
    answer = call(sandbox, "sendFileToChat", params={"chatId": 42}, files=files)
    assert refusal(answer) == (400, message)


@pytest.mark.parametrize(
    ("boundary", "end"),
    [("", ""), ("; boundary=limit", ""), ("; boundary=limit", "\r\n--limitless\r\n--limit--")],
)
def test_malformed_multipart_is_refused(sandbox: Sandbox, boundary: str, end: str) -> None:
    """A file that breaks off, or that contains the boundary, must not be accepted as a shorter one."""
    headers = {"Content-Type": f"multipart/form-data{boundary}", "Api-Key": sandbox.token}
    body = f'--limit\r\nContent-Disposition: form-data; name="file"; filename="a.txt"\r\n\r\nx{end}'
    answer = call(sandbox, "sendFileToChat", params={"chatId": 42}, content=body.encode(), headers=headers)
    assert refusal(answer) == (400, "Unexpected end of content")


@pytest.mark.parametrize("size", [5 * _MEGABYTE + 1, 6 * _MEGABYTE])
def test_file_over_5_megabytes_is_refused(sandbox: Sandbox, size: int) -> None:
    """The vendor's limit for files, far above the one for JSON."""
    assert refusal(send_file(sandbox, bytes(size))) == (400, "The request is too big")
