"""Requests, free of the web framework."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request."""

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    """With case-insensitive names."""
    body: bytes | None
    """`None` if it is larger than any operation accepts."""


class Request(NamedTuple):
    """A request that the sandbox received: what `Sandbox(on_request=...)` is called with."""

    method: str
    target: str
    """The path and the query."""
    status: int | None
    """The status of the answer; `None` if the connection ends without one."""

    def __str__(self) -> str:
        """Return a line for a log."""
        return f"{self.method} {self.target} {self.status or 'no answer'}"
