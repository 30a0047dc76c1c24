"""Equal messages of one process: when the one that shows up may be that of another call."""

from contextlib import suppress

import pytest

from mock_api import TEXT, Clock
from settling import replace_clock
from yandex_market_chats import BadRequestError, ConnectionLostError
from yandex_market_chats._operations import Sending


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock by which earlier messages are forgotten."""
    return replace_clock(monkeypatch)


def test_equal_messages_in_parallel_are_contested() -> None:
    """The message that shows up can be either of them."""
    with Sending(42, TEXT) as first, Sending(43, TEXT) as other_chat:
        assert not first.contested
        with Sending(42, TEXT) as second:
            assert second.contested
        assert first.contested
        assert not other_chat.contested


def test_an_equal_message_contests_for_15_seconds(clock: Clock) -> None:
    """A message can be that late to show up, counted from the end of its call, which may send until then."""
    with Sending(42, TEXT):
        clock.sleep(60)
    clock.sleep(15)
    with Sending(42, TEXT) as second:
        assert second.contested
    clock.sleep(15.1)
    with Sending(42, TEXT) as third:
        clock.sleep(60)
        assert not third.contested


def test_an_equal_message_during_a_long_call_contests(clock: Clock) -> None:
    """The long call is settled last, when both messages may be in the chat."""
    with Sending(42, TEXT) as long:
        with Sending(42, TEXT):
            pass
        clock.sleep(60)
        assert long.contested


def test_a_message_that_was_not_sent_contests_nothing() -> None:
    """A caller that corrects and sends a refused message again still gets its outcome settled."""
    with suppress(BadRequestError), Sending(42, TEXT):
        raise BadRequestError("Refused.", status_code=400)
    with Sending(42, TEXT) as second:
        assert not second.contested


@pytest.mark.parametrize("error", [ConnectionLostError("Lost."), KeyboardInterrupt()])
def test_a_message_that_may_have_been_sent_contests(error: BaseException) -> None:
    """The first message may show up instead of the second."""
    with suppress(type(error)), Sending(42, TEXT):
        raise error
    with Sending(42, TEXT) as second:
        assert second.contested
