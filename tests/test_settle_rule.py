"""The rule that settles an UNKNOWN: which message of the chat is the one that was sent."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from histories import message
from mock_api import NOW, TEXT
from yandex_market_chats._settle import Before, UnsettledError, find_sent
from yandex_market_chats_generated.models import ChatHistoryPage

SECOND = timedelta(seconds=1)


def page(*messages: dict[str, Any]) -> ChatHistoryPage:
    """Return a page of a history."""
    return ChatHistoryPage.from_dict({"context": {"type": "ORDER"}, "messages": messages, "paging": {}})


def find(*messages: dict[str, Any], text: str = TEXT, known: Sequence[int] = ()) -> int | None:
    """Return the id that is found in a page after an attempt at `NOW`."""
    return find_sent(text, [page(*messages)], Before(known, NOW))


def test_a_new_message_of_the_seller_with_the_text_is_the_one() -> None:
    """Without an id in the response, sender, text, id and time are all that identify a message."""
    assert find(message(5, "Другой текст"), message(7)) == 7


@pytest.mark.parametrize("sender", ["CUSTOMER", "unknown to the contract"])
def test_a_message_of_another_sender_is_not_the_one(sender: str) -> None:
    """A buyer can quote the seller's text."""
    assert find(message(sender=sender)) is None


def test_white_space_around_the_text_does_not_matter() -> None:
    """The vendor says that some of its systems trim texts."""
    assert find(message(text=TEXT), text=f" {TEXT}\n") == 7
    assert find(message(text=f"{TEXT} "), text=TEXT) == 7


@pytest.mark.parametrize("text", [f"{TEXT}!", TEXT.upper(), TEXT.replace(" ", "  "), ""])
def test_a_message_with_another_text_is_not_the_one(text: str) -> None:
    """A text that the vendor altered inside cannot be recognized."""
    assert find(message(text=text)) is None


def test_a_file_is_not_a_blank_text() -> None:
    """A file that a colleague sends in the same second has no text."""
    assert find(message(text=None), text=" ") is None


def test_a_message_that_was_there_before_is_not_the_one() -> None:
    """The same text can have been sent yesterday."""
    assert find(message(7), known=[7]) is None
    assert find(message(7), message(8), known=[7]) == 8


def test_a_message_that_is_older_than_the_attempt_is_not_the_one() -> None:
    """A message of another program may be late to show up. The clocks of the vendor may differ by 2 s."""
    assert find(message(createdAt=(NOW - 2 * SECOND).isoformat())) == 7
    assert find(message(createdAt=(NOW - 3 * SECOND).isoformat())) is None


def test_a_time_with_another_offset_is_compared_as_a_moment() -> None:
    """The vendor's times are those of Moscow, `Date` is UTC."""
    assert find(message(createdAt="2026-11-22T15:00:00+03:00")) == 7
    assert find(message(createdAt="2026-11-22T12:00:00+03:00")) is None


def test_a_time_without_an_offset_is_not_compared() -> None:
    """A time without an offset is a moment only together with a time zone, which the API does not name."""
    assert find(message(createdAt="2026-11-22T12:00:00")) is None


def test_two_messages_that_qualify_settle_nothing() -> None:
    """One of the two may be of another program, and ours lost."""
    with pytest.raises(UnsettledError, match="2 new messages have this text"):
        find(message(7), message(8))


def test_a_message_on_two_pages_is_one() -> None:
    """Pages shift when messages arrive while they are read."""
    pages = [page(message(7)), page(message(7), message(5, "Другой текст"))]
    assert find_sent(TEXT, pages, Before([], NOW)) == 7
