"""The report of `send-many`: what it has, and what happens when it cannot be written."""

import csv
import json
import os
from pathlib import Path

import pytest

from command_calls import send_many, write
from yandex_market_chats.bulk import read_rows
from yandex_market_chats.cli import _send_many
from yandex_market_chats.sandbox import Sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file, which does not exist yet."""
    return tmp_path / "orders.csv"


@pytest.mark.usefixtures("sandbox")
def test_the_report_has_a_row_for_each_row_of_the_file(file: Path) -> None:
    """The report is how a seller's table learns what was sent; it is written after an error too."""
    write(file, 42, 404, 403, 43, 42)
    report = file.with_name("report.csv")
    result = send_many(file, "--report", report, "--parallel", "1", "--journal", file.with_name("j"))
    assert (result.exit_code, f"show --journal {file.with_name('j')} --state refused\n" in result.stdout) == (
        3,
        True,
    )
    with report.open(encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert [(row["chat_id"], row["state"], row["attempts"]) for row in rows] == [
        ("42", "sent", "1"),
        ("404", "refused", "1"),
        ("403", "waiting", "1"),
        ("43", "waiting", "0"),
    ]
    assert file.with_name("j").exists()


@pytest.mark.parametrize("name", ["orders.csv", "orders.csv.journal", "missing/report.csv"])
def test_a_report_that_cannot_be_written_is_a_usage_error(sandbox: Sandbox, file: Path, name: str) -> None:
    """A report must not fail after hours of sending, nor overwrite the file or the journal."""
    write(file, 42)
    result = send_many(file, "--report", file.parent / name)
    assert (result.exit_code, "cannot be written: choose another path" in result.stderr) == (2, True)
    assert not sandbox.requests
    assert len(read_rows(file)) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in its folders")
def test_a_report_must_be_a_file(sandbox: Sandbox, file: Path) -> None:
    """A device or a pipe must be rejected before anything is sent."""
    write(file, 42)
    pipe = file.with_name("pipe")
    os.mkfifo(pipe)
    result = send_many(file, "--report", pipe)
    assert (result.exit_code, "cannot be written: choose another path" in result.stderr) == (2, True)
    assert (pipe.is_fifo(), sandbox.requests) == (True, 0)


@pytest.mark.parametrize(("chat_id", "exit_code"), [(42, 5), (404, 3), (500, 4)])
@pytest.mark.usefixtures("sandbox")
def test_exit_code_5_says_that_all_is_sent_but_the_report_is_missing(
    file: Path, monkeypatch: pytest.MonkeyPatch, chat_id: int, exit_code: int
) -> None:
    """A script must not go on without the report, nor mistake a full disk for an unsent message."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_send_many, "write_report", fail)
    write(file, chat_id)
    result = send_many(file, "--report", file.with_name("report.csv"))
    assert (result.exit_code, result.stdout.startswith("1 row: ")) == (exit_code, True)
    assert "report.csv cannot be written: No space left on device. Run the same command" in result.stdout


@pytest.mark.usefixtures("sandbox")
def test_a_failed_report_does_not_hide_the_error_that_stopped_the_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both errors have to be fixed before the command is run again."""
    monkeypatch.setattr(_send_many, "_report", lambda *_: "The report is missing.")
    write(file, 403)
    error = json.loads(send_many(file, "--json", "--report", file.with_name("report.csv")).stdout)["error"]
    assert error.startswith("403 Forbidden")
    assert error.endswith(" The report is missing.")
