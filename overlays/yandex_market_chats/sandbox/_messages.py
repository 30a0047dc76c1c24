"""What the sandbox took."""

from typing import NamedTuple


class Message(NamedTuple):
    """A message that the sandbox took: what the buyer would have read."""

    business_id: int
    chat_id: int
    text: str
