"""Signals that reach `send-many`: what is in flight is finished, and a second signal ends the command."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from command_calls import send_many, write
from environment import lead_to
from terminal import Terminal
from yandex_market_chats.bulk import Journal, Progress
from yandex_market_chats.cli import _send_many
from yandex_market_chats.cli._send_many import Interruption
from yandex_market_chats.sandbox import Sandbox


@pytest.fixture
def sandbox(market_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Return a sandbox that the environment points to."""
    lead_to(market_sandbox, monkeypatch)
    return market_sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file, which does not exist yet."""
    return tmp_path / "orders.csv"


def test_an_interruption_before_the_first_claim_sends_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a long file takes a while, and Ctrl-C in it leaves nothing unknown."""

    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    write(file, 42)
    monkeypatch.setattr("yandex_market_chats.cli._send_many.read_rows", interrupt)
    result = send_many(file, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (3, {"interrupted": True})


@contextmanager
def display_that_signals(number: int, times: int) -> Iterator[Callable[[Progress], None]]:
    """Send signals to this process as soon as the first row is sent."""

    def on_progress(progress: Progress) -> None:
        if progress.sent == 1 and not progress.stopping:
            for _ in range(times):
                signal.raise_signal(number)

    yield on_progress


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_what_is_in_flight(
    sandbox: Sandbox, file: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Ctrl-C leaves no unknown rows, writes the report, and says how to go on."""
    monkeypatch.setattr(_send_many, "display", lambda **_: display_that_signals(number, 1))
    before = signal.getsignal(number)
    write(file, *range(1000, 1010))
    result = send_many(file, "--parallel", "1", "--report", file.with_name("report.csv"))
    assert result.exit_code == 3
    assert "Interrupted.\nRun the same command again" in result.stdout
    assert 1 <= len(sandbox.messages) < 10
    assert file.with_name("report.csv").read_text(encoding="utf-8").count("waiting") == 10 - len(
        sandbox.messages
    )
    assert signal.getsignal(number) is before
    monkeypatch.undo()


@pytest.mark.usefixtures("sandbox")
def test_a_second_signal_ends_at_once(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was in flight becomes unknown, so the exit code is 4."""

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(_send_many, "display", lambda **_: display_that_signals(signal.SIGINT, 2))
    write(file, 42, 43)
    result = send_many(file)
    assert (result.exit_code, result.output) == (4, "")


def test_a_second_signal_shows_the_cursor_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The progress bar hides the cursor, and the shell would not show it."""
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    reading, writing = os.pipe()
    monkeypatch.setattr(sys, "stderr", Terminal(writing))
    with Journal(tmp_path / "journal") as opened:
        interruption = Interruption(opened)
        interruption()
        interruption()
    assert os.read(reading, 100) == b"\x1b[?25h"
    assert codes == [4]
    os.close(writing)
    os.close(reading)
