"""The rows of a journal, and how far a run has got."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from yandex_market_chats._errors import InvalidRequestError
from yandex_market_chats._limits import RateLimit
from yandex_market_chats._settings import check_id, check_message

KEY_MAX_LENGTH = 200
"""Characters."""


class State(StrEnum):
    """The state of a row."""

    WAITING = "waiting"
    """Not sent: the next run sends it."""
    SENDING = "sending"
    """A run is sending it. If that run died, the next one makes it `UNKNOWN`."""
    SENT = "sent"
    """The API accepted it."""
    REFUSED = "refused"
    """Not sent, and cannot be sent as it is: there is no such chat, or the text is invalid."""
    UNKNOWN = "unknown"
    """The buyer may have received it. It is not sent again until someone has checked the chat: see `mark`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A message to send.

    Attributes:
        chat_id: The id of the chat.
        message: The text, 1 to 4096 characters.
        key: Identifies the row: 1 to 200 printable characters. Rows with the same key are one row. Default:
            a key derived from the chat and the text.
        source: Where the row comes from, such as `orders.csv, line 7`, for error messages.

    Raises:
        InvalidRequestError: A value is invalid.
    """

    chat_id: int
    message: str
    key: str = ""
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        """Validate the values as `MarketChats` does, and set the default key."""
        object.__setattr__(self, "chat_id", check_id("chat_id", self.chat_id))
        check_message(self.message)
        if not isinstance(self.key, str):
            raise InvalidRequestError(f"key must be a str, not {type(self.key).__name__}.")
        if not self.key.isprintable() or len(self.key) > KEY_MAX_LENGTH:
            raise InvalidRequestError(f"key must have at most {KEY_MAX_LENGTH} characters, all printable.")
        if not self.key:
            digest = hashlib.sha256(self.message.encode()).hexdigest()
            object.__setattr__(self, "key", f"{self.chat_id}-{digest[:16]}")


class Entry(NamedTuple):
    """A row of a journal, and what has happened to it. The fields are the columns of the report.

    Attributes:
        chat_id: The id of the chat.
        message: The text.
        key: Identifies the row.
        state: The state of the row.
        attempts: How many attempts were made, in all runs.
        time: When the last call started or ended, in UTC; `None` if there was none.
        error: The error of the last call; `None` if it succeeded.
        message_id: The id of the message, if the chat history was read.
    """

    chat_id: int
    message: str
    key: str
    state: State
    attempts: int
    time: datetime | None
    error: str | None
    message_id: int | None


class Added(NamedTuple):
    """What `Journal.add` found in the rows.

    Attributes:
        states: How many of the rows are in which state, duplicates counted once.
        new: How many of them were not in the journal before.
        duplicates: How many rows had the key of an earlier one.
    """

    states: Mapping[State, int]
    new: int
    duplicates: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a run has got: how many of its rows are in which state.

    Attributes:
        waiting: Not sent yet, or not sent because of a temporary error.
        sending: In flight.
        sent: Accepted by the API, in this run or before.
        refused: Not sent, and cannot be sent as they are.
        unknown: The buyer may have received it.
        rate_limit: What the last responses say about the hourly limit.
        paused_until: When the run goes on, in UTC, if the hour is used up.
        stopping: Whether no more rows are claimed, because of `Journal.stop` or an error.
    """

    waiting: int
    sending: int
    sent: int
    refused: int
    unknown: int
    rate_limit: RateLimit | None
    paused_until: datetime | None
    stopping: bool

    @property
    def total(self) -> int:
        """How many rows the run has."""
        return self.done + self.waiting + self.sending

    @property
    def done(self) -> int:
        """How many rows are finished: sent, refused or unknown."""
        return self.sent + self.refused + self.unknown
