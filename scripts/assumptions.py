"""What the SDK assumes about the API, each with a check of what `scripts/probe.py` saw."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import httpx

from yandex_market_chats import RateLimit, __version__
from yandex_market_chats._limits import parse_date
from yandex_market_chats._settle import PATIENCE, TOLERANCE

LONGEST = 60.0
"""Seconds for which a new message is looked for."""
HOUR = 3600

TRACE = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
NOT_FOUND = re.compile(r"Can't find chat by id: '\d+'")
INVALID = re.compile(r"'message' size must be between \D?1\D? and \D?4096\D? \(rejected value: ''\)")


class Limit(NamedTuple):
    """The state of the hourly limit."""

    limit: int
    remaining: int
    until: datetime


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer of the API; without a status, the connection broke."""

    resource: str
    status: int | None = None
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    body: Any = None

    @property
    def result(self) -> dict[str, Any]:
        """The result of a success; empty if there is none."""
        result = self.body.get("result") if isinstance(self.body, dict) else None
        return result if self.status == httpx.codes.OK and isinstance(result, dict) else {}

    @property
    def date(self) -> datetime | None:
        """The time of the API."""
        return parse_date(self.headers.get("Date"))

    @property
    def limit(self) -> Limit | None:
        """The state of the hourly limit, if all three headers are valid."""
        limit = RateLimit.from_headers(self.headers)
        if limit is None or limit.limit is None or limit.remaining is None or limit.until is None:
            return None
        return Limit(limit.limit, limit.remaining, limit.until)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A message that was sent, and how the chat showed it, if it did, after how many seconds."""

    text: str
    answer: Answer
    shown: dict[str, Any] | None
    delay: float

    @property
    def message_id(self) -> int | None:
        """The id, if the chat showed the message."""
        return self.shown["messageId"] if self.shown else None


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What the probe saw.

    Attributes:
        messages: The two messages. The second one has white space at both ends.
        listed: The ids of the messages in the chat.
        paged: The ids from the first message on, read on pages of one message.
        missing: The answer about a chat that does not exist.
        invalid: The answer to an empty message.
        kept: The answers to two requests that allowed the API to keep the connection.
        connections: How many connections they needed.
        answers: All answers.
    """

    messages: tuple[Sent, Sent]
    listed: list[int]
    paged: list[int]
    missing: Answer
    invalid: Answer
    kept: tuple[Answer, Answer]
    connections: int
    answers: list[Answer]

    @property
    def ids(self) -> tuple[int, int] | None:
        """The ids of the two messages, if the chat showed both."""
        first, second = (message.message_id for message in self.messages)
        return None if first is None or second is None else (first, second)


Verdict = tuple[bool, str] | None
"""Whether an assumption holds, and what was seen; `None` if that says nothing about it."""


def _in_order(evidence: Evidence, ids: list[int]) -> Verdict:
    if evidence.ids is None or not set(evidence.ids) <= set(ids):
        return None
    first, second = map(ids.index, evidence.ids)
    return first < second, "oldest first" if first < second else "newest first"


def _ids_grow(evidence: Evidence) -> Verdict:
    return evidence.ids and (evidence.ids[0] < evidence.ids[1], "")


def _later_messages(evidence: Evidence) -> Verdict:
    if evidence.ids is None:
        return None
    first, second = (message_id in evidence.paged for message_id in evidence.ids)
    return second, f"the message itself is {'included' if first else 'left out'}"


def _shows_up(evidence: Evidence) -> Verdict:
    accepted = [message for message in evidence.messages if message.answer.status == httpx.codes.OK]
    if any(message.shown is None for message in accepted):
        return False, f"not within {LONGEST:.0f} s"
    delay = max((message.delay for message in accepted), default=None)
    return None if delay is None else (delay <= PATIENCE, f"after {delay:.1f} s at most")


def _clocks_agree(evidence: Evidence) -> Verdict:
    differences = [
        datetime.fromisoformat(message.shown["createdAt"]) - message.answer.date
        for message in evidence.messages
        if message.shown and message.answer.date
    ]
    worst = max(differences, key=abs, default=None)
    return None if worst is None else (abs(worst) <= TOLERANCE, f"{worst.total_seconds():+.0f} s")


def _text_stays(evidence: Evidence) -> Verdict:
    texts = [(message.text, message.shown["message"]) for message in evidence.messages if message.shown]
    if not all(sent.strip() == shown.strip() for sent, shown in texts):
        return False, ""
    kept = all(sent == shown for sent, shown in texts)
    return (True, f"white space at its ends is {'kept' if kept else 'cut off'}") if texts else None


def _remaining_is_up_to_date(evidence: Evidence) -> Verdict:
    first = {answer.resource: answer.limit for answer in reversed(evidence.answers)}
    used = min(limit.limit - limit.remaining for limit in first.values() if limit)
    return (used == 1, f"{used} used after the first request") if used <= 1 else None


def _remaining_falls(evidence: Evidence) -> Verdict:
    first, second = (message.answer.limit for message in evidence.messages)
    if first is None or second is None or first.until != second.until:
        return None
    return first.remaining - second.remaining == 1, f"by {first.remaining - second.remaining}"


def _until_is_near(evidence: Evidence) -> Verdict:
    seconds = [
        (answer.limit.until - answer.date).total_seconds()
        for answer in evidence.answers
        if answer.limit and answer.date
    ]
    return (0 <= min(seconds) <= max(seconds) <= HOUR, f"{max(seconds):.0f} s at most") if seconds else None


def _errors_say_the_limit(evidence: Evidence) -> Verdict:
    errors = [answer for answer in (evidence.missing, evidence.invalid) if answer.status]
    return (all(answer.limit and answer.date for answer in errors), "") if errors else None


def _connections_close(evidence: Evidence) -> Verdict:
    if not all(answer.status for answer in evidence.kept):
        return None
    return evidence.connections == len(
        evidence.kept
    ), f"{evidence.connections} for {len(evidence.kept)} requests"


def _answers_are_traced(evidence: Evidence) -> Verdict:
    answers = [answer for answer in evidence.answers if answer.status]
    traced = sum(TRACE.fullmatch(answer.headers.get("traceparent", "")) is not None for answer in answers)
    return traced == len(answers), f"{traced} of {len(answers)}"


def _refused(answer: Answer, status: int, text: re.Pattern[str]) -> Verdict:
    if answer.status != status:
        return (False, f"status {answer.status}") if answer.status else None
    return text.fullmatch(answer.body["errors"][0]["message"]) is not None, ""


ASSUMPTIONS: Mapping[str, Callable[[Evidence], Verdict]] = {
    "The oldest message comes first": lambda seen: _in_order(seen, seen.listed),
    "The page with the oldest message comes first": lambda seen: _in_order(seen, seen.paged),
    "Message ids grow": _ids_grow,
    "`messageIdFrom` returns all later messages": _later_messages,
    f"A message shows up within {PATIENCE:.0f} s": _shows_up,
    f"`createdAt` is within {TOLERANCE.seconds} s of `Date`": _clocks_agree,
    "A text stays as it is but for white space at its ends": _text_stays,
    "`Remaining` counts the request that it answers": _remaining_is_up_to_date,
    "`Remaining` falls by one with each request": _remaining_falls,
    "`Until` is at most an hour ahead": _until_is_near,
    "A 404 and a 400 say the limit and the `Date`": _errors_say_the_limit,
    "Connections are not kept alive": _connections_close,
    "Each answer has a `traceparent`": _answers_are_traced,
    "A 404 has the documented text": lambda seen: _refused(seen.missing, 404, NOT_FOUND),
    "A 400 has the documented text": lambda seen: _refused(seen.invalid, 400, INVALID),
}


def report(evidence: Evidence) -> str:
    """Return the block for an issue: it contains no token, no ids and no texts."""
    lines = [
        f"yandex-market-chats {__version__}, {datetime.now(UTC):%Y-%m-%d}",
        "",
        "| Assumption | Result | Seen |",
        "|---|---|---|",
    ]
    for assumption, check in ASSUMPTIONS.items():
        try:
            verdict = check(evidence)
        except (AttributeError, LookupError, TypeError, ValueError):
            verdict = None
        holds, seen = verdict or (None, "")
        result = {True: "holds", False: "does not hold", None: "not seen"}[holds]
        lines.append(f"| {assumption} | {result} | {seen} |")
    return "\n".join(lines)
