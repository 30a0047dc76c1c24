"""Clients that settle, a sandbox that counts their requests, and the clock of both."""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from types import SimpleNamespace
from typing import Any, Self

import pytest

from mock_api import AT_ONCE, NOW, TEXT, Clock, Kind, use
from yandex_market_chats import ApiKey, Delivery, MarketError, SentMessage, _operations, _settle, _steps
from yandex_market_chats._operations import Sending
from yandex_market_chats.sandbox import Request, Sandbox

LOST, FAILED = 9001, 5001
"""The chats of the sandbox whose answer is lost, and whose message."""


def replace_clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock, in seconds since 1970, by which calls that settle wait, and forget earlier messages."""
    clock = Clock()
    clock.seconds = NOW.timestamp()

    async def sleep(seconds: float) -> None:
        clock.sleep(seconds)

    monkeypatch.setattr(_settle, "monotonic", clock)
    monkeypatch.setattr(_operations, "monotonic", clock)
    monkeypatch.setattr(_steps, "time", SimpleNamespace(sleep=clock.sleep))
    monkeypatch.setattr(_steps, "anyio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr(Sending, "recent", deque())
    return clock


class Chats:
    """A sandbox with the clock of the test, the requests that it received, and its clients."""

    def __init__(self, clock: Callable[[], float], **settings: Any) -> None:
        """Create the sandbox; `with` serves it."""
        self.requests: list[Request] = []
        self.sandbox = Sandbox(clock=clock, on_request=self.requests.append, **settings)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Serve."""
        self._stack.enter_context(self.sandbox)
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Stop serving."""
        self._stack.close()

    @property
    def posts(self) -> int:
        """The number of messages that were posted, lost ones included."""
        return sum("/chats/message?" in request.target for request in self.requests)

    @property
    def reads(self) -> int:
        """The number of pages that were read."""
        return sum("/chats/history?" in request.target for request in self.requests)

    @property
    def settings(self) -> dict[str, Any]:
        """The settings of a client that settles."""
        return {
            "business_id": self.sandbox.business_id,
            "base_url": self.sandbox.base_url,
            "auth": ApiKey(self.sandbox.token),
            "retries": AT_ONCE,
            "settle_unknown": True,
        }

    def send(
        self,
        kind: Kind = "sync",
        *,
        chat_id: int = LOST,
        text: str = TEXT,
        after: int | None = None,
        **changes: Any,
    ) -> SentMessage:
        """Send a message."""
        sent = use(
            kind,
            lambda chats: chats.send_message(chat_id=chat_id, message=text, after=after),
            lambda _: None,
            **{**self.settings, "transport": None, **changes},
        )
        assert isinstance(sent, SentMessage)
        return sent

    def fail(self, kind: Kind = "sync", **arguments: Any) -> MarketError:
        """Send a message that stays UNKNOWN, and return its error."""
        with pytest.raises(MarketError) as caught:
            self.send(kind, **arguments)
        assert caught.value.delivery is Delivery.UNKNOWN
        return caught.value


def note(error: BaseException) -> str:
    """Return the only note on an error."""
    (note,) = error.__notes__
    return note
