"""The commands `send-many` and `journal`: what they print, and what their exit codes say."""

import csv
import io
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from environment import lead_to
from pages import blocks
from redis_server import REDIS, WITHOUT, RedisServer
from yandex_market_chats import RateLimit
from yandex_market_chats.bulk import Journal, Progress, Row, _journal, read_rows
from yandex_market_chats.cli import _progress, _send_many
from yandex_market_chats.cli._journal import journal as journal_command
from yandex_market_chats.cli._send_many import Interruption, send_many
from yandex_market_chats.sandbox import Sandbox

NOW = datetime.now(UTC).astimezone().replace(hour=10, minute=40, second=0, microsecond=0)
"""A local time, so that the hours around it are of one day in any time zone."""
NEXT = NOW + timedelta(minutes=20)
"""When the next hour starts."""


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a sandbox that the environment points to."""
    with Sandbox() as served:
        monkeypatch.setenv("YANDEX_MARKET_BASE_URL", served.base_url)
        monkeypatch.setenv("YANDEX_MARKET_API_KEY", served.token)
        monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", str(served.business_id))
        yield served


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file, which does not exist yet."""
    return tmp_path / "orders.csv"


def write(file: Path, *chat_ids: int) -> None:
    """Write a row for each chat."""
    lines = [f"{chat_id},Заказ {chat_id}\n" for chat_id in chat_ids]
    file.write_text("chat_id,message\n" + "".join(lines), encoding="utf-8")


def run(file: Path, *options: str | Path, command: click.Command = send_many) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(command, [str(file), *map(str, options)])


def journal(file: Path, *arguments: str) -> Result:
    """Run the command `journal`."""
    return CliRunner().invoke(journal_command, [*arguments, "--journal", f"{file}.journal"])


def chats(sandbox: Sandbox) -> list[int]:
    """Return the chats that received a message."""
    return sorted(message.chat_id for message in sandbox.messages)


# Sending


def test_all_sent_exits_with_0(sandbox: Sandbox, file: Path) -> None:
    """The plain call prints one line for people and keeps a journal beside the file."""
    write(file, 42, 43, 42)
    result = run(file)
    assert (result.exit_code, result.output) == (
        0,
        "2 rows: 2 sent, 0 refused, 0 unknown, 0 waiting, 1 duplicate.\n",
    )
    assert chats(sandbox) == [42, 43]
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
def test_the_exit_code_and_the_json_say_what_became_of_the_rows(
    file: Path, chat_ids: tuple[int, ...], exit_code: int, counts: dict[str, int]
) -> None:
    """A script must know whether someone has to check a chat (4), or whether something is left to do (3)."""
    write(file, *chat_ids)
    result = run(file, "--json")
    assert json.loads(result.stdout) == counts | {"interrupted": False, "error": None}
    assert result.exit_code == exit_code


def test_the_same_command_continues(sandbox: Sandbox, file: Path) -> None:
    """Running it again sends what is new, and never what may have been sent."""
    write(file, 42, 500)
    assert run(file).exit_code == 4
    write(file, 42, 500, 43)
    result = run(file)
    assert (result.exit_code, chats(sandbox)) == (4, [42, 43, 500])
    assert f"journal show --journal {file}.journal --state unknown" in result.stdout


def test_a_row_that_left_the_file_is_not_sent(sandbox: Sandbox, file: Path) -> None:
    """The seller has removed it, although the journal still knows it."""
    write(file, 403, 43, 42)
    assert run(file, "--parallel", "1").exit_code == 3
    write(file, 42)
    result = run(file, "--json")
    assert (json.loads(result.stdout)["rows"], chats(sandbox)) == (1, [42])


def test_the_error_that_stopped_a_run_is_reported(sandbox: Sandbox, file: Path) -> None:
    """Nothing is lost: the rows wait until the token is corrected."""
    write(file, 403, 42)
    result = run(file, "--parallel", "1")
    assert result.exit_code == 3
    assert "2 rows: 0 sent, 0 refused, 0 unknown, 2 waiting.\nError: 403 Forbidden" in result.stdout
    assert "Run the same command again to send what is waiting." in result.stdout
    assert "403 Forbidden" in json.loads(run(file, "--json", "--parallel", "1").stdout)["error"]
    assert not sandbox.messages


def test_an_invalid_file_sends_nothing(sandbox: Sandbox, file: Path) -> None:
    """One invalid row among thousands must not be discovered in the middle of a run."""
    write(file, 42, 0)
    expected = f"{file}, line 3: chat_id must be an integer from 1 to 2**63 - 1."
    result = run(file)
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", f"Error: {expected}\n")
    result = run(file, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (2, {"error": expected})
    assert not sandbox.requests
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]


def test_missing_credentials_are_a_usage_error(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command says which variable is missing, and leaves no journal behind."""
    for name in [name for name in os.environ if name.startswith("YANDEX_MARKET_")]:
        monkeypatch.delenv(name)
    write(file, 42)
    result = run(file)
    assert (result.exit_code, "YANDEX_MARKET_BUSINESS_ID" in result.stderr) == (2, True)
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]


@pytest.mark.usefixtures("sandbox")
def test_a_second_run_exits_with_2(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A timer may start the command while the previous run is still waiting for the hour."""
    monkeypatch.setattr(_journal, "LOCK_TIMEOUT", 0.0)
    write(file, 42)
    with closing(sqlite3.connect(f"{file}.journal.lock")) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        result = run(file)
    assert (result.exit_code, "Another run uses" in result.stderr) == (2, True)


def test_a_journal_that_cannot_be_written_leaves_no_doubt_unmentioned(sandbox: Sandbox, file: Path) -> None:
    """The message was sent, but the disk was full before the journal could say so: it counts as unknown."""
    write(file, 42)
    Journal(f"{file}.journal").close()
    with closing(sqlite3.connect(f"{file}.journal")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON rows WHEN NEW.state = 'sent'"
            " BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    result = run(file)
    assert (result.exit_code, chats(sandbox)) == (4, [42])
    assert (
        "0 sent, 0 refused, 1 unknown, 0 waiting.\nError: The journal cannot be written: full."
        in result.stdout
    )


# Options


def test_a_dry_run_says_what_would_be_sent(sandbox: Sandbox, file: Path) -> None:
    """A dry run writes no journal and sends nothing; no token is needed."""
    write(file, 42, 42, 42, *range(1000, 3000))
    result = run(file, "--dry-run")
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
    run(file)
    assert run(file, "--dry-run").stdout == "1 row: 1 sent, 0 refused, 0 unknown, 0 waiting.\n"
    write(file, 42, 43)
    for _ in range(2):
        result = run(file, "--dry-run", "--json")
        plan = {"rows": 2, "sent": 1, "refused": 0, "unknown": 0, "waiting": 1, "duplicates": 0}
        assert (result.exit_code, json.loads(result.stdout)) == (0, plan)
    assert "takes less than an hour" in run(file, "--dry-run").stdout
    assert chats(sandbox) == [42]


def test_the_sandbox_option_reaches_no_buyer_and_leaves_no_journal(sandbox: Sandbox, file: Path) -> None:
    """A dry run in the real journal would mark the messages as sent, and they would be lost."""
    write(file, 42, 500)
    result = run(file, "--sandbox")
    assert (result.exit_code, result.output) == (
        4,
        "2 rows: 1 sent, 0 refused, 1 unknown, 0 waiting (sandbox).\n",
    )
    assert not sandbox.requests
    assert [path.name for path in file.parent.iterdir()] == ["orders.csv"]
    result = run(file, "--sandbox", "--journal", file.with_name("real.journal"))
    assert (result.exit_code, "leave out --journal" in result.stderr) == (2, True)


def test_the_sandbox_option_names_the_missing_extra(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who installed only the extra `cli` learns what to install."""
    for name in [name for name in sys.modules if name.startswith("yandex_market_chats.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    write(file, 42)
    result = run(file, "--sandbox")
    assert (result.exit_code, "pip install 'yandex-market-chats[sandbox]'" in result.stderr) == (2, True)


@pytest.mark.usefixtures("sandbox")
def test_the_report_has_a_row_for_each_row_of_the_file(file: Path) -> None:
    """The report is how a seller's table learns what was sent; it is written after an error too."""
    write(file, 42, 404, 403, 43, 42)
    report = file.with_name("report.csv")
    result = run(file, "--report", report, "--parallel", "1", "--journal", file.with_name("j"))
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
    result = run(file, "--report", file.with_name("x").parent / name)
    assert (result.exit_code, "cannot be written: choose another path" in result.stderr) == (2, True)
    assert not sandbox.requests
    assert len(read_rows(file)) == 1


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in its folders")
def test_a_report_must_be_a_file(sandbox: Sandbox, file: Path) -> None:
    """A device or a pipe must be rejected before anything is sent."""
    write(file, 42)
    pipe = file.with_name("pipe")
    os.mkfifo(pipe)
    result = run(file, "--report", pipe)
    assert (result.exit_code, "cannot be written: choose another path" in result.stderr) == (2, True)
    assert (pipe.is_fifo(), sandbox.requests) == (True, 0)


@pytest.mark.parametrize(("chat_id", "exit_code"), [(42, 5), (404, 3), (500, 4)])
@pytest.mark.usefixtures("sandbox")
def test_a_report_that_fails_in_the_end_is_an_error_unless_a_message_is_a_worse_one(
    file: Path, monkeypatch: pytest.MonkeyPatch, chat_id: int, exit_code: int
) -> None:
    """A script must not go on without the report, nor take a full disk for an unsent message."""

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_send_many, "write_report", fail)
    write(file, chat_id)
    result = run(file, "--report", file.with_name("report.csv"))
    assert (result.exit_code, result.stdout.startswith("1 row: ")) == (exit_code, True)
    assert "report.csv cannot be written: No space left on device. Run the same command" in result.stdout


@pytest.mark.usefixtures("sandbox")
def test_a_failed_report_does_not_hide_the_error_that_stopped_the_run(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both errors have to be fixed before the command is run again."""
    monkeypatch.setattr(_send_many, "_report", lambda *_: "The report is missing.")
    write(file, 403)
    error = json.loads(run(file, "--json", "--report", file.with_name("report.csv")).stdout)["error"]
    assert error.startswith("403 Forbidden")
    assert error.endswith(" The report is missing.")


@pytest.mark.usefixtures("sandbox")
def test_verbose_reports_retries_above_the_progress_bar(file: Path) -> None:
    """A line that is written into the bar makes both unreadable."""
    pty = pytest.importorskip("pty")
    write(file, 429)
    reading, terminal = pty.openpty()
    command = [*COMMAND, str(file), "--verbose"]
    subprocess.run(command, stderr=terminal, check=True, env={**os.environ, "COLUMNS": "200"})
    shown = os.read(reading, 100_000).decode()
    os.close(reading)
    os.close(terminal)
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[^a-zA-Z]*[a-zA-Z]", "", shown))
    (retry,) = [line for line in lines if line.endswith("again in 1.000 s")]
    assert retry.startswith("POST ")
    assert any(line.endswith("1 of 1, 1 sent") or "1 of 1, 1 sent, " in line for line in lines)


COMMAND = [sys.executable, "-m", "yandex_market_chats", "send-many"]


def test_the_next_run_settles_what_a_killed_run_left(sandbox: Sandbox, file: Path) -> None:
    """The buyers have received the messages: no one has to check their chats."""
    for chat_id in (42, 43):
        sandbox.answer(chat_id, "slow")
    write(file, 42, 43)
    with subprocess.Popen([*COMMAND, file, "--settle"]) as killed:
        while len(sandbox.messages) < 2:
            assert killed.poll() is None
        killed.kill()
    assert json.loads(run(file, "--json").stdout)["unknown"] == 2
    result = run(file, "--settle", "--json")
    assert (result.exit_code, json.loads(result.stdout)["sent"]) == (0, 2)
    assert chats(sandbox) == [42, 43]


def test_the_settle_option_settles_unknown_rows(sandbox: Sandbox, file: Path) -> None:
    """The report says which message it is."""
    write(file, 9001)
    report = file.with_name("report.csv")
    assert run(file, "--settle", "--report", report).exit_code == 0
    assert report.read_text(encoding="utf-8").endswith(",,1\n")
    assert chats(sandbox) == [9001]


@pytest.mark.skipif(REDIS is None, reason=WITHOUT)
def test_two_runs_share_the_limits(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each run has 4 slots, but the API accepts 4 requests of the whole business."""
    statuses: Counter[int | None] = Counter()
    with (
        RedisServer() as redis,
        Sandbox(latency=0.05, on_request=lambda request: statuses.update([request.status])) as served,
    ):
        lead_to(served, monkeypatch)
        monkeypatch.setenv("YANDEX_MARKET_LIMITS", redis.url)
        files = [file, file.with_name("others.csv")]
        for number, path in enumerate(files, 1):
            write(path, *range(10_000 * number, 10_000 * number + 12))
        runs = [subprocess.Popen([*COMMAND, path, "--no-progress"]) for path in files]
        assert [ended.wait() for ended in runs] == [0, 0]
    assert statuses == {200: 24}


# Signals


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
    result = run(file, "--parallel", "1", "--report", file.with_name("report.csv"))
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
    result = run(file)
    assert (result.exit_code, result.output) == (4, "")


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def __init__(self, descriptor: int = -1) -> None:
        """Write to memory; `descriptor` is the terminal's."""
        super().__init__()
        self._descriptor = descriptor

    def isatty(self) -> bool:
        """Return that this is a terminal."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor


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


# The journal


def test_journal_show_lists_rows_by_state(sandbox: Sandbox, file: Path) -> None:
    """Each unknown row is shown with its key, the time, the chat, the text and the error."""
    file.write_text(
        'chat_id,message,key\n42,Да,a\n500,"Заказ\nуже в пути",b\n403,Нет,c\n43,x,d\n', encoding="utf-8"
    )
    run(file, "--parallel", "1")
    lines = journal(file, "show").stdout.splitlines()
    assert lines[0].startswith("a  sent  20")
    assert lines[-1] == "d  waiting  -  chat 43: x"
    first, second = journal(file, "show", "--state", "unknown").stdout.splitlines()
    assert first.startswith("b  unknown  20")
    assert first.endswith("  chat 500: Заказ уже в пути")
    assert second.startswith("    500 Internal Server Error")
    assert chats(sandbox) == [42, 500]


@pytest.mark.parametrize(("state", "exit_code", "received"), [("sent", 0, 1), ("waiting", 4, 2)])
def test_journal_mark_settles_an_unknown_row(
    sandbox: Sandbox, file: Path, state: str, exit_code: int, received: int
) -> None:
    """The next run sends a row that someone marked as waiting."""
    write(file, 500)
    run(file)
    key = Row(500, "Заказ 500").key
    marked = journal(file, "mark", key, state)
    assert (marked.exit_code, marked.output) == (0, f"{key} is {state} now.\n")
    assert run(file).exit_code == exit_code
    assert len(sandbox.messages) == received


@pytest.mark.usefixtures("sandbox")
def test_journal_finds_the_only_journal_of_the_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At three in the morning the command of the documentation must work as it stands."""
    monkeypatch.chdir(file.parent)
    result = CliRunner().invoke(journal_command, ["show"])
    assert (result.exit_code, "There is no *.journal in this folder" in result.stderr) == (2, True)
    write(file, 500)
    run(file)
    key = Row(500, "Заказ 500").key
    assert CliRunner().invoke(journal_command, ["mark", key, "sent"]).exit_code == 0
    Path("other.journal").touch()
    result = CliRunner().invoke(journal_command, ["show"])
    assert (result.exit_code, f"{file.name}.journal, other.journal" in result.stderr) == (2, True)


def test_an_interruption_before_the_first_claim_sends_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading a long file takes a while, and Ctrl-C in it leaves nothing unknown."""

    def interrupt(_: Path) -> None:
        raise KeyboardInterrupt

    write(file, 42)
    monkeypatch.setattr("yandex_market_chats.cli._send_many.read_rows", interrupt)
    result = run(file, "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (3, {"interrupted": True})


@pytest.mark.usefixtures("sandbox")
def test_journal_rejects_a_wrong_key_and_a_wrong_file(file: Path) -> None:
    """A typing error must not settle another row."""
    write(file, 42)
    run(file)
    result = journal(file, "mark", "x", "sent")
    assert (result.exit_code, "has no row with the key 'x'" in result.stderr) == (2, True)
    file.with_name("orders.csv.journal").write_text("text " * 100, encoding="utf-8")
    result = journal(file, "show")
    assert (result.exit_code, "file is not a database" in result.stderr) == (2, True)


def test_journal_show_of_a_damaged_file_is_not_a_traceback(file: Path) -> None:
    """The disk may have failed: the error is that of SQLite."""
    path = file.with_name("orders.csv.journal")
    with Journal(path) as opened:
        opened.add([Row(42, "Привет")])
    with path.open("r+b") as damaged:
        damaged.seek(4096)  # the second page has the rows
        damaged.write(b"x" * 4096)
    result = journal(file, "show")
    assert (result.exit_code, result.stderr) == (2, "Error: database disk image is malformed\n")


# The progress


def progress(**changes: Any) -> Progress:
    """Return the progress of a run of 5,000 rows, 1,000 of which are done."""
    values: dict[str, Any] = {
        "waiting": 3996,
        "sending": 4,
        "sent": 980,
        "refused": 12,
        "unknown": 8,
        "rate_limit": None,
        "paused_until": None,
        "stopping": False,
    }
    return Progress(**values | changes)


def clock_time(moment: datetime) -> str:
    """Return the local time of day."""
    return f"{moment.astimezone():%H:%M}"


COUNTS = "1,000 of 5,000, 980 sent, 12 refused, 8 unknown"
PAUSED = f"{COUNTS}, hour used up, resumes at {clock_time(NEXT)}"
USED_UP = RateLimit(1000, 0, NEXT)


@pytest.mark.parametrize(
    ("shown", "rate", "text"),
    [
        (progress(), None, COUNTS),
        (progress(), 20.0, f"{COUNTS}, 20.0/s, done about {clock_time(NOW + timedelta(seconds=200))}"),
        (progress(waiting=0, sending=0), 20.0, "1,000 of 1,000, 980 sent, 12 refused, 8 unknown, 20.0/s"),
        (progress(refused=0, unknown=0, sent=0), None, "0 of 4,000, 0 sent"),
        (progress(stopping=True), 20.0, f"{COUNTS}, stopping, 4 in flight"),
        (
            progress(rate_limit=USED_UP, paused_until=NEXT),
            20.0,
            f"{PAUSED}; done about {clock_time(NEXT + timedelta(hours=3, seconds=50))}",
        ),
        (
            progress(rate_limit=USED_UP, paused_until=NEXT),
            None,
            PAUSED,
        ),
    ],
)
def test_the_progress_is_described_for_people(shown: Progress, rate: float | None, text: str) -> None:
    """Someone who looks at a run wants to know whether it goes well, and when it ends."""
    assert _progress.describe(shown, rate, NOW) == text


@pytest.mark.parametrize(
    ("limit", "end"),
    [
        (None, NOW + timedelta(seconds=200)),
        (RateLimit(1000, 4000, NEXT), NOW + timedelta(seconds=200)),
        (RateLimit(1000, 0, NOW), NOW + timedelta(seconds=200)),
        (RateLimit(None, None, NEXT), NOW + timedelta(seconds=200)),
        (RateLimit(1000, 3999, NEXT), NEXT + timedelta(seconds=0.05)),
        (RateLimit(1000, 1000, NEXT), NEXT + timedelta(hours=2, seconds=50)),
        (RateLimit(None, 0, NEXT), NEXT + timedelta(hours=3, seconds=50)),
        (RateLimit(500, 0, NEXT), NEXT + timedelta(hours=7, seconds=25)),
    ],
)
def test_the_expected_end_knows_the_hourly_limit(limit: RateLimit | None, end: datetime) -> None:
    """Without the limit, 4,000 rows at 20 per second would seem to take three minutes."""
    assert _progress.expected_end(progress(rate_limit=limit), 20.0, NOW) == end


def test_a_time_of_another_day_has_its_date() -> None:
    """A run of many thousand rows ends tomorrow."""
    text = _progress.describe(progress(waiting=50_000, rate_limit=USED_UP, paused_until=NEXT), 20.0, NOW)
    assert text.endswith(f"; done about {(NEXT + timedelta(hours=50)).astimezone():%Y-%m-%d %H:%M}")


def test_the_rate_does_not_count_the_wait_for_the_hour() -> None:
    """After a pause of 50 minutes the rate would otherwise seem to be near zero."""
    now = 0.0
    pace = _progress.Pace(lambda: now)
    assert pace.update(progress()) is None
    now = 10.0
    assert pace.update(progress(sent=1180, paused_until=NEXT, sending=0)) == 20.0
    now = 3010.0
    assert pace.update(progress(sent=1180)) == 20.0
    now = 3020.0
    assert pace.update(progress(sent=1380)) == 20.0


def test_a_line_is_printed_every_30_seconds_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The log of a timer must neither be flooded nor stay silent for hours."""
    now = 0.0
    lines = _progress.Lines(lambda: now)
    for elapsed in (0.0, 29.0, 30.0, 31.0, 59.0, 60.5, 61.0):
        now = elapsed
        lines(progress())
    assert capsys.readouterr().err == f"{COUNTS}\n" * 2


def test_lines_are_printed_where_no_bar_can_be_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar in a log file is unreadable, and the extra `sandbox` alone does not install rich."""
    with _progress.display(enabled=True) as on_progress:
        assert isinstance(on_progress, _progress.Lines)
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setattr(_progress, "find_spec", lambda _: None)
    with _progress.display(enabled=True) as on_progress:
        assert isinstance(on_progress, _progress.Lines)


def test_no_progress_is_shown_where_standard_error_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some programs start others without one, and the messages matter more."""
    monkeypatch.setattr(sys, "stderr", None)
    with _progress.display(enabled=True) as on_progress:
        assert on_progress is None


def test_no_progress_shows_nothing() -> None:
    """A script may want nothing but the exit code."""
    with _progress.display(enabled=False) as on_progress:
        assert on_progress is None


def test_a_bar_is_shown_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar is drawn on standard error, so that the output can be piped."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with _progress.display(enabled=True) as on_progress:
        assert on_progress
        on_progress(progress(stopping=True))
    assert "1,000 of 5,000, 980 sent" in terminal.getvalue()
    assert "4 in flight" in terminal.getvalue()  # on a line of its own: nothing is cut at 80 columns


def test_a_terminal_that_is_gone_does_not_end_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is still to be written when the bar fails."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with _progress.display(enabled=True) as on_progress:
        assert on_progress

        def fail(_: str) -> int:
            raise OSError(5, "Input/output error")

        monkeypatch.setattr(terminal, "write", fail)


# The documentation


def test_the_example_of_the_page_prints_what_it_says(sandbox: Sandbox, tmp_path: Path) -> None:
    """Someone copies it as it stands."""
    (program,) = [block.text for block in blocks("docs/many-messages.md") if block.language == "python"]
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", "-c", program],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert ended.stdout.splitlines() == re.findall(r"(?m)^# prints: (.+)", program)
    assert chats(sandbox) == [42]
