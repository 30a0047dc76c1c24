"""The command `journal`: the rows that it lists, and the unknown ones that a person settles with it."""

import os
import subprocess
from pathlib import Path

import pytest

from command_calls import PROGRAM, journal, receivers, run, send_many, write
from yandex_market_chats.bulk import Journal, Row
from yandex_market_chats.sandbox import Sandbox


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return the path of a file, which does not exist yet."""
    return tmp_path / "orders.csv"


def test_journal_show_lists_rows_by_state(sandbox: Sandbox, file: Path) -> None:
    """Each unknown row is shown with its key, the time, the chat, the text and the error."""
    file.write_text(
        'chat_id,message,key\n42,Да,a\n500,"Заказ\nуже в пути",b\n403,Нет,c\n43,x,d\n', encoding="utf-8"
    )
    send_many(file, "--parallel", "1")
    lines = journal(file, "show").stdout.splitlines()
    assert lines[0].startswith("a  sent  20")
    assert lines[-1] == "d  waiting  -  chat 43: x"
    first, second = journal(file, "show", "--state", "unknown").stdout.splitlines()
    assert first.startswith("b  unknown  20")
    assert first.endswith("  chat 500: Заказ уже в пути")
    assert second.startswith("    500 Internal Server Error")
    assert receivers(sandbox) == [42, 500]


@pytest.mark.parametrize(("state", "exit_code", "received"), [("sent", 0, 1), ("waiting", 4, 2)])
def test_journal_mark_settles_an_unknown_row(
    sandbox: Sandbox, file: Path, state: str, exit_code: int, received: int
) -> None:
    """The next run sends a row that someone marked as waiting."""
    write(file, 500)
    send_many(file)
    key = Row(500, "Заказ 500").key
    marked = journal(file, "mark", key, state)
    assert (marked.exit_code, marked.output) == (0, f"{key} is {state} now.\n")
    assert send_many(file).exit_code == exit_code
    assert len(sandbox.messages) == received


@pytest.mark.usefixtures("sandbox")
def test_journal_finds_the_only_journal_of_the_folder(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At three in the morning the command of the documentation must work as it stands."""
    monkeypatch.chdir(file.parent)
    result = run("journal", "show")
    assert (result.exit_code, "There is no *.journal in this folder" in result.stderr) == (2, True)
    write(file, 500)
    send_many(file)
    key = Row(500, "Заказ 500").key
    assert run("journal", "mark", key, "sent").exit_code == 0
    Path("other.journal").touch()
    result = run("journal", "show")
    assert (result.exit_code, f"{file.name}.journal, other.journal" in result.stderr) == (2, True)


@pytest.mark.usefixtures("sandbox")
def test_journal_rejects_a_wrong_key_and_a_wrong_file(file: Path) -> None:
    """A typing error must not settle another row."""
    write(file, 42)
    send_many(file)
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


def test_journal_show_escapes_what_the_encoding_of_the_output_lacks(file: Path) -> None:
    """Windows redirects the output to a file in an encoding that may have no Cyrillic."""
    journal_file = file.with_suffix(".journal")
    with Journal(journal_file) as opened:
        opened.add([Row(42, "Привет", "order-7")])
    ended = subprocess.run(
        [*PROGRAM, "journal", "show", "--journal", journal_file],
        env={**os.environ, "PYTHONIOENCODING": "cp1252"},
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.split()[-1] == rb"\u041f\u0440\u0438\u0432\u0435\u0442"
