"""The table of `make settle`: what the chat shows after an UNKNOWN, and how the call ends."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from mock_api import NOW, TEXT, Clock, Kind
from settling import Chats, note, replace_clock
from yandex_market_chats import Attempt, MarketError
from yandex_market_chats.sandbox import Message


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of the clients and of the sandbox."""
    return replace_clock(monkeypatch)


CHAT = 42
SENT, OTHER = "sent", "mistaken for the other message"
LATE = "unknown: the message did not show up in time."
SAME = "unknown: this process sent the same text to it at that time."
NOT_READ = "unknown: it could not be read before the first attempt: "
MANY = "it has more than 10 pages; pass after=, the id of a known message."


@dataclass(frozen=True, kw_only=True)
class Case:
    """A message whose outcome is UNKNOWN at first.

    Attributes:
        what: What happens.
        promised: How the call ends. `OTHER` is wrong by nature: docs/settling.md says so.
        reads: How many pages of the chat are read.
        posts: How many messages are posted.
        answers: How the sandbox answers them: by default, it accepts one and loses the answer.
        sandbox: The settings of the sandbox.
        before: What happens in the chat before.
        meanwhile: What happens in it just after the message.
        text: The text.
        after: The id of the message that the caller knows, if any.
    """

    what: str
    promised: str = SENT
    reads: int = 2
    posts: int = 1
    answers: Sequence[str] = ("lost",)
    sandbox: Mapping[str, Any] = field(default_factory=dict)
    before: Callable[[Chats], object] = lambda _: None
    meanwhile: Callable[[Chats], object] = lambda _: None
    text: str = TEXT
    after: int | None = None


def fill(count: int) -> Callable[[Chats], object]:
    """Put so many older messages into the chat."""
    return lambda chats: chats.sandbox.fill(CHAT, count)


def forbid(chats: Chats) -> None:
    """Refuse to show the chat."""
    chats.sandbox.answer(CHAT, *[403] * 9, operation="getChatHistory")


def say(chats: Chats) -> None:
    """Send the same text, as another program does."""
    chats.sandbox.say(CHAT, TEXT, sender="PARTNER")


def send_the_same(chats: Chats) -> None:
    """Send the same text by another client of this process, which settles nothing."""
    chats.send(chat_id=CHAT, settle_unknown=False)


def trimmed(message: Message) -> Message:
    """Show a text without the white space around it."""
    return replace(message, text=message.text.strip())


def masked(message: Message) -> Message:
    """Show an altered text."""
    return replace(message, text=message.text.replace("Заказ", "*****"))


def an_hour_older(message: Message) -> Message:
    """Show a time that does not match `Date`."""
    return replace(message, created_at=message.created_at - timedelta(hours=1))


def first_hidden(message: Message) -> Message | None:
    """Hide the first message of the chat."""
    return None if message.message_id == 1 else message


def shifted(hours: int) -> Callable[[], float]:
    """Return the clock of a vendor who is some hours ahead."""
    return (NOW + timedelta(hours=hours)).timestamp


NEWEST_FIRST = {"newest_first": True}
CASES = (
    Case(what="answer lost, done"),
    Case(what="500, done", answers=["500-accepted"]),
    Case(what="503 of a gateway, done", answers=["503-envoy-accepted"]),
    Case(what="500, not done", answers=["500"], promised=LATE, reads=10),
    Case(what="connection lost, not done", answers=["dropped"], promised=LATE, reads=10),
    Case(what="shows up after 12 s", sandbox={"history_delay": 12}, reads=10),
    Case(what="shows up after 60 s", sandbox={"history_delay": 60}, promised=LATE, reads=10),
    Case(what="newest first", sandbox=NEWEST_FIRST, before=fill(50)),
    Case(what="350 older messages", before=fill(350), reads=8),
    Case(what="350 older messages, newest first", before=fill(350), sandbox=NEWEST_FIRST, reads=8),
    Case(what="1,000 older messages", before=fill(1000), promised=f"unknown: {MANY}", reads=20),
    Case(what="1,200 older messages", before=fill(1200), promised=NOT_READ + MANY, reads=10),
    Case(what="1,200 older messages, one of them known", before=fill(1200), after=1190),
    Case(what="clock of the vendor + 1 h", sandbox={"clock": shifted(1)}),
    Case(what="clock of the vendor - 1 h", sandbox={"clock": shifted(-1)}),
    Case(what="createdAt an hour before Date", sandbox={"alter": an_hour_older}, promised=LATE, reads=10),
    Case(what="text trimmed", text=f" {TEXT}\n", sandbox={"alter": trimmed}),
    Case(what="text altered", sandbox={"alter": masked}, promised=LATE, reads=10),
    Case(what="chat cannot be read", before=forbid, promised=NOT_READ, reads=1),
    Case(what="same text there before", before=say),
    Case(
        what="same text just before, this process",
        answers=["ok", "dropped"],
        before=send_the_same,
        promised=SAME,
        posts=2,
    ),
    Case(
        what="same text in parallel, this process",
        answers=["dropped", "ok"],
        meanwhile=send_the_same,
        promised=SAME,
        posts=2,
    ),
    Case(
        what="same text, another program; both done",
        before=fill(99),  # so that they are on two pages
        meanwhile=say,
        promised="unknown: 2 new messages have this text.",
        reads=3,
    ),
    Case(what="same text, another program; not done", answers=["dropped"], meanwhile=say, promised=OTHER),
    Case(
        what="same text, another program; done, hidden",
        sandbox={"alter": first_hidden},
        meanwhile=say,
        promised=OTHER,
    ),
)


def outcome(chats: Chats, case: Case, kind: Kind) -> str:
    """Send the message of a case; return how that ends."""

    def meanwhile(attempt: Attempt) -> None:
        if attempt.path.endswith("/message"):
            case.meanwhile(chats)

    try:
        sent = chats.send(kind, chat_id=CHAT, text=case.text, after=case.after, on_attempt=meanwhile)
    except MarketError as error:
        return f"{error.delivery.value}: {note(error).removeprefix('Reading the chat did not settle it: ')}"
    ours = [message.message_id for message in chats.sandbox.messages]
    return SENT if sent.message_id in ours else OTHER


@pytest.mark.parametrize(
    ("case", "kind"),
    [
        pytest.param(
            case, kind, id=f"{case.what} | {kind} | {case.promised} | posts {case.posts}, reads {case.reads}"
        )
        for case in CASES
        for kind in get_args(Kind)
    ],
)
def test_case_ends_as_promised(case: Case, kind: Kind, clock: Clock) -> None:
    """Only what the chat shows beyond doubt turns UNKNOWN into sent, and nothing is posted again."""
    with Chats(**{"clock": clock, **case.sandbox}) as chats:
        chats.sandbox.answer(CHAT, *case.answers, operation="sendMessageToChat")
        case.before(chats)
        assert outcome(chats, case, kind).startswith(case.promised)
        assert (chats.posts, chats.reads) == (case.posts, case.reads)
