"""`send-many` is killed again and again, and then the messages that each buyer received are counted."""

import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from command_calls import PROGRAM
from environment import lead_to
from yandex_market_chats.bulk import Entry, Journal, State, read_rows
from yandex_market_chats.sandbox import Sandbox

ROWS, KILLS, PARALLEL = 400, 10, 4
MISBEHAVING = 0.12
"""Which part of the rows goes to a misbehaving chat."""
REFUSING = {400, 404}
UNSENDABLE = 409
IN_DOUBT = {200, 408, 499, 500, 502, 504, 520, 2001, 2002, 2003, 5001, 5002, 5031, 9001, 9002}
RETRIED = {429, 503, 4201}
SETTLED = [*REFUSING, 200, 2003, 9001]
"""Chats whose outcome is certain, or shows up at once: a test need not wait for the others."""
CHATS = sorted([*REFUSING, UNSENDABLE, *IN_DOUBT, *RETRIED])


@pytest.mark.slow
@pytest.mark.parametrize("settle", [False, True])
def test_no_message_is_sent_twice_or_lost_however_often_the_command_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, settle: bool
) -> None:
    """After any crash the same command can be run again: that is the promise of the journal."""
    file = tmp_path / "orders.csv"
    misbehaving = SETTLED if settle else CHATS
    chat_ids = [
        random.choice(misbehaving) if random.random() < MISBEHAVING else 10_000 + number
        for number in range(ROWS)
    ]
    lines = [f"{chat_id},Заказ {number} уже в пути\n" for number, chat_id in enumerate(chat_ids)]
    file.write_text("chat_id,message\n" + "".join(lines), encoding="utf-8")
    with Sandbox(latency=0.005, hourly_limit=100_000) as sandbox:
        for chat_id in set(chat_ids) if settle else ():
            sandbox.say(chat_id, "Где мой заказ?")  # only a chat with a message can be read
        lead_to(sandbox, monkeypatch)
        command = [*PROGRAM, "send-many", str(file), "--json", "--parallel", str(PARALLEL)]
        command += ["--settle"] if settle else []
        for _ in range(KILLS):
            kill_after(command, sandbox, requests=random.randrange(1, ROWS // KILLS))
        last = subprocess.run(command, check=False, capture_output=True, text=True)
    assert last.returncode == 4 or settle, last.stderr
    with Journal(f"{file}.journal") as journal:
        entries = list(journal.entries(read_rows(file)))
    received = Counter((sent.chat_id, sent.text) for sent in sandbox.messages if sent.sender == "PARTNER")
    check(entries, received, settle=settle)


def kill_after(command: list[str], sandbox: Sandbox, requests: int) -> None:
    """Run the command, and kill it some milliseconds after it has sent a number of requests."""
    end = sandbox.requests + requests
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        while sandbox.requests < end:
            assert process.poll() is None, "the command ended before it could be killed"
            time.sleep(0.001)
        time.sleep(random.uniform(0, 0.02))
        process.kill()


def check(entries: list[Entry], received: Counter[tuple[int, str]], *, settle: bool) -> None:
    """Compare what the journal says with what the buyers received."""
    states = Counter(entry.state for entry in entries)
    print(dict(states), "received:", received.total())  # noqa: T201 -- the figures of the run
    assert max(received.values()) == 1
    assert states.total() == ROWS
    assert states[State.SENDING] == 0
    for entry in entries:
        count = received[entry.chat_id, entry.message]
        match entry.state:
            case State.SENT:
                assert count == 1
            case State.REFUSED:
                assert (count, entry.chat_id in REFUSING) == (0, True)
            case State.WAITING:
                assert (count, entry.chat_id) == (0, UNSENDABLE)
            case State.UNKNOWN:
                assert not (settle and count), entry
    killed = [e for e in entries if e.state is State.UNKNOWN and e.chat_id not in IN_DOUBT]
    assert len(killed) <= KILLS * PARALLEL
    assert all((entry.error or "").startswith("The run ended during the call") for entry in killed)
