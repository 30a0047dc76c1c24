"""Settles UNKNOWN by reading the chat (`settle_unknown=True`): as sent, never as not sent.

The vendor does not say how soon a message shows up, so its absence proves nothing. Nothing here does I/O.
"""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

import httpx

from ._errors import Delivery, MarketError
from ._limits import parse_date
from ._operations import Sending, SentMessage, build, parse_result, sent_message
from ._steps import Steps, noted

if TYPE_CHECKING:
    from yandex_market_chats_generated.models import ChatHistoryPage

MAX_PAGES = 10
UNSETTLED = "Reading the chat did not settle it:"
PATIENCE = 15.0  # seconds after an UNKNOWN in which the message must show up
LAST_READ = 2.0  # of these, the seconds that are reserved for the last read
TOLERANCE = timedelta(seconds=2)
"""How much older than the attempt a message may seem: `Date` and `createdAt` can come from two clocks."""


class UnsettledError(Exception):
    """Why the chat does not show that the message was sent."""


class Before(NamedTuple):
    """What the chat showed before the first attempt: the ids of its messages, and the API's time."""

    ids: Collection[int | None]
    date: datetime


def find_sent(text: str, pages: Sequence["ChatHistoryPage"], before: Before) -> int | None:
    """Return the id of the message that was sent; `None` if it is not in the pages of the chat yet.

    Raises:
        UnsettledError: Several messages match.
    """
    found = {
        message.message_id
        for page in pages
        for message in page.messages
        if message.sender == "PARTNER"
        and isinstance(message.message, str)
        and message.message.strip() == text.strip()
        and message.message_id not in before.ids
        and message.created_at.tzinfo is not None
        and message.created_at - before.date >= -TOLERANCE
    }
    if len(found) > 1:
        raise UnsettledError(f"{len(found)} new messages have this text.")
    return next(iter(found), None)


class Outgoing(NamedTuple):
    """A message to send within `deadline` seconds. Its chat is read from the message `after` on, if any."""

    http: httpx.Client | httpx.AsyncClient
    business_id: int
    chat_id: int
    text: str
    after: int | None
    deadline: float
    before: Before | str | None = None

    def read_chat(self, end: float) -> Steps[tuple[list["ChatHistoryPage"], datetime | None]]:
        """Read all pages until the monotonic time `end`; return them, and the API's time."""
        from yandex_market_chats_generated.api.chats import get_chat_history as operation  # noqa: PLC0415
        from yandex_market_chats_generated.models import GetChatHistoryRequest  # noqa: PLC0415
        from yandex_market_chats_generated.types import UNSET  # noqa: PLC0415

        body = GetChatHistoryRequest(message_id_from=self.after or UNSET)
        pages: list[ChatHistoryPage] = []
        token = None
        while len(pages) < MAX_PAGES:
            arguments = operation._get_kwargs(  # noqa: SLF001 -- generated for exactly this
                self.business_id, body=body, chat_id=self.chat_id, page_token=token or UNSET, limit=100
            )
            request = build(self.http, arguments)
            request.extensions["deadline"] = end - monotonic()
            response = yield request
            page = parse_result(response, operation._parse_result)  # noqa: SLF001 -- the same
            pages.append(page)
            if not page.paging or not (token := page.paging.next_page_token):
                return pages, parse_date(response.headers.get("Date"))
        raise UnsettledError(f"it has more than {MAX_PAGES} pages; pass after=, the id of a known message.")


def send_and_settle(message: Outgoing, request: httpx.Request, sending: Sending) -> Steps[SentMessage]:
    """Read the chat, send the message, and after an UNKNOWN look for the message in the chat."""
    end = monotonic() + message.deadline
    with noted(Delivery.NOT_SENT):
        before = message.before or (yield from read_before(message))
    request.extensions["deadline"] = end - monotonic()
    try:
        response = yield request
    except MarketError as error:
        if error.delivery is Delivery.NOT_SENT:
            raise
        with noted(Delivery.UNKNOWN):
            found = yield from _poll(message, before, sending, min(end, monotonic() + PATIENCE))
        if isinstance(found, str):
            error.add_note(f"{UNSETTLED} {found}")
            raise
        return SentMessage(error.attempts, getattr(error, "rate_limit", None), found)
    return sent_message(response)


def read_before(message: Outgoing) -> Steps[Before | str]:
    """Read the chat before the first attempt; return what it shows, or why nothing can be settled."""
    try:
        pages, date = yield from message.read_chat(monotonic() + message.deadline / 4)
    except (MarketError, UnsettledError) as error:
        return f"it could not be read before the first attempt: {error}"
    ids = {known.message_id for page in pages for known in page.messages}
    return Before({message.after, *ids}, date) if date else "the API did not say the time."


def read_after(message: Outgoing, before: Before, end: float) -> Steps[int | str]:
    """Read the chat once; return the id of the message, or why it is not known yet."""
    try:
        pages, _ = yield from message.read_chat(end)
    except MarketError as error:
        return f"it could not be read: {error}"
    return find_sent(message.text, pages, before) or "the message did not show up in time."


def _poll(message: Outgoing, before: Before | str, sending: Sending, end: float) -> Steps[int | str]:
    """Read the chat until the message shows up; return its id, or why the outcome stays UNKNOWN."""
    pause = 0.5
    while isinstance(before, Before):
        try:
            outcome = yield from read_after(message, before, end)
        except UnsettledError as error:
            return str(error)
        if sending.contested:
            return "this process sent the same text to it at that time."
        left = end - LAST_READ - monotonic()
        if isinstance(outcome, int) or left <= 0:
            return outcome
        yield min(pause, left)
        pause = min(2 * pause, 2.0)
    return before
