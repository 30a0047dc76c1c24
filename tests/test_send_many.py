"""The command `send-many`: what it sends, what it prints, and what its exit codes say."""

import json
import os
import re
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from command_calls import PROGRAM, receivers, send_many, write
from yandex_market_chats.bulk import Journal, _journal
from yandex_market_chats.sandbox import Sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file, which does not exist yet."""
    return tmp_path / "orders.csv"


def test_all_sent_exits_with_0(sandbox: Sandbox, file: Path) -> None:
    """Success prints one line for people and keeps a journal beside the file."""
    write(file, 42, 43, 42)
    result = send_many(file)
    assert (result.exit_code, result.output) == (
        0,
        "2 rows: 2 sent, 0 refused, 0 unknown, 0 waiting, 1 duplicate.\n",
    )
    assert receivers(sandbox) == [42, 43]
    assert file.with_name("orders.csv.journal").exists()


@pytest.mark.parametrize(
    ("chat_ids", "exit_code", "counts"),
    [
        ((42, 43, 42), 0, {"rows": 2, "sent": 2, "refused": 0, "unknown": 0, "waiting": 0, "duplicates": 1}),
        ((42, 404), 3, {"rows": 2, "sent": 1, "refused": 1, "unknown": 0, "waiting": 0, "duplicates": 0}),
        ((42, 409), 3, {"rows": 2, "sent": 1, "refused": 0, "unknown": 0, "waiting": 1, "duplicates": 0}),
        ((500, 404), 4, {"rows": 2, "sent": 0, "refused": 1, "unknown": 1, "waiting": 0, "duplicates": 0}),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_the_exit_code_and_the_json_say_what_happened_to_the_rows(
    file: Path, chat_ids: tuple[int, ...], exit_code: int, counts: dict[str, int]
) -> None:
    """A script must know whether someone has to check a chat (4), or whether something is left to do (3)."""
    write(file, *chat_ids)
    result = send_many(file, "--json")
    assert json.loads(result.stdout) == counts | {"interrupted": False, "error": None}
    assert result.exit_code == exit_code


def test_the_same_command_continues(sandbox: Sandbox, file: Path) -> None:
    """Running the command again sends what is new, and never what may have been sent."""
    write(file, 42, 500)
    assert send_many(file).exit_code == 4
    write(file, 42, 500, 43)
    result = send_many(file)
    assert (result.exit_code, receivers(sandbox)) == (4, [42, 43, 500])
    assert f"journal show --journal {file}.journal --state unknown" in result.stdout


def test_a_row_that_left_the_file_is_not_sent(sandbox: Sandbox, file: Path) -> None:
    """A seller removes a row from the file although the journal still knows it."""
    write(file, 403, 43, 42)
    assert send_many(file, "--parallel", "1").exit_code == 3
    write(file, 42)
    result = send_many(file, "--json")
    assert (json.loads(result.stdout)["rows"], receivers(sandbox)) == (1, [42])


def test_the_error_that_stopped_a_run_is_reported(sandbox: Sandbox, file: Path) -> None:
    """Nothing is lost: the rows wait until the token is corrected."""
    write(file, 403, 42)
    result = send_many(file, "--parallel", "1")
    assert result.exit_code == 3
    assert "2 rows: 0 sent, 0 refused, 0 unknown, 2 waiting.\nError: 403 Forbidden" in result.stdout
    assert "Run the same command again to send what is waiting." in result.stdout
    assert "403 Forbidden" in json.loads(send_many(file, "--json", "--parallel", "1").stdout)["error"]
    assert not sandbox.messages


def test_an_invalid_file_sends_nothing(sandbox: Sandbox, file: Path) -> None:
    """One invalid row among thousands must not be discovered in the middle of a run."""
    write(file, 42, 0)
    expected = f"{file}, line 3: chat_id must be an integer from 1 to 2**63 - 1."
    result = send_many(file)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {expected}\n")
    result = send_many(file, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (2, {"error": expected})
    assert not sandbox.requests
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]


def test_missing_credentials_are_a_usage_error(file: Path) -> None:
    """The command says which variable is missing, and leaves no journal behind."""
    write(file, 42)
    result = send_many(file)
    assert (result.exit_code, "YANDEX_MARKET_BUSINESS_ID" in result.stderr) == (2, True)
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]


@pytest.mark.usefixtures("sandbox")
def test_a_second_run_exits_with_2(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer may start the command while the previous run is still waiting for the hour."""
    monkeypatch.setattr(_journal, "LOCK_TIMEOUT", 0.0)
    write(file, 42)
    with closing(sqlite3.connect(f"{file}.journal.lock")) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        result = send_many(file)
    assert (result.exit_code, "Another run uses" in result.stderr) == (2, True)


def test_a_row_whose_outcome_cannot_be_written_is_unknown(sandbox: Sandbox, file: Path) -> None:
    """A disk can fill up between the call and its record: the exit code must still say to check the chat."""
    write(file, 42)
    Journal(f"{file}.journal").close()
    with closing(sqlite3.connect(f"{file}.journal")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON rows WHEN NEW.state = 'sent'"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    result = send_many(file)
    assert (result.exit_code, receivers(sandbox)) == (4, [42])
    assert (
        "0 sent, 0 refused, 1 unknown, 0 waiting.\nError: The journal cannot be written: full."
        in result.stdout
    )


def test_a_dry_run_says_what_would_be_sent(sandbox: Sandbox, file: Path) -> None:
    """A dry run writes no journal and sends nothing; no token is needed."""
    write(file, 42, 42, 42, *range(1000, 3000))
    result = send_many(file, "--dry-run")
    assert result.exit_code == 0
    assert result.output == (
        "2,001 rows: 0 sent, 0 refused, 0 unknown, 2,001 waiting, 2 duplicates."
        " Sending what is waiting takes about 2 h at 1,000 per hour.\n"
    )
    assert not sandbox.requests
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]


def test_a_dry_run_knows_what_was_sent_before(sandbox: Sandbox, file: Path) -> None:
    """The rows that it would add are still new afterwards."""
    write(file, 42)
    send_many(file)
    assert send_many(file, "--dry-run").stdout == "1 row: 1 sent, 0 refused, 0 unknown, 0 waiting.\n"
    write(file, 42, 43)
    for _ in range(2):
        result = send_many(file, "--dry-run", "--json")
        plan = {"rows": 2, "sent": 1, "refused": 0, "unknown": 0, "waiting": 1, "duplicates": 0}
        assert (result.exit_code, json.loads(result.stdout)) == (0, plan)
    assert "takes less than an hour" in send_many(file, "--dry-run").stdout
    assert receivers(sandbox) == [42]


def test_the_sandbox_option_reaches_no_buyer_and_leaves_no_journal(sandbox: Sandbox, file: Path) -> None:
    """A dry run in the real journal would mark the messages as sent, and they would be lost."""
    write(file, 42, 500)
    result = send_many(file, "--sandbox")
    assert (result.exit_code, result.output) == (
        4,
        "2 rows: 1 sent, 0 refused, 1 unknown, 0 waiting (sandbox).\n",
    )
    assert not sandbox.requests
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]
    result = send_many(file, "--sandbox", "--journal", file.with_name("real.journal"))
    assert (result.exit_code, "leave out --journal" in result.stderr) == (2, True)


@pytest.mark.usefixtures("sandbox")
def test_verbose_reports_retries_above_the_progress_bar(file: Path) -> None:
    """A line that is written into the bar makes both unreadable."""
    pty = pytest.importorskip("pty")
    write(file, 429)
    reading, terminal = pty.openpty()
    command = [*PROGRAM, "send-many", str(file), "--verbose"]
    subprocess.run(command, stderr=terminal, check=True, env={**os.environ, "COLUMNS": "200"})
    shown = os.read(reading, 100_000).decode()
    os.close(reading)
    os.close(terminal)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", shown))
    (retry,) = [line for line in lines if line.endswith("again in 1.000 s")]
    assert retry.startswith("POST ")
    assert any(line.endswith("1 of 1, 1 sent") or "1 of 1, 1 sent, " in line for line in lines)


def test_the_next_run_settles_what_a_killed_run_left(sandbox: Sandbox, file: Path) -> None:
    """The buyers have received the messages: no one has to check their chats."""
    for chat_id in (42, 43):
        sandbox.answer(chat_id, "slow")
    write(file, 42, 43)
    with subprocess.Popen([*PROGRAM, "send-many", file, "--settle"]) as killed:
        while len(sandbox.messages) < 2:
            assert killed.poll() is None
        killed.kill()
    assert json.loads(send_many(file, "--json").stdout)["unknown"] == 2
    result = send_many(file, "--settle", "--json")
    assert (result.exit_code, json.loads(result.stdout)["sent"]) == (0, 2)
    assert receivers(sandbox) == [42, 43]


def test_the_settle_option_settles_unknown_rows(sandbox: Sandbox, file: Path) -> None:
    """A message that the chat shows needs no one to check it, and the report has its id."""
    write(file, 9001)
    report = file.with_name("report.csv")
    assert send_many(file, "--settle", "--report", report).exit_code == 0
    assert report.read_text(encoding="utf-8").endswith(",,1\n")
    assert receivers(sandbox) == [9001]
