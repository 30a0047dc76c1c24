"""A call whose outcome is settled by reading its chat: the steps of `send_message`, one by one.

The journal claims a row between the first two steps, so that what the chat shows is stored with the claim.
"""

from time import monotonic

from yandex_market_chats._chats import MarketChats
from yandex_market_chats._operations import SentMessage
from yandex_market_chats._settle import Before, UnsettledError, read_after, read_before, send_and_settle
from yandex_market_chats._steps import run

from ._rows import Entry


class SettledCall:
    """The call for a row. Each method makes requests and blocks."""

    def __init__(self, chats: MarketChats, entry: Entry) -> None:
        self._http = chats._http  # noqa: SLF001 -- of this package
        self._message, self._request, self._sending = chats._prepare(  # noqa: SLF001 -- the same
            entry.chat_id, entry.message, None
        )

    @property
    def before(self) -> Before | None:
        """What the chat showed before the call; `None` if it was not read or cannot settle the outcome."""
        before = self._message.before
        return before if isinstance(before, Before) and not self._sending.contested else None

    def look(self) -> None:
        """Read the chat before the first attempt. A failure only means that nothing will be settled."""
        self._message = self._message._replace(before=run(read_before(self._message), self._http))

    def send(self) -> SentMessage:
        """Send the message, and after an UNKNOWN look for it in the chat.

        Raises:
            MarketError: The message was not sent, or may have been.
        """
        with self._sending:
            return run(send_and_settle(self._message, self._request, self._sending), self._http)

    def find(self, before: Before) -> int | str:
        """Return the id of the message that an earlier run sent, or why it is not known."""
        try:
            end = monotonic() + self._message.deadline / 4
            return run(read_after(self._message, before, end), self._http)
        except UnsettledError as error:
            return str(error)
