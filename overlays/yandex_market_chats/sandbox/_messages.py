"""The messages that the sandbox accepted."""

from typing import NamedTuple


class Message(NamedTuple):
    """A message that the sandbox accepted: what the buyer would have read."""

    business_id: int
    chat_id: int
    text: str
