"""The operations of the contract."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from ._bodies import read_file, read_json
from ._chats import Chat, Chats, Context
from ._messages import SentFile
from ._results import chat_result, context_result, message_result, page
from ._validation import (
    read_id,
    read_limit,
    read_message,
    read_name,
    read_number,
    read_object,
    read_set,
)
from ._wire import Call, refusal


class Action(NamedTuple):
    """A valid request: the chat that it names, and a function that returns its result."""

    chat_id: int | None
    carry_out: Callable[[], dict[str, Any] | None]


class Operation(NamedTuple):
    """An operation of the contract."""

    name: str
    method: str
    resource: str
    """The path after the business."""
    hourly_limit: int
    validate: Callable[[Chats, Call], Action]


def _page_token(call: Call) -> str | None:
    return ",".join(call.query["pageToken"]) if "pageToken" in call.query else None


def _read_context(path: str, value: Any) -> Context:
    context = read_object(path, value)
    return Context(
        read_name(f"{path}.type", context.get("type"), ("ORDER", "RETURN")),
        read_number(f"{path}.id", context.get("id")),
    )


_STATUSES = (
    "NEW",
    "WAITING_FOR_CUSTOMER",
    "WAITING_FOR_PARTNER",
    "WAITING_FOR_ARBITER",
    "WAITING_FOR_MARKET",
    "FINISHED",
)
_FILTERS: Mapping[str, tuple[Callable[[str, Any], Any], Callable[[Chat], Any]]] = {
    "contexts": (_read_context, lambda chat: chat.context),
    "contextTypes": (partial(read_name, names=("ORDER", "RETURN", "DIRECT")), lambda chat: chat.context.type),
    "types": (partial(read_name, names=("CHAT", "ARBITRAGE")), lambda _: "CHAT"),
    "statuses": (partial(read_name, names=_STATUSES), lambda chat: chat.status),
}
"""The filters of `getChats`: how to read an item, and the value of a chat to compare it with."""


def _get_chats(chats: Chats, call: Call) -> Action:
    limit = read_limit(call.query, default=10, maximum=20)
    values = read_json(call)
    filters = [(read_set(name, values.get(name), read), value) for name, (read, value) in _FILTERS.items()]

    def carry_out() -> dict[str, Any]:
        found = {
            chat.chat_id: chat
            for chat in chats.all()
            if all(wanted is None or value(chat) in wanted for wanted, value in filters)
        }
        shown, paging = page(found, _page_token(call), limit)
        return {"chats": [chat_result(chat) for chat in shown], "paging": paging}

    return Action(None, carry_out)


def _get_chat(chats: Chats, call: Call) -> Action:
    chat_id = read_id("chatId", call.query)
    return Action(chat_id, lambda: chat_result(chats.find(chat_id)))


def _get_history(chats: Chats, call: Call) -> Action:
    chat_id = read_id("chatId", call.query)
    limit = read_limit(call.query, default=50, maximum=100)
    values = read_json(call)
    first = read_number("messageIdFrom", values.get("messageIdFrom", 1))

    def carry_out() -> dict[str, Any]:
        chat = chats.find(chat_id)
        messages = {
            message.message_id: message for message in chats.visible(chat) if message.message_id >= first
        }
        shown, paging = page(messages, _page_token(call), limit)
        return {
            "context": context_result(chat),
            "messages": [message_result(message) for message in shown],
            "paging": paging,
        }

    return Action(chat_id, carry_out)


def _get_message(chats: Chats, call: Call) -> Action:
    chat_id, message_id = read_id("chatId", call.query), read_id("messageId", call.query)

    def carry_out() -> dict[str, Any]:
        for message in chats.visible(chats.find(chat_id)):
            if message.message_id == message_id:
                return message_result(message)
        raise refusal(404, f"Can't find message by id: '{message_id}' for chat '{chat_id}'")

    return Action(chat_id, carry_out)


def _create_chat(chats: Chats, call: Call) -> Action:
    context = _read_context("context", read_json(call).get("context"))
    return Action(None, lambda: {"chatId": chats.of_context(context).chat_id})


def _send_message(chats: Chats, call: Call) -> Action:
    chat_id = read_id("chatId", call.query)
    text = read_message(read_json(call))
    return Action(chat_id, lambda: chats.send(chat_id, text))


def _send_file(chats: Chats, call: Call) -> Action:
    chat_id = read_id("chatId", call.query)
    name, content = read_file(call)
    file = SentFile(chat_id=chat_id, name=name, content=content)
    return Action(chat_id, lambda: chats.send(chat_id, file=file))


_ALL = (
    Operation("getChats", "POST", "chats", 5_000, _get_chats),
    Operation("getChat", "GET", "chat", 1_000, _get_chat),
    Operation("getChatHistory", "POST", "chats/history", 10_000, _get_history),
    Operation("getChatMessage", "GET", "chats/message", 1_000, _get_message),
    Operation("createChat", "POST", "chats/new", 1_000, _create_chat),
    Operation("sendMessageToChat", "POST", "chats/message", 1_000, _send_message),
    Operation("sendFileToChat", "POST", "chats/file/send", 1_000, _send_file),
)
OPERATIONS: Mapping[tuple[str, str], Operation] = {
    (operation.method, operation.resource): operation for operation in _ALL
}
"""The operations by their method and their resource."""
