"""The chats of the sandbox: what is accepted, and what can be read."""

from collections.abc import Iterator
from typing import Any

import pytest

from sandbox_calls import TEXT, call, history, refusal, result, send, send_file
from yandex_market_chats.sandbox import OAUTH, Message, Sandbox, SentFile

_NOON = 1_795_348_800.0


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox whose clock stands still."""
    with Sandbox(clock=lambda: _NOON) as sandbox:
        yield sandbox


def create(sandbox: Sandbox, context_id: int, context_type: str = "ORDER") -> int:
    """Create the chat of an order or a return."""
    context = {"type": context_type, "id": context_id}
    chat_id: int = result(call(sandbox, "createChat", json={"context": context}))["chatId"]
    return chat_id


def list_chats(sandbox: Sandbox, **filters: Any) -> list[int]:
    """Return the ids of the chats that match the filters."""
    chats = result(call(sandbox, "getChats", json=filters))["chats"]
    return [chat["chatId"] for chat in chats]


def test_message_is_accepted(sandbox: Sandbox) -> None:
    """A message needs no set-up, and the answer does not reveal its id."""
    assert send(sandbox).json() == {"status": "OK"}
    assert sandbox.messages == (Message(business_id=123456, chat_id=42, text=TEXT),)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_oauth_token_is_accepted(sandbox: Sandbox, scheme: str) -> None:
    """The vendor still accepts OAuth tokens."""
    assert send(sandbox, headers={"Authorization": f"{scheme} {OAUTH}"}).status_code == 200


@pytest.mark.parametrize("text", ["x", "😀" * 4096, "$chat_id"])
def test_text_arrives_as_it_was_sent(sandbox: Sandbox, text: str) -> None:
    """Characters are counted, not bytes, and nothing in a text is expanded."""
    assert send(sandbox, 2**63 - 1, text).status_code == 200
    assert sandbox.messages[0].text == text
    assert history(sandbox, 2**63 - 1)[0]["message"] == text


def test_json_may_have_512_kilobytes(sandbox: Sandbox) -> None:
    """The largest body is valid."""
    headers = {"Content-Type": "application/json", "Api-Key": sandbox.token}
    content = b'{"message": "x"}'.ljust(512 * 1024)
    assert send(sandbox, json=None, content=content, headers=headers).status_code == 200


def test_sent_message_can_be_read(sandbox: Sandbox) -> None:
    """The history reveals the id, the sender and the time in Moscow."""
    send(sandbox)
    answer = result(call(sandbox, "getChatHistory", params={"chatId": 42}))
    message = {
        "messageId": 1,
        "createdAt": "2026-11-22T15:00:00+03:00",
        "sender": "PARTNER",
        "message": TEXT,
    }
    assert (answer["messages"], answer["paging"]) == ([message], {})
    assert answer["context"]["orderId"] == 42
    assert result(call(sandbox, "getChatMessage", params={"chatId": 42, "messageId": 1})) == message


def test_sent_file_is_kept_and_can_be_read(sandbox: Sandbox) -> None:
    """The file arrives byte for byte, even if it looks like multipart, and the history shows its payload."""
    content = b"--\r\n--limit\r\n\r\n" + bytes(range(256)) * 10 * 1024 + b"\r\n"
    assert send_file(sandbox, content, "чек.pdf").json() == {"status": "OK"}
    assert sandbox.files == (SentFile(chat_id=42, name="чек.pdf", content=content),)
    assert sandbox.messages == ()
    (message,) = history(sandbox)
    payload = [{"name": "чек.pdf", "url": "https://files.example/1", "size": len(content)}]
    assert (message.get("message"), message["payload"]) == (None, payload)


def test_file_may_have_5_megabytes(sandbox: Sandbox) -> None:
    """The largest file is valid."""
    assert send_file(sandbox, bytes(5 * 1024 * 1024)).status_code == 200


def test_chat_of_an_order_is_created_once(sandbox: Sandbox) -> None:
    """A second call is harmless: it returns the existing chat."""
    chat_id = create(sandbox, 555)
    assert create(sandbox, 555) == chat_id
    assert create(sandbox, 556) != chat_id
    chat = result(call(sandbox, "getChat", params={"chatId": chat_id}))
    assert (chat["context"]["type"], chat["context"]["orderId"]) == ("ORDER", 555)


def test_chat_of_a_return_is_created_once(sandbox: Sandbox) -> None:
    """A return has its own chat, beside that of an order of the same number."""
    chat_id = create(sandbox, 555, "RETURN")
    assert create(sandbox, 555) != chat_id
    context = result(call(sandbox, "getChat", params={"chatId": chat_id}))["context"]
    assert (context["type"], context["returnId"]) == ("RETURN", 555)


def test_new_chat_does_not_get_an_id_in_use(sandbox: Sandbox) -> None:
    """A message to the new chat must not reach another one."""
    send(sandbox, 1001)
    assert create(sandbox, 555) == 1002


def test_order_404_does_not_exist(sandbox: Sandbox) -> None:
    """A mistyped order can be reproduced."""
    answer = call(sandbox, "createChat", json={"context": {"type": "ORDER", "id": 404}})
    assert refusal(answer) == (404, "Order not found: '404'")


@pytest.mark.parametrize("operation", ["getChat", "getChatHistory", "getChatMessage"])
def test_chat_404_does_not_exist(sandbox: Sandbox, operation: str) -> None:
    """A mistyped chat can be reproduced, for reads as well as for messages."""
    answer = call(sandbox, operation, params={"chatId": 404, "messageId": 1})
    assert refusal(answer) == (404, "Can't find chat by id: '404'")


def test_chat_that_was_never_used_is_empty(sandbox: Sandbox) -> None:
    """A message to it is accepted, so it exists; a read does not put it on the list of chats."""
    assert history(sandbox) == []
    assert result(call(sandbox, "getChat", params={"chatId": 42}))["status"] == "NEW"
    assert list_chats(sandbox) == []


def test_message_of_another_chat_is_not_found(sandbox: Sandbox) -> None:
    """A message id is looked up in its chat only."""
    send(sandbox, 42)
    send(sandbox, 43)
    answer = call(sandbox, "getChatMessage", params={"chatId": 42, "messageId": 2})
    assert refusal(answer) == (404, "Can't find message by id: '2' for chat '42'")


def test_status_of_a_chat_says_whose_answer_is_awaited() -> None:
    """A seller lists the chats that wait for the shop, by status, and sees when each was last active."""
    now = _NOON
    with Sandbox(clock=lambda: now) as sandbox:
        chats = [create(sandbox, order_id) for order_id in (1, 2, 3)]
        now += 60
        send(sandbox, chats[1])
        sandbox.say(chats[2], "Где заказ?")
        statuses = ("NEW", "WAITING_FOR_CUSTOMER", "WAITING_FOR_PARTNER")
        assert [list_chats(sandbox, statuses=[status]) for status in statuses] == [[chat] for chat in chats]
        chat = result(call(sandbox, "getChat", params={"chatId": chats[2]}))
        assert (chat["createdAt"], chat["updatedAt"]) == (
            "2026-11-22T15:00:00+03:00",
            "2026-11-22T15:01:00+03:00",
        )


def test_chats_are_filtered_by_context_and_type(sandbox: Sandbox) -> None:
    """All filters of a request must match, and `null` is no filter."""
    order, returned = create(sandbox, 555), create(sandbox, 555, "RETURN")
    assert list_chats(sandbox, contexts=None) == [order, returned]
    assert list_chats(sandbox, contextTypes=["RETURN", "DIRECT"]) == [returned]
    assert list_chats(sandbox, contexts=[{"type": "ORDER", "id": 555}], types=["CHAT"]) == [order]
    assert list_chats(sandbox, contextTypes=["RETURN"], types=["ARBITRAGE"]) == []


def test_chats_are_listed_in_pages(sandbox: Sandbox) -> None:
    """A page has 10 chats unless the request sets a limit."""
    chats = [create(sandbox, order_id) for order_id in range(1, 12)]
    first = result(call(sandbox, "getChats"))
    last = result(call(sandbox, "getChats", params={"pageToken": first["paging"]["nextPageToken"]}))
    assert [chat["chatId"] for chat in first["chats"] + last["chats"]] == chats
    assert (len(first["chats"]), last["paging"]) == (10, {})


def test_history_is_read_in_pages(sandbox: Sandbox) -> None:
    """The pages are complete, and the last one has no token, even if it is full."""
    sandbox.fill(42, 100)
    first = result(call(sandbox, "getChatHistory", params={"chatId": 42}))
    token = first["paging"]["nextPageToken"]
    last = result(call(sandbox, "getChatHistory", params={"chatId": 42, "pageToken": token, "limit": 50}))
    assert [message["messageId"] for message in first["messages"] + last["messages"]] == [*range(1, 101)]
    assert last["paging"] == {}


def test_page_token_requires_the_same_limit(sandbox: Sandbox) -> None:
    """The vendor asks for that; here, a client that does not comply fails at once."""
    sandbox.fill(42, 3)
    token = result(call(sandbox, "getChatHistory", params={"chatId": 42, "limit": 1}))["paging"][
        "nextPageToken"
    ]
    answer = call(sandbox, "getChatHistory", params={"chatId": 42, "pageToken": token, "limit": 2})
    assert refusal(answer) == (400, "Bad page token")


def test_history_starts_with_the_message_asked_for(sandbox: Sandbox) -> None:
    """`messageIdFrom` is inclusive: a reader that knows a message gets it again."""
    sandbox.fill(42, 3)
    assert [message["messageId"] for message in history(sandbox, json={"messageIdFrom": 2})] == [2, 3]
