"""UNKNOWN outcomes that reading the chat settles: into sent, never into not sent."""

import json
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any, Self, get_args

import anyio
import anyio.lowlevel
import httpx
import pytest

import mock_api
from mock_api import AT_ONCE, TEXT, Api, Kind, answer, every_client, use
from yandex_market_chats import (
    ApiKey,
    AsyncMarketChats,
    Attempt,
    BadRequestError,
    ConfigurationError,
    ConnectionLostError,
    Delivery,
    InvalidRequestError,
    MarketError,
    RetryPolicy,
    SentMessage,
    ServerError,
    _operations,
    _settle,
    _steps,
    cli,
)
from yandex_market_chats._operations import Sending
from yandex_market_chats.sandbox import Message, Request, Sandbox
from yandex_market_chats_generated.models import ChatHistoryPage

START = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LOST, FAILED = 9001, 5001
"""The chats of the sandbox whose answer is lost, and whose message."""


# The rule.


def message(message_id: int = 7, text: str | None = TEXT, **changes: Any) -> dict[str, Any]:
    """Return a message as the API describes it."""
    body = {} if text is None else {"message": text}
    return {"messageId": message_id, "createdAt": START.isoformat(), "sender": "PARTNER", **body, **changes}


def page(*messages: dict[str, Any]) -> ChatHistoryPage:
    """Return a page of a history."""
    return ChatHistoryPage.from_dict({"context": {"type": "ORDER"}, "messages": messages, "paging": {}})


def find(*messages: dict[str, Any], text: str = TEXT, known: Sequence[int] = ()) -> int | None:
    """Apply the rule to a page: the attempt was made at `START`."""
    return _settle.find_sent(text, [page(*messages)], _settle.Before(known, START))


def test_a_new_message_of_the_seller_with_the_text_is_the_one() -> None:
    """Without an id in the response, sender, text, id and time are all that identify a message."""
    assert find(message(5, "Другой текст"), message(7)) == 7


@pytest.mark.parametrize("sender", ["CUSTOMER", "MARKET", "SUPPORT", "ROBOT"])
def test_a_message_of_another_sender_is_not_the_one(sender: str) -> None:
    """A buyer can quote the seller's text."""
    assert find(message(sender=sender)) is None


def test_white_space_around_the_text_does_not_matter() -> None:
    """The vendor says that some of its systems cut it off."""
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
    assert find(message(createdAt=(START - 2 * SECOND).isoformat())) == 7
    assert find(message(createdAt=(START - 3 * SECOND).isoformat())) is None


def test_a_time_with_another_offset_is_compared_as_a_moment() -> None:
    """The vendor's times are those of Moscow, `Date` is UTC."""
    assert find(message(createdAt="2026-11-22T15:00:00+03:00")) == 7
    assert find(message(createdAt="2026-11-22T12:00:00+03:00")) is None


def test_a_time_without_an_offset_is_not_compared() -> None:
    """Only the local time zone could make a moment of it."""
    assert find(message(createdAt="2026-11-22T12:00:00")) is None


def test_two_messages_that_qualify_settle_nothing() -> None:
    """One of them may be of another program, and ours lost."""
    with pytest.raises(_settle.UnsettledError, match="2 new messages have this text"):
        find(message(7), message(8))


def test_a_message_on_two_pages_is_one() -> None:
    """Pages shift when messages arrive while they are read."""
    pages = [page(message(7)), page(message(7), message(5, "Другой текст"))]
    assert _settle.find_sent(TEXT, pages, _settle.Before([], START)) == 7


# What this process sends.


class Clock:
    """A clock that only waits move: the monotonic one of the client, and the sandbox's."""

    def __init__(self) -> None:
        """Start."""
        self.seconds = START.timestamp()
        self.waits: list[float] = []

    def __call__(self) -> float:
        """Return the time."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.waits.append(seconds)
        self.seconds += seconds

    async def asleep(self, seconds: float) -> None:
        """Let time pass in a task."""
        self.sleep(seconds)


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Wait by a clock, and remember no message of the other tests."""
    clock = Clock()
    monkeypatch.setattr(_settle, "monotonic", clock)
    monkeypatch.setattr(_operations, "monotonic", clock)
    monkeypatch.setattr(_steps, "time", SimpleNamespace(sleep=clock.sleep))
    monkeypatch.setattr(_steps, "anyio", SimpleNamespace(sleep=clock.asleep))
    monkeypatch.setattr(Sending, "recent", deque())
    return clock


def test_equal_messages_in_parallel_are_contested() -> None:
    """Whichever of them shows up, it can be either."""
    with Sending(42, TEXT) as first, Sending(43, TEXT) as other_chat:
        assert not first.contested
        with Sending(42, TEXT) as second:
            assert second.contested
        assert first.contested
        assert not other_chat.contested


def test_an_equal_message_contests_for_15_seconds(clock: Clock) -> None:
    """It can be that late to show up. The time counts from the end of the call, which may send until then."""
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
    """The long call is settled after it."""
    with Sending(42, TEXT) as long:
        with Sending(42, TEXT):
            pass
        clock.sleep(60)
        assert long.contested


def test_a_message_that_was_not_sent_contests_nothing() -> None:
    """A retry after a refusal can be settled."""
    with suppress(BadRequestError), Sending(42, TEXT):
        raise BadRequestError("Refused.", status_code=400)
    with Sending(42, TEXT) as second:
        assert not second.contested


@pytest.mark.parametrize("error", [ConnectionLostError("Lost."), KeyboardInterrupt()])
def test_a_message_that_may_have_been_sent_contests(error: BaseException) -> None:
    """It may show up in place of the next one."""
    with suppress(type(error)), Sending(42, TEXT):
        raise error
    with Sending(42, TEXT) as second:
        assert second.contested


# The sandbox.


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
        """The number of messages that were posted, whatever became of them."""
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


# The table of `make settle`: what the chat shows, and how the call ends.


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
    return (START + timedelta(hours=hours)).timestamp


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


# The calls.


def test_the_pauses_between_two_reads_grow(clock: Clock) -> None:
    """A message that does not show up at once may take long, and each read counts against the limits."""
    with Chats(clock) as chats:
        chats.fail(chat_id=FAILED)
    assert clock.waits == [0.5, 1, 2, 2, 2, 2, 2, 1.5]


def test_an_error_of_the_server_is_settled(clock: Clock) -> None:
    """A 500 says nothing about the message, but it says what is left of the limit."""
    with Chats(clock) as chats:
        sent = chats.send(chat_id=500)
        assert sent.message_id == 1
        assert sent.rate_limit is not None


def test_the_deadline_bounds_the_polling(clock: Clock) -> None:
    """The deadline is that of the whole call."""
    with Chats(clock, history_delay=60) as chats:
        chats.fail(retries=RetryPolicy(deadline=5))
    assert sum(clock.waits) == 3  # the last read may take 2 s


def history(*messages: dict[str, Any], date: str = format_datetime(START, usegmt=True)) -> httpx.Response:
    """Return a response with the only page of a chat."""
    result = {"context": {"type": "ORDER"}, "messages": messages, "paging": {}}
    body = json.dumps({"status": "OK", "result": result}).encode()
    return answer(body=body, Date=date)


def send(
    *outcomes: httpx.Response | Exception, kind: Kind = "sync", after: int | None = None, **changes: Any
) -> Any:
    """Send a message whose requests have these outcomes."""
    return use(
        kind,
        lambda chats: chats.send_message(chat_id=42, message=TEXT, after=after),
        Api(*outcomes),
        **{"settle_unknown": True, **changes},
    )


@every_client
def test_one_deadline_covers_all_requests(kind: Kind, clock: Clock) -> None:
    """The read may take a quarter of it, so that a slow history leaves enough to the message."""
    timeouts = []

    def respond(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        clock.sleep(1)
        return history() if request.url.path.endswith("/history") else answer()

    mock_api.send(kind, respond, settle_unknown=True, retries=RetryPolicy(deadline=8))
    assert timeouts[0] <= 2
    assert 2 < timeouts[1] <= 7


def test_a_message_is_sent_without_the_read_before_it() -> None:
    """Reading is a precaution: it must not keep a message from being sent."""
    assert send(answer(403), answer()).message_id is None


def test_a_failed_read_is_repeated() -> None:
    """What broke the connection of the message may break that of the read, too."""
    once = RetryPolicy.disabled()
    failure = httpx.ConnectError("refused")
    assert send(history(), answer(500), failure, history(message(7)), retries=once).message_id == 7


def test_the_last_failure_of_a_read_is_noted(clock: Clock) -> None:
    """The original error says whether the message was sent; the note says why the chat did not help."""
    reads = [answer(403) for _ in range(9)]
    with pytest.raises(ServerError) as caught:
        send(history(), answer(500), *reads)
    assert note(caught.value).startswith("Reading the chat did not settle it: it could not be read: 403")
    assert sum(clock.waits) <= 15


def test_an_unreadable_page_is_a_failed_read() -> None:
    """A vendor that changes its API must not turn UNKNOWN into an exception of another kind."""
    unreadable = answer(body=b'{"status": "OK", "result": {"messages": [{}]}}')
    assert send(unreadable, answer()).message_id is None


def test_a_refused_message_is_not_looked_for() -> None:
    """NOT_SENT is certain: the error is raised at once, as without settling."""
    with pytest.raises(BadRequestError) as caught:
        send(history(), answer(400))
    assert not hasattr(caught.value, "__notes__")


def test_without_the_time_of_the_api_nothing_is_settled() -> None:
    """The local clock may be wrong, so it does not stand in."""
    with pytest.raises(ServerError) as caught:
        send(history(date="yesterday"), answer(500))
    assert note(caught.value) == "Reading the chat did not settle it: the API did not say the time."


def test_the_known_message_is_not_mistaken_for_the_new_one() -> None:
    """Whether the API includes it in the page is not documented."""
    with pytest.raises(ServerError):
        send(history(), answer(500), *(history(message(7)) for _ in range(9)), after=7)


# Settings.


def test_nothing_is_read_by_default(clock: Clock) -> None:
    """It costs a read for each message, and relies on what the vendor does not guarantee."""
    with Chats(clock) as chats:
        error = chats.fail(settle_unknown=False)
        assert not hasattr(error, "__notes__")
        assert (chats.posts, chats.reads) == (1, 0)


@every_client
def test_a_view_settles_or_not(kind: Kind, clock: Clock) -> None:
    """A program settles the messages that are worth it."""

    def send_from_view(chats: Any) -> Any:
        view = chats.with_options(settle_unknown=not original)
        return view.with_options(timeout=3).send_message(chat_id=LOST, message=TEXT)

    for original, reads in ((False, 2), (True, 0)):
        with Chats(clock) as chats, suppress(ConnectionLostError):
            settings = {**chats.settings, "transport": None, "settle_unknown": original}
            use(kind, send_from_view, lambda _: None, **settings)
        assert (chats.posts, chats.reads) == (1, reads)


def test_settle_unknown_must_be_a_bool() -> None:
    """A text such as "no" would be true."""
    with pytest.raises(ConfigurationError, match="settle_unknown must be bool, not str"):
        send(settle_unknown="no")
    with pytest.raises(ConfigurationError, match="settle_unknown must be bool, not str"):
        use("sync", lambda chats: chats.with_options(settle_unknown="no"), Api())


def test_after_must_be_an_id() -> None:
    """An invalid argument is rejected before anything is read or sent."""
    with pytest.raises(InvalidRequestError, match="after must be an integer from 1"):
        send(after=0)


def test_reads_use_the_only_slot_in_turn(clock: Clock) -> None:
    """A read that held its slot while the message is sent would wait for itself."""
    with Chats(clock) as chats:
        assert chats.send(max_parallel=1).message_id == 1


class Resources:
    """Limits without limits, which record what they were asked for."""

    def __init__(self) -> None:
        """Start."""
        self.taken: list[str] = []

    def take(self, _slot: str, resource: str) -> float:
        """Take."""
        self.taken.append(resource.rpartition("/")[2])
        return 0

    def give_back(self, slot: str, resource: str, headers: Any) -> None:
        """Do nothing."""


def test_reads_count_against_the_limits(clock: Clock) -> None:
    """They are requests like all others."""
    resources = Resources()
    with Chats(clock) as chats:
        chats.send(limits=resources)
    assert resources.taken == ["history", "message", "history"]


@pytest.mark.parametrize(("chat_id", "code"), [(LOST, 0), (FAILED, 4)])
def test_the_command_settles(
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    chat_id: int,
    code: int,
) -> None:
    """A script that sends one message needs no program for it; the reason of a failure is printed as well."""
    with Chats(clock) as chats:
        monkeypatch.setenv("YANDEX_MARKET_API_KEY", chats.sandbox.token)
        monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", str(chats.sandbox.business_id))
        monkeypatch.setenv("YANDEX_MARKET_BASE_URL", chats.sandbox.base_url)
        monkeypatch.setattr(sys, "argv", ["", "send", "--settle", "--json", "--chat-id", str(chat_id), TEXT])
        with pytest.raises(SystemExit) as ended:
            cli.main()
    assert ended.value.code == code
    printed = json.loads(capsys.readouterr().out)
    assert printed.get("message_id") == 1 or printed["message"].endswith("did not show up in time.")


# Exceptions that are not ours.


@every_client
def test_an_exception_before_the_message_says_that_nothing_was_sent(kind: Kind) -> None:
    """Only the note says it, because such an exception has no `delivery`."""
    with pytest.raises(ZeroDivisionError) as caught:
        send(ZeroDivisionError(), kind=kind)
    assert note(caught.value) == "Nothing was sent."


@every_client
def test_an_exception_while_polling_says_that_the_message_may_have_been_sent(kind: Kind) -> None:
    """A time limit of a worker can strike while the chat is read."""
    with pytest.raises(ZeroDivisionError) as caught:
        send(history(), answer(500), ZeroDivisionError(), kind=kind)
    assert note(caught.value).startswith("The message may have been sent")


def test_an_exception_of_the_message_itself_is_noted_once() -> None:
    """The transport notes it already."""
    with pytest.raises(ZeroDivisionError) as caught:
        send(history(), ZeroDivisionError())
    assert note(caught.value).startswith("The message may have been sent")


def test_an_interrupted_wait_says_that_the_message_may_have_been_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Most of the time of polling is waiting."""

    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(_steps, "time", SimpleNamespace(sleep=interrupt))
    with pytest.raises(KeyboardInterrupt) as caught:
        send(history(), answer(500), history())
    assert note(caught.value).startswith("The message may have been sent")


@pytest.mark.anyio
async def test_a_cancelled_wait_says_that_the_message_may_have_been_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task that is cancelled learns it from the note."""

    async def cancel(_seconds: float) -> None:
        scope.cancel()
        await anyio.lowlevel.checkpoint()

    monkeypatch.setattr(_steps, "anyio", SimpleNamespace(sleep=cancel))
    api = Api(history(), answer(500), history())
    async with AsyncMarketChats(**mock_api.settings(api, settle_unknown=True)) as chats:
        with anyio.CancelScope() as scope:
            with pytest.raises(anyio.get_cancelled_exc_class()) as caught:
                await chats.send_message(chat_id=42, message=TEXT)
            raise caught.value
    assert note(caught.value).startswith("The message may have been sent")
