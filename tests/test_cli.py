"""What all commands have in common: usage errors, missing extras, the version and the log."""

import json
import subprocess
import sys

import pytest

from command_calls import PROGRAM, interrupt, run, unread
from yandex_market_chats import __version__
from yandex_market_chats.cli import main


def test_a_usage_error_exits_with_2_even_if_it_cannot_be_written() -> None:
    """Any other code would mean that the message may have been sent."""
    with unread() as pipe:
        ended = subprocess.run([*PROGRAM, "send", "Hello"], stderr=pipe, check=False)
    assert ended.returncode == 2


@pytest.mark.parametrize(
    ("arguments", "stdout", "stderr"),
    [
        (
            ["send", "--json", "Hello"],
            {"delivery": "not_sent", "error": "UsageError", "message": "Missing option '--chat-id'."},
            "",
        ),
        (["send", "Hello"], None, "Error: Missing option '--chat-id'.\n"),
        (
            ["send", "--chat-id", "42", "-10 %"],
            None,
            "Error: No such option '-1'. Write -- before a message that starts with a dash.\n",
        ),
        (["journal", "show", "-1"], None, "Error: No such option '-1'.\n"),
    ],
)
def test_a_usage_error_is_text_for_people_and_json_for_programs(
    arguments: list[str], stdout: dict[str, str] | None, stderr: str
) -> None:
    """A program that asked for JSON must not have to read a sentence."""
    ended = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert (json.loads(ended.stdout) if ended.stdout else None) == stdout
    assert ended.stderr.endswith(stderr)


def test_aborting_a_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C outside of a call is not a traceback."""
    monkeypatch.setattr("yandex_market_chats.cli._sandbox.serve", interrupt)
    monkeypatch.setattr("yandex_market_chats.cli._sandbox.echo", interrupt)
    monkeypatch.setattr("sys.argv", ["yandex-market-chats", "sandbox"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, capsys.readouterr().err.strip()) == (1, "Aborted.")


def test_a_command_needs_no_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service without a console has none, and must still send."""
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.argv", ["yandex-market-chats", "send", "--sandbox", "--chat-id", "42", "Hello"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0


def test_version_is_that_of_the_package() -> None:
    """A bug report names the version that is installed."""
    assert __version__ in run("--version").output


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [("click", [], "cli"), ("aiohttp", ["send", "--sandbox", "--chat-id", "42", "Hello"], "sandbox")],
)
def test_a_missing_extra_is_named(missing: str, arguments: list[str], extra: str) -> None:
    """The message says what to install, and the exit code is that of a wrong call."""
    program = f"import sys; sys.modules[{missing!r}] = None; from yandex_market_chats.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert f"yandex-market-chats[{extra}]" in ended.stderr


def test_verbose_reports_that_shared_limits_are_available_again() -> None:
    """The line is no warning; other libraries stay silent at its level."""
    program = (
        "from logging import getLogger; from yandex_market_chats.cli._output import report_retries\n"
        "report_retries(); getLogger('yandex_market_chats').info('again'); getLogger('httpx').info('GET')"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("", "again\n")
