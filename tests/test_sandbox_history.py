"""What a test can do to the history of a chat."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest

from sandbox_calls import TEXT, call, history, refusal, send, send_file
from yandex_market_chats.sandbox import Message, Sandbox, Sender


def test_answer_of_the_buyer_follows_the_message() -> None:
    """A program that reads answers is tested against both sides of a chat."""
    with Sandbox() as sandbox:
        send(sandbox)
        said = sandbox.say(42, "Спасибо")
        sandbox.say(42, "Чат открыт", sender="MARKET")
        assert [(message["sender"], message["message"]) for message in history(sandbox)] == [
            ("PARTNER", TEXT),
            ("CUSTOMER", "Спасибо"),
            ("MARKET", "Чат открыт"),
        ]
        assert sandbox.history(42)[1] == said
        assert len(sandbox.messages) == 1


def test_history_of_a_test_lists_texts_and_files() -> None:
    """A test reads the whole chat without a request; an unused chat is empty."""
    with Sandbox() as sandbox:
        send(sandbox)
        send_file(sandbox, b"receipt")
        text, file = sandbox.history(42)
        assert text == Message(123456, 42, TEXT)
        assert (file.text, file.file, file.message_id) == ("", sandbox.files[0], 2)
        assert file.created_at >= text.created_at
        assert sandbox.history(43) == ()


def test_unknown_sender_is_an_error() -> None:
    """A mistyped sender must not reach a client that tolerates unknown values."""
    with pytest.raises(ValueError, match="'BUYER': pass one of PARTNER, CUSTOMER, MARKET, SUPPORT"):
        Sandbox().say(42, "Спасибо", sender="BUYER")  # type: ignore[arg-type]


def test_chat_can_be_filled_with_older_messages() -> None:
    """Long histories need no requests: all senders in turn, from the past until a minute ago."""
    with Sandbox(clock=lambda: 1_795_348_800.0) as sandbox:
        sandbox.fill(42, 400)
        send(sandbox)
        *older, sent = sandbox.history(42)
        assert Counter(message.sender for message in older) == dict.fromkeys(get_args(Sender), 100)
        assert sent.created_at - older[-1].created_at == timedelta(minutes=1)
        assert [message.message_id for message in older] == [*range(1, 401)]
        with pytest.raises(ValueError, match="Chat 42 has messages already"):
            sandbox.fill(42, 1)


def test_history_can_be_delayed() -> None:
    """A message may show up long after it was accepted; until then no read finds it."""
    now = 1_795_348_800.0
    with Sandbox(history_delay=60, clock=lambda: now) as sandbox:
        send(sandbox)
        assert history(sandbox) == []
        answer = call(sandbox, "getChatMessage", params={"chatId": 42, "messageId": 1})
        assert refusal(answer) == (404, "Can't find message by id: '1' for chat '42'")
        now += 60
        assert len(history(sandbox)) == 1


def test_history_can_be_reversed() -> None:
    """The vendor does not document the order: clients must not rely on it."""
    with Sandbox(newest_first=True) as sandbox:
        sandbox.fill(42, 3)
        assert [message["messageId"] for message in history(sandbox)] == [3, 2, 1]


def test_history_can_be_altered() -> None:
    """Trimmed texts, a clock that is off and messages that never show up can be reproduced."""

    def alter(message: Message) -> Message | None:
        if message.text == "hidden":
            return None
        later = message.created_at + timedelta(hours=1)
        return replace(message, text=message.text.strip(), created_at=later)

    with Sandbox(alter=alter, clock=lambda: 1_795_348_800.0) as sandbox:
        send(sandbox, text=" text ")
        send(sandbox, text="hidden")
        assert [(message["message"], message["createdAt"]) for message in history(sandbox)] == [
            ("text", "2026-11-22T16:00:00+03:00")
        ]
        assert [message.text for message in sandbox.history(42)] == [" text ", "hidden"]
