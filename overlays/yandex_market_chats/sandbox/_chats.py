"""The chats of a business and their messages."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import NamedTuple, get_args

from ._messages import Message, Sender, SentFile
from ._outcomes import CHATS
from ._settings import Settings
from ._wire import refusal

MISSING_ID = 404
"""The id of the chat and of the order that do not exist."""

_MOSCOW = timezone(timedelta(hours=3))
_FIRST_CREATED_ID = 1001


class Context(NamedTuple):
    """The order or the return that a chat is about."""

    type: str
    id: int


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat and its messages, oldest first."""

    chat_id: int
    context: Context
    created_at: datetime
    messages: list[Message] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Who has to answer next; `NEW` for an empty chat."""
        if not self.messages:
            return "NEW"
        return "WAITING_FOR_CUSTOMER" if self.messages[-1].sender == "PARTNER" else "WAITING_FOR_PARTNER"

    @property
    def updated_at(self) -> datetime:
        """When the last message was sent."""
        return self.messages[-1].created_at if self.messages else self.created_at


class Chats:
    """The chats of a business, in the order in which they were created.

    Attributes:
        sent: The messages that came through the API, in order.
    """

    def __init__(self, settings: Settings) -> None:
        """Start without chats."""
        self.sent: list[Message] = []
        self._settings = settings
        self._chats: dict[int, Chat] = {}
        self._new_ids = count(_FIRST_CREATED_ID)
        self._message_ids = count(1)

    def all(self) -> Collection[Chat]:
        """Return all chats."""
        return self._chats.values()

    def find(self, chat_id: int) -> Chat:
        """Return a chat to be read. Every chat but one accepts messages, so it exists, even if it is empty.

        Raises:
            RefusedError: With 404 if there is no such chat.
        """
        if chat_id == MISSING_ID:
            raise refusal(404, f"Can't find chat by id: '{chat_id}'")
        return self._chats.get(chat_id) or self._new(chat_id)

    def open(self, chat_id: int) -> Chat:
        """Return a chat, which is listed from now on."""
        return self._chats.setdefault(chat_id, self._new(chat_id))

    def of_context(self, context: Context) -> Chat:
        """Return the chat of an order or a return, created if necessary.

        Raises:
            RefusedError: With 404 if there is no such order.
        """
        if context.id == MISSING_ID:
            raise refusal(404, f"Order not found: '{context.id}'")
        for chat in self._chats.values():
            if chat.context == context:
                return chat
        unused = (number for number in self._new_ids if number not in self._chats and number not in CHATS)
        chat_id = next(unused)
        return self._chats.setdefault(chat_id, Chat(chat_id, context, self._now()))

    def messages(self, chat_id: int) -> tuple[Message, ...]:
        """Return the messages of a chat, or an empty tuple if there is no such chat."""
        chat = self._chats.get(chat_id)
        return tuple(chat.messages) if chat else ()

    def visible(self, chat: Chat) -> list[Message]:
        """Return the messages of a chat as the API shows them."""
        until = self._now() - timedelta(seconds=self._settings.history_delay)
        shown = [message for message in chat.messages if message.created_at <= until]
        if alter := self._settings.alter:
            shown = [altered for message in shown if (altered := alter(message))]
        return shown[::-1] if self._settings.newest_first else shown

    def add(
        self,
        chat_id: int,
        text: str = "",
        *,
        sender: Sender = "PARTNER",
        file: SentFile | None = None,
        age: float = 0.0,
    ) -> Message:
        """Add a message of the given age, in seconds, to a chat, which is created if necessary."""
        message = Message(
            self._settings.business_id,
            chat_id,
            text,
            sender,
            file,
            message_id=next(self._message_ids),
            created_at=self._now() - timedelta(seconds=age),
        )
        self.open(chat_id).messages.append(message)
        return message

    def send(self, chat_id: int, text: str = "", *, file: SentFile | None = None) -> None:
        """Add a message of the shop that came through the API."""
        self.sent.append(self.add(chat_id, text, file=file))

    def fill(self, chat_id: int, count: int) -> None:
        """Fill an empty chat with messages, one per minute until now.

        Raises:
            ValueError: The chat has messages.
        """
        if self.messages(chat_id):
            raise ValueError(f"Chat {chat_id} has messages already: fill it before anything is sent to it.")
        senders = get_args(Sender)
        for number in range(1, count + 1):
            age = 60.0 * (count + 1 - number)
            self.add(chat_id, f"Message {number}", sender=senders[number % len(senders)], age=age)

    def _new(self, chat_id: int) -> Chat:
        """Return an empty chat, about the order with the same number."""
        return Chat(chat_id, Context("ORDER", chat_id), self._now())

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._settings.clock(), _MOSCOW)
