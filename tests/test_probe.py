"""The probe of the API, against sandboxes that break one assumption each."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import formatdate
from typing import Any

import pytest
from aiohttp import web

import probe
from environment import lead_to
from yandex_market_chats._settings import ID_MAX
from yandex_market_chats.sandbox import Message, Sandbox
from yandex_market_chats.sandbox._business import Business
from yandex_market_chats.sandbox._wire import Reply

pytestmark = pytest.mark.tooling

ORDER = 7700000001
NOON = 1_795_348_800.0
HOLDS, FAILS, UNSEEN = "holds", "does not hold", "not seen"


class Probe:
    """A person at a terminal who probes a sandbox, and a clock that moves only while the probe waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Prepare a terminal at which the confirmation is typed."""
        self.seconds = NOON
        self._monkeypatch, self._capsys = monkeypatch, capsys
        monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        self.answer(probe.CONFIRMATION)

    def answer(self, text: str) -> None:
        """Type this text at the prompt."""
        self._monkeypatch.setattr("builtins.input", lambda _: text)

    def tamper(self, change: Callable[[Reply], Reply]) -> None:
        """Change the answers of sandboxes."""
        original = Business.answer
        self._monkeypatch.setattr(Business, "answer", lambda *arguments: change(original(*arguments)))

    def run(
        self, prepare: Callable[[Sandbox], object] = lambda _: None, order: int = ORDER, **settings: Any
    ) -> str:
        """Probe a sandbox; return what is printed."""
        with Sandbox(clock=lambda: self.seconds, **settings) as sandbox:
            lead_to(sandbox, self._monkeypatch)
            sandbox.answer(ID_MAX, "404", operation="getChatHistory")  # the chat that must not exist
            prepare(sandbox)
            try:
                probe.main(str(order), sleep=self._sleep, clock=lambda: self.seconds)
            finally:
                self.sent = len(sandbox.messages)
        return self._capsys.readouterr().out

    def results(
        self, prepare: Callable[[Sandbox], object] = lambda _: None, **settings: Any
    ) -> dict[str, str]:
        """Probe a sandbox; return the results, with what was seen in parentheses."""
        lines = self.run(prepare, **settings).splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")][1:]
        return {name: " ".join((result, *(f"({it})" for it in seen if it))) for name, result, *seen in rows}

    def _sleep(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Probe:
    """Return a person at a terminal."""
    return Probe(monkeypatch, capsys)


def test_all_assumptions_hold_for_the_sandbox(person: Probe) -> None:
    """The SDK is tested against the sandbox, so the sandbox must behave as the SDK assumes."""
    results = person.results()
    assert len(results) == 15
    assert {result.partition(" (")[0] for result in results.values()} == {HOLDS}
    assert person.sent == 2


FIRST = "The oldest message comes first"
FIRST_PAGE = "The page with the oldest message comes first"
IDS = "Message ids grow"
LATER = "`messageIdFrom` returns all later messages"
SHOWS_UP = "A message shows up within 15 s"
CLOCKS = "`createdAt` is within 2 s of `Date`"
TEXT = "A text stays the same, except for white space at its ends"
COUNTS = "`Remaining` counts the request that it answers"
FALLS = "`Remaining` falls by one with each request"
UNTIL = "`Until` is at most an hour ahead"
ERRORS = "A 404 and a 400 state the limit and the `Date`"
CONNECTIONS = "Connections are not kept alive"
TRACES = "Each answer has a `traceparent`"
NOT_FOUND = "A 404 has the documented text"
INVALID = "A 400 has the documented text"


def descending(message: Message) -> Message:
    """Show later messages with lower ids."""
    return replace(message, message_id=1000 - message.message_id)


def fast_clock(message: Message) -> Message:
    """Show a time of another clock."""
    return replace(message, created_at=message.created_at + timedelta(seconds=10))


def masked(message: Message) -> Message:
    """Show an altered text."""
    return replace(message, text=message.text.replace("Probe", "*****"))


def trimmed(message: Message) -> Message:
    """Show a text without the white space at its ends."""
    return replace(message, text=message.text.strip())


@pytest.mark.parametrize(
    ("sandbox", "expected"),
    [
        ({"newest_first": True}, {FIRST: f"{FAILS} (newest first)", FIRST_PAGE: f"{FAILS} (newest first)"}),
        ({"alter": descending}, {IDS: FAILS, LATER: f"{FAILS} (the message itself is included)"}),
        ({"history_delay": 20}, {SHOWS_UP: f"{FAILS} (after 20.0 s at most)"}),
        ({"history_delay": 1000}, {SHOWS_UP: f"{FAILS} (not within 60 s)", FIRST: UNSEEN, IDS: UNSEEN}),
        ({"alter": fast_clock}, {CLOCKS: f"{FAILS} (+10 s)"}),
        ({"alter": masked}, {TEXT: FAILS}),
        ({"alter": trimmed}, {TEXT: f"{HOLDS} (white space at its ends is cut off)"}),
    ],
)
def test_a_chat_can_break_an_assumption(
    person: Probe, sandbox: dict[str, Any], expected: dict[str, str]
) -> None:
    """The vendor documents none of this."""
    assert person.results(**sandbox).items() >= expected.items()


def headers(**changes: str | None) -> Callable[[Reply], Reply]:
    """Change headers of all answers, or remove them; `_` in a name is a hyphen."""

    def change(reply: Reply) -> Reply:
        named = {name.replace("_", "-"): value for name, value in changes.items()}
        changed = {**reply.headers, **named}
        return replace(reply, headers={name: value for name, value in changed.items() if value is not None})

    return change


def remaining(more: int, factor: int = 1) -> Callable[[Reply], Reply]:
    """Report another number of remaining requests."""

    def change(reply: Reply) -> Reply:
        left, limit = (int(reply.headers[f"X-RateLimit-Resource-{name}"]) for name in ("Remaining", "Limit"))
        return headers(X_RateLimit_Resource_Remaining=str(limit - factor * (limit - left) + more))(reply)

    return change


def bare_errors(reply: Reply) -> Reply:
    """Leave out the limit in refusals."""
    return headers(X_RateLimit_Resource_Remaining=None)(reply) if reply.status >= 400 else reply


def other_texts(reply: Reply) -> Reply:
    """Refuse with other texts."""
    return replace(reply, body=reply.body.replace("'", "`"))


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (remaining(1), {COUNTS: f"{FAILS} (0 used after the first request)", FALLS: f"{HOLDS} (by 1)"}),
        (remaining(-5), {COUNTS: UNSEEN}),
        (
            remaining(1, factor=2),
            {COUNTS: f"{HOLDS} (1 used after the first request)", FALLS: f"{FAILS} (by 2)"},
        ),
        (
            headers(X_RateLimit_Resource_Until=formatdate(NOON + 7200, usegmt=True)),
            {UNTIL: f"{FAILS} (7200 s at most)"},
        ),
        (headers(X_RateLimit_Resource_Until=None), {COUNTS: UNSEEN, FALLS: UNSEEN, UNTIL: UNSEEN}),
        (headers(Date="today"), {CLOCKS: UNSEEN, UNTIL: UNSEEN, ERRORS: FAILS}),
        (bare_errors, {ERRORS: FAILS}),
        (headers(traceparent="none"), {TRACES: f"{FAILS} (0 of 12)"}),
        (other_texts, {NOT_FOUND: FAILS, INVALID: FAILS}),
    ],
)
def test_answers_can_break_an_assumption(
    person: Probe, tamper: Callable[[Reply], Reply], expected: dict[str, str]
) -> None:
    """The vendor documents some of it, and could change it."""
    person.tamper(tamper)
    assert person.results().items() >= expected.items()


def test_a_connection_that_is_kept_breaks_an_assumption(
    person: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The SDK opens a connection for each attempt because the vendor says that none is kept."""
    monkeypatch.setattr(web.Response, "force_close", lambda _: None)
    assert person.results()[CONNECTIONS] == f"{FAILS} (1 for 2 requests)"


MISSING_CHAT, NEW_CHAT = (ID_MAX, "getChatHistory"), (ORDER, "sendMessageToChat")


@pytest.mark.parametrize(
    ("chat", "outcomes", "expected"),
    [
        (MISSING_CHAT, (409,), {NOT_FOUND: f"{FAILS} (status 409)"}),
        (MISSING_CHAT, ("dropped",), {NOT_FOUND: UNSEEN, ERRORS: HOLDS}),
        (NEW_CHAT, ("lost", "ok"), {SHOWS_UP: f"{HOLDS} (after 0.0 s at most)", FALLS: UNSEEN, IDS: HOLDS}),
        (NEW_CHAT, (403, 403), {SHOWS_UP: UNSEEN, CLOCKS: UNSEEN, TEXT: UNSEEN, FIRST_PAGE: UNSEEN}),
    ],
)
def test_what_was_not_seen_is_not_judged(
    person: Probe, chat: tuple[int, str], outcomes: tuple[str | int, ...], expected: dict[str, str]
) -> None:
    """A probe during an outage must not blame the API."""
    results = person.results(lambda sandbox: sandbox.answer(chat[0], *outcomes, operation=chat[1]))
    assert results.items() >= expected.items()


def test_unreadable_answers_are_not_judged(person: Probe) -> None:
    """The person receives a report on the rest."""
    person.tamper(lambda reply: replace(reply, body="{}") if reply.status >= 400 else reply)
    assert person.results().items() >= {NOT_FOUND: UNSEEN, INVALID: UNSEEN, ERRORS: HOLDS}.items()
    person.tamper(lambda reply: replace(reply, body="<html>") if "messages" in reply.body else reply)
    assert person.results().items() >= {IDS: UNSEEN, CONNECTIONS: f"{HOLDS} (2 for 2 requests)"}.items()


def test_the_report_contains_no_token_ids_or_texts(person: Probe) -> None:
    """People paste it into an issue that anyone can read."""

    def number(message: Message) -> Message:
        return replace(message, message_id=message.message_id + ORDER)

    printed = person.run(alter=number, business_id=ORDER + 1, token="ACMA:a-secret")
    assert "| holds |" in printed
    assert not any(private in printed for private in (str(ORDER)[:-1], "ACMA", "secret", "Probe", "1001"))


def test_an_order_without_a_chat_is_an_error(person: Probe) -> None:
    """A mistyped order ends the probe before anything is sent."""
    with pytest.raises(SystemExit, match=r"no chat for this order: status 404\. Nothing was sent"):
        person.run(order=404)
    assert person.sent == 0


def test_nothing_is_sent_without_a_confirmation(person: Probe) -> None:
    """A buyer reads what is sent to the chat of a real order."""
    person.answer("yes")
    with pytest.raises(SystemExit, match=r"Not confirmed\. Nothing was sent"):
        person.run()
    assert person.sent == 0


def test_only_a_person_can_confirm(person: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script must not answer the question."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    with pytest.raises(SystemExit, match="Only a person at a terminal"):
        person.run()
    assert person.sent == 0


def test_a_missing_order_is_reported() -> None:
    """`make probe` without ORDER says what to pass."""
    with pytest.raises(SystemExit, match="make probe ORDER=id of a test order"):
        probe.main("")


def test_a_missing_setting_is_named() -> None:
    """The probe reads the same settings as the SDK."""
    with pytest.raises(SystemExit, match="set YANDEX_MARKET_API_KEY"):
        probe.main("1")
