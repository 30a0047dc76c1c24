"""The settings of a sandbox."""

from collections.abc import Callable
from dataclasses import dataclass

from ._messages import Message
from ._wire import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a sandbox; `Sandbox` documents them."""

    business_id: int
    token: str
    hourly_limit: int | None
    parallel_limit: int
    latency: float
    slow: float
    clock: Callable[[], float]
    history_delay: float
    newest_first: bool
    alter: Callable[[Message], Message | None] | None
    on_request: Callable[[Request], object] | None
