"""The command `send`: what it sends, what it prints, and what its exit codes say."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import Result

from command_calls import PROGRAM, interrupt, run, unread
from fault_server import FaultServer, answer
from yandex_market_chats.cli import main
from yandex_market_chats.sandbox import Sandbox

CP1251 = "Привет".encode("cp1251")
TRACE = "0af7651916cd43dd8448eb211c80319c"
NOT_SENT = "Nothing was sent."
UNKNOWN = "The message may have been sent: check the chat before sending it again."


def run_against(server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> Result:
    """Send a message to the server, with --json."""
    monkeypatch.setenv("YANDEX_MARKET_BASE_URL", server.base_url)
    monkeypatch.setenv("YANDEX_MARKET_API_KEY", "key")
    return run("send", "--chat-id", "42", "--business-id", "1", "--json", "Hello")


def test_send_sends_the_message_and_exits_with_0(sandbox: Sandbox) -> None:
    """A person who sends one message reads one line."""
    result = run("send", "--chat-id", "42", "Заказ уже в пути")
    assert (result.exit_code, result.output) == (0, "Sent, attempts: 1.\n")
    assert [(message.chat_id, message.text) for message in sandbox.messages] == [(42, "Заказ уже в пути")]


def test_send_sends_the_text_as_typed_on_windows(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shell of Windows expands nothing, and click must not: `*` would become the names of files."""
    (tmp_path / "readme.txt").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NAME", "expanded")
    monkeypatch.setattr("click.core.os", SimpleNamespace(**{**vars(os), "name": "nt"}))
    for text in ("*", "~", "$NAME", "%NAME%"):
        monkeypatch.setattr("sys.argv", ["yandex-market-chats", "send", "--chat-id", "42", text])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 0
    assert [message.text for message in sandbox.messages] == ["*", "~", "$NAME", "%NAME%"]


@pytest.mark.parametrize(
    ("stdin", "text"),
    [
        ("Добрый день,\nждём", "Добрый день,\nждём"),
        ("Добрый день,\r\nждём\r\n", "Добрый день,\r\nждём"),
        ("Ждём \t\n \n", "Ждём \t\n "),
        ("\ufeffЖдём", "Ждём"),
    ],
    ids=["as it is", "last line break", "other white space", "byte order mark"],
)
def test_send_reads_standard_input(sandbox: Sandbox, stdin: str, text: str) -> None:
    """Only the line breaks at the end, and the mark that editors on Windows put first, are not sent."""
    assert run("send", "--chat-id", "42", "-", stdin=stdin.encode()).exit_code == 0
    assert [message.text for message in sandbox.messages] == [text]


def test_send_reads_the_longest_message(sandbox: Sandbox) -> None:
    """A message may have 4096 characters of four bytes, a byte order mark and a line break."""
    text = "𝄞" * 4096
    assert run("send", "--chat-id", "42", "-", stdin=f"\ufeff{text}\r\n".encode()).exit_code == 0
    assert [message.text for message in sandbox.messages] == [text]


def test_send_does_not_read_an_endless_standard_input(sandbox: Sandbox) -> None:
    """`yes | yandex-market-chats send …` ends, with the exit code of a wrong argument."""

    class Endless(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert size >= 0, "an endless input must not be read to its end"
            return b"y" * size

    result = run("send", "--chat-id", "42", "-", stdin=Endless())
    text = "Standard input is longer than a message of 4096 characters: shorten the text."
    assert (result.exit_code, result.stderr) == (2, f"Error: {text}\n")
    assert not sandbox.requests


@pytest.mark.parametrize(
    ("message", "source"), [("-", "Standard input"), (CP1251.decode(errors="surrogateescape"), "MESSAGE")]
)
def test_send_refuses_a_text_that_is_not_utf8(sandbox: Sandbox, message: str, source: str) -> None:
    """A text in another encoding is refused, not sent garbled; the error says where it comes from."""
    result = run("send", "--chat-id", "42", message, stdin=CP1251)
    text = f"{source} is not UTF-8: convert the text."
    assert (result.exit_code, result.stderr) == (2, f"Error: {text}\n")
    printed = json.loads(run("send", "--chat-id", "42", "--json", message, stdin=CP1251).stdout)
    assert (printed["delivery"], printed["message"]) == ("not_sent", text)
    assert not sandbox.requests


def test_send_without_a_standard_input_says_so() -> None:
    """A service can be started without one."""
    program = "import sys; sys.stdin = None; from yandex_market_chats.cli import main; main()"
    command = [sys.executable, "-c", program, "send", "--chat-id", "42", "-"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Standard input is closed." in ended.stderr


@pytest.mark.usefixtures("sandbox")
def test_send_prints_a_success_as_one_json_object() -> None:
    """A program finds everything that `SentMessage` has."""
    printed = json.loads(run("send", "--chat-id", "42", "--json", "Hello").stdout)
    until = printed["rate_limit"].pop("until")
    assert printed == {
        "delivery": "sent",
        "attempts": 1,
        "rate_limit": {"limit": 1000, "remaining": 999},
        "message_id": None,
    }
    assert until.endswith("+00:00")


def test_send_prints_what_the_api_said_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program finds the codes and messages, the trace id for the vendor's support, and what to do."""
    body = b'{"status": "ERROR", "errors": [{"code": 17, "message": "half \\ud800"}]}'
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    with FaultServer([answer(400, body, headers)]) as server:
        result = run_against(server, monkeypatch)
    assert result.exit_code == 3
    printed = json.loads(result.stdout)
    assert "17: half" in printed.pop("message")
    assert printed == {
        "delivery": "not_sent",
        "attempts": 1,
        "permanent": True,
        "error": "BadRequestError",
        "status_code": 400,
        "errors": [{"code": "17", "message": "half \ud800"}],
        "rate_limit": None,
        "trace_id": TRACE,
    }


def test_send_prints_an_excerpt_of_what_is_no_envelope(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway's page says more than its status."""
    with FaultServer([answer(502, b"<h1>no healthy\nupstream</h1>")]) as server:
        result = run_against(server, monkeypatch)
    assert result.exit_code == 4
    printed = json.loads(result.stdout)
    assert printed["message"].startswith("502 Bad Gateway (<h1>no healthy upstream</h1>).")
    assert (printed["delivery"], printed["errors"]) == ("unknown", [])


@pytest.mark.usefixtures("sandbox")
def test_send_prints_an_error_for_people_on_standard_error() -> None:
    """Standard output stays empty, so that a pipe does not mistake an error for a result."""
    result = run("send", "--chat-id", "403", "Hello")
    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith("Error: 403 Forbidden")


@pytest.mark.parametrize(
    ("chat_id", "exit_code", "options"), [(42, 0, []), (403, 3, []), (502, 4, ["--json"])]
)
@pytest.mark.usefixtures("sandbox")
def test_send_exits_with_the_outcome_even_if_its_output_cannot_be_written(
    chat_id: int, exit_code: int, options: list[str]
) -> None:
    """A script that mistook a full disk for a failed message would send it again."""
    command = [*PROGRAM, "send", "--chat-id", str(chat_id), *options, "Hello"]
    with unread() as pipe:
        ended = subprocess.run(command, stdout=pipe, stderr=pipe, check=False)
    assert ended.returncode == exit_code


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["--chat-id", "0", "Hello"], "chat_id must be"),
        (["--chat-id", "42", ""], "message must have 1 to 4096"),
    ],
)
def test_send_exits_with_2_for_wrong_arguments(sandbox: Sandbox, arguments: list[str], error: str) -> None:
    """A script must not mistake a wrong argument for a message that was refused."""
    result = run("send", *arguments)
    assert (result.exit_code, error in result.stderr) == (2, True)
    assert not sandbox.requests


def test_send_without_credentials_exits_with_2_and_names_the_variable(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service whose environment is incomplete must not look like a failed message."""
    monkeypatch.delenv("YANDEX_MARKET_API_KEY")
    result = run("send", "--chat-id", "42", "Hello")
    assert result.exit_code == 2
    assert "YANDEX_MARKET_API_KEY" in result.stderr
    assert not sandbox.requests


def test_resend_unknown_retries_an_unknown_outcome(sandbox: Sandbox) -> None:
    """`--resend-unknown` accepts a duplicate rather than a lost message."""
    result = run("send", "--chat-id", "500", "--resend-unknown", "--deadline", "1.5", "--json", "Hello")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["attempts"] == len(sandbox.messages) > 1


def test_send_waits_no_longer_than_its_deadline(sandbox: Sandbox) -> None:
    """The limit of this chat resets in two seconds, and the default would wait for that."""
    assert run("send", "--chat-id", "4202", "--deadline", "1.5", "Hello").exit_code == 3
    assert sandbox.requests == 1


def test_send_sends_to_the_base_url_of_its_option(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the environment."""
    monkeypatch.setenv("YANDEX_MARKET_BASE_URL", "http://not-loopback.example")
    assert run("send", "--chat-id", "42", "--base-url", sandbox.base_url, "Hello").exit_code == 0
    assert len(sandbox.messages) == 1


class Keyboard(io.BytesIO):
    """A standard input at which someone presses Ctrl-C instead of typing."""

    def read(self, size: int | None = -1) -> bytes:
        """Raise, unless nothing is asked for."""
        return interrupt() if size else b""  # the runner tries it


@pytest.mark.parametrize(
    ("chat_id", "interrupted", "exit_code", "text"),
    [
        ("420", "time.sleep", 3, NOT_SENT),
        ("42", "httpx.HTTPTransport.handle_request", 4, UNKNOWN),
        ("42", "yandex_market_chats._chats.sent_message", 4, UNKNOWN),
    ],
    ids=["between refused attempts", "in an attempt", "after it"],
)
@pytest.mark.usefixtures("sandbox")
def test_send_interrupted_says_whether_the_message_may_have_been_sent(
    chat_id: str, interrupted: str, exit_code: int, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C must not hide a message that may have been sent, nor one that certainly was not."""
    monkeypatch.setattr(interrupted, interrupt)
    result = run("send", "--chat-id", chat_id, "Hello")
    assert (result.exit_code, result.stderr) == (exit_code, f"Interrupted. {text}\n")


@pytest.mark.usefixtures("sandbox")
def test_send_interrupted_before_the_call_says_that_nothing_was_sent() -> None:
    """Ctrl-C while the text is being typed can have sent nothing."""
    result = run("send", "--chat-id", "42", "--json", "-", stdin=Keyboard())
    assert result.exit_code == 3
    assert json.loads(result.stdout) == {
        "delivery": "not_sent",
        "error": "KeyboardInterrupt",
        "message": "Interrupted. Nothing was sent.",
    }


def test_send_to_the_sandbox_needs_no_setting() -> None:
    """A newcomer's first message works with nothing in the environment."""
    result = run("send", "--sandbox", "--chat-id", "42", "Hello")
    assert (result.exit_code, result.output) == (0, "Sent to the sandbox, attempts: 1.\n")


def test_verbose_reports_retries_and_waits() -> None:
    """At three in the morning a silent minute looks like a hang."""
    command = [*PROGRAM, "send", "-v", "--sandbox", "--chat-id", "429", "Hello"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "attempt 1" in ended.stderr
    assert "again in 1.000 s" in ended.stderr


def test_invalid_shared_limits_are_reported_by_the_name_of_the_option() -> None:
    """The error of RedisLimits names its own argument, `url`, which no one has typed."""
    result = run("send", "--sandbox", "--chat-id", "42", "--limits", "localhost", "Hello")
    assert (result.exit_code, "Error: Invalid value for --limits: url must" in result.stderr) == (2, True)
