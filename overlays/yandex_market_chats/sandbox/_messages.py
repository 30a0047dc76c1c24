"""Messages and files."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

Sender = Literal["PARTNER", "CUSTOMER", "MARKET", "SUPPORT"]
"""Who wrote a message: the shop, the buyer, Yandex Market automatically, or a person of its support."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentFile:
    """A file in a chat."""

    chat_id: int
    name: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message in a chat; comparisons ignore its id and its time, which a test cannot know."""

    business_id: int
    chat_id: int
    text: str = ""
    """Empty if the message is a file."""
    sender: Sender = "PARTNER"
    file: SentFile | None = None
    message_id: int = field(default=0, compare=False, kw_only=True)
    created_at: datetime = field(default=datetime.min.replace(tzinfo=UTC), compare=False, kw_only=True)
