"""Calls that settle: when the chat is read, within which limits, and what remains when it cannot be read."""

from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import anyio
import anyio.lowlevel
import httpx
import pytest
from click.testing import CliRunner

import mock_api
from environment import lead_to
from histories import history, message
from mock_api import TEXT, Api, Clock, Kind, answer, every_client, use
from settling import FAILED, LOST, Chats, note, replace_clock
from yandex_market_chats import (
    AsyncMarketChats,
    BadRequestError,
    ConfigurationError,
    ConnectionLostError,
    InvalidRequestError,
    RetryPolicy,
    ServerError,
    _steps,
)
from yandex_market_chats.cli import commands


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock of the clients and of the sandbox."""
    return replace_clock(monkeypatch)


def test_the_pauses_between_two_reads_grow(clock: Clock) -> None:
    """A message that does not show up at once may take long, and each read counts against the limits."""
    with Chats(clock) as chats:
        chats.fail(chat_id=FAILED)
    assert clock.waits == [0.5, 1, 2, 2, 2, 2, 2, 1.5]


def test_a_settled_error_keeps_its_rate_limit(clock: Clock) -> None:
    """A 500 leaves the message in doubt, but its headers say what is left of the hour."""
    with Chats(clock) as chats:
        sent = chats.send(chat_id=500)
        assert sent.message_id == 1
        assert sent.rate_limit is not None


def test_the_deadline_bounds_the_polling(clock: Clock) -> None:
    """A caller that sets five seconds does not wait for fifteen."""
    with Chats(clock, history_delay=60) as chats:
        chats.fail(retries=RetryPolicy(deadline=5))
    assert sum(clock.waits) == 3  # the last read may take 2 s


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
    """The read may use a quarter of the deadline, so that a slow history leaves enough to the message."""
    timeouts = []

    def respond(request: httpx.Request) -> httpx.Response:
        timeouts.append(request.extensions["timeout"]["read"])
        clock.sleep(1)
        return history() if request.url.path.endswith("/history") else answer()

    mock_api.send(kind, respond, settle_unknown=True, retries=RetryPolicy(deadline=8))
    assert timeouts[0] <= 2
    assert 2 < timeouts[1] <= 7


def test_a_failed_read_is_retried() -> None:
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


def test_a_message_is_sent_even_if_its_chat_cannot_be_read() -> None:
    """Reading is a precaution: a page that the vendor has changed must not keep a message from being sent."""
    unreadable = answer(body=b'{"status": "OK", "result": {"messages": [{}]}}')
    assert send(unreadable, answer()).message_id is None


def test_a_refused_message_is_not_looked_for() -> None:
    """NOT_SENT is certain: the error is raised at once, as without settling."""
    with pytest.raises(BadRequestError) as caught:
        send(history(), answer(400))
    assert not hasattr(caught.value, "__notes__")


def test_without_the_time_of_the_api_nothing_is_settled() -> None:
    """The local clock may be wrong, so it is no substitute."""
    with pytest.raises(ServerError) as caught:
        send(history(date="yesterday"), answer(500))
    assert note(caught.value) == "Reading the chat did not settle it: the API did not say the time."


def test_the_known_message_is_not_mistaken_for_the_new_one() -> None:
    """Whether the API includes it in the page is not documented."""
    with pytest.raises(ServerError):
        send(history(), answer(500), *(history(message(7)) for _ in range(9)), after=7)


# Settings.


def test_nothing_is_read_by_default(clock: Clock) -> None:
    """Settling costs a read for each message, and relies on what the vendor does not guarantee."""
    with Chats(clock) as chats:
        error = chats.fail(settle_unknown=False)
        assert not hasattr(error, "__notes__")
        assert (chats.posts, chats.reads) == (1, 0)


@every_client
def test_a_view_can_settle_or_stop_settling(kind: Kind, clock: Clock) -> None:
    """A program settles only those of its messages that are worth two reads."""

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


def test_one_slot_is_enough_to_settle(clock: Clock) -> None:
    """A read that held its slot while the message is sent would wait for itself."""
    with Chats(clock) as chats:
        assert chats.send(max_parallel=1).message_id == 1


class Resources:
    """Limits that grant everything, and record the resources that calls asked for."""

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
    """A shared limit that did not count reads would be exceeded."""
    resources = Resources()
    with Chats(clock) as chats:
        chats.send(limits=resources)
    assert resources.taken == ["history", "message", "history"]


@pytest.mark.parametrize(
    ("chat_id", "code", "printed"), [(LOST, 0, '"message_id": 1'), (FAILED, 4, "did not show up in time.")]
)
def test_the_command_settles(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, chat_id: int, code: int, printed: str
) -> None:
    """A script needs no program of its own; it reads the id of the message, or why it is not known."""
    with Chats(clock) as chats:
        lead_to(chats.sandbox, monkeypatch)
        arguments = ["send", "--settle", "--json", "--chat-id", str(chat_id), TEXT]
        result = CliRunner().invoke(commands, arguments)
    assert (result.exit_code, printed in result.stdout) == (code, True)


# Exceptions that are not ours.


@every_client
def test_an_exception_before_the_message_says_that_nothing_was_sent(kind: Kind) -> None:
    """Such an exception has no `delivery`, so its note says whether the message was sent."""
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
    """The transport adds the note already, and a second one would contradict it."""
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
    """A worker that cancels a task finds the outcome in the note."""

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
