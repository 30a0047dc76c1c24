"""Requests and answers, independent of the web framework."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import NamedTuple

_JSON = {"Content-Type": "application/json"}
_HTML = {"Content-Type": "text/html; charset=utf-8"}
_CODES = {status.value: status.name for status in HTTPStatus}
# The vendor's page shows only this placeholder.
_UNKNOWN_CODE = "example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request, as the operations read it."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    """With case-insensitive names."""
    body: bytes | None
    """`None` if it is larger than any operation accepts."""


class Request(NamedTuple):
    """A request and the status of its answer: what `Sandbox(on_request=...)` is called with."""

    method: str
    target: str
    """The path and the query."""
    status: int | None
    """The status of the answer; `None` if the connection ends without one."""

    def __str__(self) -> str:
        """Return a line for a log."""
        return f"{self.method} {self.target} {self.status or 'no answer'}"


class Ending(Enum):
    """How the connection ends."""

    ANSWERED = auto()
    CLOSED = auto()
    """Closed (TCP FIN), without a byte of an answer."""
    RESET = auto()
    """Reset (TCP RST), without a byte of an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer of the API, and whether the message was accepted."""

    status: int = 200
    body: str = "$answer"
    """A `string.Template`; the default is the operation's own answer."""
    headers: Mapping[str, str] = field(default_factory=_JSON.copy)
    accepted: bool = False
    """Whether the message reaches the buyer."""
    slow: bool = False
    """Whether the answer is delayed until most clients have given up."""
    ending: Ending = Ending.ANSWERED
    exhausted_for: int | None = None
    """Report the hourly limit as exhausted for this many seconds, regardless of its state."""


class RefusedError(Exception):
    """A refused request, with the reply to it."""

    def __init__(self, reply: Reply) -> None:
        """Store the reply."""
        super().__init__(reply.body)
        self.reply = reply


def error(status: int, message: str) -> Reply:
    """Return the vendor's error envelope with one error."""
    errors = [{"code": _CODES.get(status, _UNKNOWN_CODE), "message": message}]
    body = json.dumps({"status": "ERROR", "errors": errors}, ensure_ascii=False)
    return Reply(status=status, body=body)


def refusal(status: int, message: str) -> RefusedError:
    """Return the exception that refuses a request with the vendor's error envelope."""
    return RefusedError(error(status, message))


def html(status: int, title: str) -> Reply:
    """Return the page of a gateway in front of the API."""
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    return Reply(status=status, body=page, headers=_HTML)


PARALLEL_LIMIT = error(
    420, "Hit rate limit of '$parallel_limit' parallel requests for businessId $business_id"
)
HOURLY_LIMIT = error(
    420,
    "Hit rate limit of '$hourly_limit' requests per '1 hour' "
    "for resource 'businesses/{businessId}/$resource' for businessId $business_id",
)
