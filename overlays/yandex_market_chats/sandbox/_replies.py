"""What the sandbox can answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html; charset=utf-8"}


class Ending(Enum):
    """How the connection ends."""

    ANSWERED = auto()
    CLOSED = auto()
    """Without a byte of an answer."""
    RESET = auto()
    """Without a byte of an answer, and by force (TCP RST)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the API, and what it means for the message."""

    status: int = 200
    body: str = '{"status": "OK"}'
    """A `string.Template`: it may name `$business_id`, `$hourly_limit` and `$parallel_limit`."""
    headers: Mapping[str, str] = field(default_factory=_JSON.copy)
    taken: bool = False
    """Whether the message reaches the buyer."""
    slow: bool = False
    """Whether the answer is held back until a client gives up waiting."""
    ending: Ending = Ending.ANSWERED
    exhausted_for: int | None = None
    """For how many seconds from now the hourly limit counts as used up, whatever is left of it."""


class RefusedError(Exception):
    """A request that the API refuses, with the reply that says so."""

    def __init__(self, reply: Reply) -> None:
        """Keep the reply."""
        super().__init__(reply.body)
        self.reply = reply


def error(status: int, code: str, message: str) -> Reply:
    """Make the vendor's error envelope, with one error in it."""
    body = {"status": "ERROR", "errors": [{"code": code, "message": message}]}
    return Reply(status=status, body=json.dumps(body))


def html(status: int, title: str) -> Reply:
    """Make the page of a gateway in front of the API."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status=status, body=page, headers=_HTML)


PARALLEL_LIMIT = error(
    420,
    "LIMIT_EXCEEDED",
    "Hit rate limit of $parallel_limit parallel requests for businessId $business_id",
)
HOURLY_LIMIT = error(
    420,
    "LIMIT_EXCEEDED",
    "Hit rate limit of $hourly_limit requests per 1 hour for resource businesses/{businessId}/chats/message",
)
SERVER_ERROR = error(500, "INTERNAL_ERROR", "Internal server error")
