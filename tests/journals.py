"""A journal, and what its runs need: an API that answers chat by chat, a client of it and a clock."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import httpx

import mock_api
from calls import http_date
from histories import history, message
from mock_api import HOURLY, NOW, SUCCESS, Clock, envelope, settings
from yandex_market_chats import MarketChats, RetryPolicy
from yandex_market_chats.bulk import Added, Journal, Progress, Row, State


def answer(
    status: int = 200, *, remaining: int | None = None, until: datetime | None = None
) -> httpx.Response:
    """Return a response of the API, with what it says about the hour."""
    headers = {"Date": http_date(NOW), "X_RateLimit_Resource_Limit": "1000"}
    if remaining is not None:
        headers["X_RateLimit_Resource_Remaining"] = str(remaining)
    if until is not None:
        headers["X_RateLimit_Resource_Until"] = http_date(until)
    bodies = {200: SUCCESS, 420: HOURLY}
    return mock_api.answer(status, bodies.get(status, envelope("refused")), **headers)


def text(chat_id: int) -> str:
    """Return the message for a chat."""
    return f"Заказ {chat_id}"


def rows(*chat_ids: int) -> list[Row]:
    """Return a row for each chat."""
    return [Row(chat_id, text(chat_id)) for chat_id in chat_ids]


class ApiByChat:
    """An API whose chats accept each message and are empty, unless a test says otherwise.

    Attributes:
        received: The chat and the text of each message, in order.
        read: The chat of each read, in order.
        history: The ids and texts that each chat shows.
        on_read: Called with each chat that is read, before the response; may return another response.
    """

    def __init__(self) -> None:
        """Start without a script."""
        self.received: list[tuple[int, str]] = []
        self.read: list[int] = []
        self.history: dict[int, list[tuple[int, str]]] = {}
        self.on_read: Callable[[int], object] = int
        self._script: dict[int, tuple[Iterator[httpx.Response], Callable[[], object]]] = {}

    def on(self, chat_id: int, *replies: httpx.Response, do: Callable[[], object] = int) -> None:
        """Let a chat do something and then answer: with each reply once, and with OK afterwards."""
        self._script[chat_id] = (iter(replies), do)

    def show(self, chat_id: int, message_id: int) -> None:
        """Let the message for the chat show up in its history."""
        self.history.setdefault(chat_id, []).append((message_id, text(chat_id)))

    @property
    def chats(self) -> list[int]:
        """The chat of each message, in order."""
        return [chat_id for chat_id, _ in self.received]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request."""
        chat_id = int(request.url.params["chatId"])
        if request.url.path.endswith("/history"):
            self.read.append(chat_id)
            reply = self.on_read(chat_id)
            shown = (message(*shown) for shown in self.history.get(chat_id, ()))
            return reply if isinstance(reply, httpx.Response) else history(*shown)
        self.received.append((chat_id, json.loads(request.content)["message"]))
        replies, do = self._script.get(chat_id, (iter(()), int))
        do()
        return next(replies, answer())


class Unlimited:
    """Limits that leave the hour to the journal."""

    def take(self, *_: str) -> float:
        """Take a slot."""
        return 0.0

    def give_back(self, *_: object) -> None:
        """Return a slot."""


class Bulk:
    """An open journal.

    Attributes:
        path: Where its file is.
        api: The API that receives its messages.
        clock: The clock of its runs, in seconds since 1970. It starts at `NOW`.
        chats: A client of the API that makes one attempt per call.
        journal: The journal, empty at first.
    """

    def __init__(self, path: Path, **changes: Any) -> None:
        """Create the journal. The changes are those of the client's settings."""
        self.path, self.api, self.clock = path, ApiByChat(), Clock()
        self.clock.seconds = NOW.timestamp()
        self.chats = self.client(**changes)
        self.journal = Journal(path, now=self.now, sleep=self.clock.sleep)

    def __enter__(self) -> Self:
        """Return this."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the journal."""
        self.journal.close()

    def now(self) -> datetime:
        """Return the time of the clock."""
        return datetime.fromtimestamp(self.clock.seconds, UTC)

    def client(self, **changes: Any) -> MarketChats:
        """Return a client of the API with other settings."""
        defaults = {"limits": Unlimited(), "retries": RetryPolicy.disabled()}
        return MarketChats(**settings(self.api, **{**defaults, **changes}))

    def add(self, *chat_ids: int) -> Added:
        """Add a row for each chat."""
        return self.journal.add(rows(*chat_ids))

    def send(self, chats: MarketChats | None = None, **options: Any) -> Progress:
        """Send what waits, by default with the client of the journal."""
        return self.journal.send(chats or self.chats, **options)

    def states(self) -> dict[int, State]:
        """Return the state of the row of each chat."""
        return {entry.chat_id: entry.state for entry in self.journal.entries()}

    def error(self) -> str:
        """Return the error of the first row."""
        error = next(self.journal.entries()).error
        assert error is not None
        return error

    def execute(self, statement: str) -> list[Any]:
        """Execute a statement of SQL as another program does."""
        return execute(self.path, statement)


def execute(path: Path, statement: str) -> list[Any]:
    """Execute a statement of SQL on a file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        return database.execute(statement).fetchall()
