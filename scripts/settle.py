"""Show which UNKNOWN outcomes reading the chat settles: `make settle`.

Each case is played by the sync client, and by the async one under asyncio and trio, against a sandbox of its
own. A case that does not end as promised is marked, and makes the exit code 1.
"""

import logging
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, NamedTuple

import anyio

from yandex_market_chats import ApiKey, AsyncMarketChats, Attempt, MarketChats, MarketError, RetryPolicy
from yandex_market_chats.sandbox import Message, Request, Sandbox

CHAT = 42
TEXT = "Заказ уже в пути"
CLIENTS = ("sync", "asyncio", "trio")
PATIENT = RetryPolicy(deadline=6)
"""Instead of 60 seconds, of which up to 15 are spent on polling, because some messages never show up."""

SENT, OTHER, UNKNOWN = "sent", "sent: the other", "unknown"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A message whose outcome is UNKNOWN at first.

    Attributes:
        what: What happens.
        promised: How the call must end. `OTHER` means that the message of another program is mistaken for it.
        answers: How the sandbox answers the messages: by default, it accepts one and loses the answer.
        sandbox: The settings of the sandbox.
        prepare: What happens in the chat before.
        meanwhile: What happens in it when the message arrives.
        same: When this process sends the same text by another client, if it does.
        text: The text.
        after: The id of the message that the caller knows, if any.
    """

    what: str
    promised: str
    answers: tuple[str, ...] = ("lost",)
    sandbox: Mapping[str, Any] = field(default_factory=dict)
    prepare: Callable[[Sandbox], object] | None = None
    meanwhile: Callable[[Sandbox], object] | None = None
    same: str | None = None
    text: str = TEXT
    after: int | None = None


class Ending(NamedTuple):
    """How a case ended: the outcome, and how many messages were sent and how many posts the chat received."""

    outcome: str
    messages: int
    posts: int


def fill(count: int) -> Callable[[Sandbox], object]:
    """Put so many older messages into the chat."""
    return lambda sandbox: sandbox.fill(CHAT, count)


def say(sandbox: Sandbox) -> None:
    """Send the same text, as another program does."""
    sandbox.say(CHAT, TEXT, sender="PARTNER")


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


CASES = (
    Case(what="answer lost, done", promised=SENT),
    Case(what="500, done", answers=("500-accepted",), promised=SENT),
    Case(what="503 of a gateway, done", answers=("503-envoy-accepted",), promised=SENT),
    Case(what="500, not done", answers=("500",), promised=UNKNOWN),
    Case(what="connection lost, not done", answers=("dropped",), promised=UNKNOWN),
    Case(what="shows up after 1 s", sandbox={"history_delay": 1}, promised=SENT),
    Case(what="shows up after 60 s", sandbox={"history_delay": 60}, promised=UNKNOWN),
    Case(what="newest first", sandbox={"newest_first": True}, prepare=fill(50), promised=SENT),
    Case(what="350 older messages", prepare=fill(350), promised=SENT),
    Case(
        what="350 older messages, newest first",
        sandbox={"newest_first": True},
        prepare=fill(350),
        promised=SENT,
    ),
    Case(what="1,200 older messages", prepare=fill(1200), promised=UNKNOWN),
    Case(what="1,200 older messages, one of them known", prepare=fill(1200), after=1190, promised=SENT),
    Case(what="clock of the vendor + 1 h", sandbox={"clock": lambda: time.time() + 3600}, promised=SENT),
    Case(what="clock of the vendor - 1 h", sandbox={"clock": lambda: time.time() - 3600}, promised=SENT),
    Case(what="createdAt an hour before Date", sandbox={"alter": an_hour_older}, promised=UNKNOWN),
    Case(what="text trimmed", text=f" {TEXT}\n", sandbox={"alter": trimmed}, promised=SENT),
    Case(what="text altered", sandbox={"alter": masked}, promised=UNKNOWN),
    Case(
        what="chat cannot be read",
        prepare=lambda sandbox: sandbox.answer(CHAT, *[403] * 9, operation="getChatHistory"),
        promised=UNKNOWN,
    ),
    Case(what="same text there before", prepare=say, promised=SENT),
    Case(what="same text just before, this process", answers=("ok", "lost"), same="before", promised=UNKNOWN),
    Case(what="same text in parallel, this process", answers=("lost", "ok"), same="after", promised=UNKNOWN),
    Case(what="same text, another program; both done", meanwhile=say, promised=UNKNOWN),
    # What is wrong by nature.
    Case(
        what="same text, another program; not done",
        answers=("dropped",),
        meanwhile=say,
        promised=OTHER,
    ),
    Case(
        what="same text, another program; done, hidden",
        sandbox={"alter": first_hidden},
        meanwhile=say,
        promised=OTHER,
    ),
)


def play(case: Case, client: str) -> Ending:
    """Play a case."""
    posts = 0

    def count(request: Request) -> None:
        nonlocal posts
        if "/chats/message?" in request.target:
            posts += 1
            if case.meanwhile:
                case.meanwhile(sandbox)

    def send_the_same(attempt: Attempt) -> None:
        if case.same == "after" and attempt.path.endswith("/chats/message"):
            other.send_message(chat_id=CHAT, message=TEXT)

    with Sandbox(on_request=count, **case.sandbox) as sandbox:
        settings: dict[str, Any] = {
            "business_id": sandbox.business_id,
            "base_url": sandbox.base_url,
            "auth": ApiKey(sandbox.token),
        }
        message: dict[str, Any] = {"chat_id": CHAT, "message": case.text, "after": case.after}
        sandbox.answer(CHAT, *case.answers)
        if case.prepare:
            case.prepare(sandbox)
        with MarketChats(**settings) as other:
            if case.same == "before":
                other.send_message(chat_id=CHAT, message=TEXT)
            settings |= {"retries": PATIENT, "settle_unknown": True, "on_attempt": send_the_same}
            try:
                sent = send(client, settings, message)
            except MarketError as error:
                outcome = error.delivery.value
            else:
                ours = {message.message_id for message in sandbox.messages}
                outcome = SENT if sent.message_id in ours else OTHER
    return Ending(outcome, 2 if case.same else 1, posts)


def send(client: str, settings: Mapping[str, Any], message: Mapping[str, Any]) -> Any:
    """Send a message with a client of the kind."""
    if client == "sync":
        with MarketChats(**settings) as chats:
            return chats.send_message(**message)

    async def main() -> Any:
        async with AsyncMarketChats(**settings) as chats:
            return await chats.send_message(**message)

    return anyio.run(main, backend=client)


def main() -> int:
    """Print the table and a verdict."""
    logging.getLogger("yandex_market_chats").setLevel(logging.CRITICAL)
    width = max(len(case.what) for case in CASES)

    def line(first: str, *cells: str) -> str:
        return f"{first:{width}}  {'  '.join(f'{cell:15}' for cell in cells)}".rstrip()

    print(line("case", *CLIENTS, "messages", "posts"))
    broken = 0
    with ThreadPoolExecutor(8) as pool:
        endings = [[pool.submit(play, case, client) for client in CLIENTS] for case in CASES]
        for case, futures in zip(CASES, endings, strict=True):
            played = [future.result() for future in futures]
            kept = all(
                ending.outcome == case.promised and ending.posts == ending.messages for ending in played
            )
            outcomes = [ending.outcome for ending in played]
            counts = [" ".join(map(str, numbers)) for numbers in list(zip(*played, strict=True))[1:]]
            row = line(case.what, *outcomes, *counts)
            print(row if kept else f"{row}  <- promised: {case.promised}, one post for each message")
            broken += not kept
    print(f"\n{broken} cases did not end as promised." if broken else "\nAll cases ended as promised.")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
