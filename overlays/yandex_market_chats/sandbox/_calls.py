"""Requests as the sandbox reports them."""

from typing import NamedTuple


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
