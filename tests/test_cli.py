"""The command line: what it prints, and what its exit codes say."""

import io
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import IO, Any, NoReturn

import pytest
from click.testing import CliRunner, Result

from fault_server import FaultServer, answer
from yandex_market_chats import __version__
from yandex_market_chats._cli import main
from yandex_market_chats.sandbox import Sandbox

PROGRAM = "from yandex_market_chats._cli import main; main()"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a sandbox that the environment points to."""
    with Sandbox() as served:
        monkeypatch.setenv("YANDEX_MARKET_BASE_URL", served.base_url)
        monkeypatch.setenv("YANDEX_MARKET_API_KEY", served.token)
        monkeypatch.setenv("YANDEX_MARKET_BUSINESS_ID", str(served.business_id))
        yield served


@pytest.fixture
def unread() -> Iterator[int]:
    """Give the end to write to of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def run(*arguments: str, stdin: str | bytes | IO[Any] | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(main, arguments, input=stdin)


def test_send_sends_the_message_and_exits_with_0(sandbox: Sandbox) -> None:
    """The plain call prints one line for people."""
    result = run("send", "--chat-id", "42", "Заказ уже в пути")
    assert (result.exit_code, result.output) == (0, "Sent, attempts: 1.\n")
    assert [(message.chat_id, message.text) for message in sandbox.messages] == [(42, "Заказ уже в пути")]


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_send_reads_standard_input_without_its_last_line_break(sandbox: Sandbox, ending: str) -> None:
    """A dash stands for the text that is piped in."""
    assert run("send", "--chat-id", "42", "-", stdin=f"Добрый день,\nждём{ending}").exit_code == 0
    assert sandbox.messages[0].text == "Добрый день,\nждём"


def test_send_takes_nothing_but_line_breaks_off_the_end_of_standard_input(sandbox: Sandbox) -> None:
    """What else stands there is the text's own."""
    assert run("send", "--chat-id", "42", "-", stdin="Ждём \t\n \n").exit_code == 0
    assert sandbox.messages[0].text == "Ждём \t\n "


def test_send_does_not_send_the_mark_that_an_editor_puts_before_a_text(sandbox: Sandbox) -> None:
    """Windows marks UTF-8 by a character that no buyer should get."""
    assert run("send", "--chat-id", "42", "-", stdin="Ждём".encode("utf-8-sig")).exit_code == 0
    assert sandbox.messages[0].text == "Ждём"


CP1251 = "Привет".encode("cp1251")


@pytest.mark.parametrize(
    ("message", "place"), [("-", "Standard input"), (CP1251.decode(errors="surrogateescape"), "MESSAGE")]
)
def test_send_refuses_a_text_that_is_not_utf8(sandbox: Sandbox, message: str, place: str) -> None:
    """A text in another encoding is refused, not sent garbled; the words say where it stands."""
    result = run("send", "--chat-id", "42", message, stdin=CP1251)
    words = f"{place} is not UTF-8: convert the text. Nothing was sent."
    assert (result.exit_code, result.stderr) == (2, f"Error: {words}\n")
    told = json.loads(run("send", "--chat-id", "42", "--json", message, stdin=CP1251).stdout)
    assert (told["delivery"], told["message"]) == ("not_sent", words)
    assert not sandbox.requests


@pytest.mark.usefixtures("sandbox")
def test_send_prints_one_json_object_about_a_success() -> None:
    """A program finds all that `SentMessage` has."""
    told = json.loads(run("send", "--chat-id", "42", "--json", "Hello").stdout)
    until = told["rate_limit"].pop("until")
    assert told == {"delivery": "sent", "attempts": 1, "rate_limit": {"limit": 1000, "remaining": 999}}
    assert until.endswith("+00:00")


def test_send_says_in_json_that_an_answer_told_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gateway leaves the three headers out."""
    with FaultServer([answer(404)]) as server:
        monkeypatch.setenv("YANDEX_MARKET_BASE_URL", server.base_url)
        monkeypatch.setenv("YANDEX_MARKET_API_KEY", "key")
        told = json.loads(run("send", "--chat-id", "42", "--business-id", "1", "--json", "Hello").stdout)
    assert told["rate_limit"] is None


@pytest.mark.parametrize(
    ("chat_id", "exit_code", "delivery", "error", "status"),
    [
        (403, 3, "not_sent", "PermissionDeniedError", 403),
        (502, 4, "unknown", "ServerError", 502),
        (9001, 4, "unknown", "ConnectionLostError", None),
    ],
)
@pytest.mark.usefixtures("sandbox")
def test_send_tells_a_failure_by_exit_code_and_json(
    chat_id: int, exit_code: int, delivery: str, error: str, status: int | None
) -> None:
    """Not sent is 3 and unknown is 4; the JSON names the error."""
    result = run("send", "--chat-id", str(chat_id), "--json", "Hello")
    told = json.loads(result.stdout)
    assert result.exit_code == exit_code
    assert (told["delivery"], told["error"], told.get("status_code")) == (delivery, error, status)
    assert told["attempts"] == 1


@pytest.mark.parametrize(("chat_id", "exit_code"), [(42, 0), (403, 3), (502, 4)])
@pytest.mark.parametrize("option", [[], ["--json"]], ids=["for people", "json"])
@pytest.mark.usefixtures("sandbox")
def test_send_tells_by_its_exit_code_even_when_nobody_reads_the_rest(
    chat_id: int, exit_code: int, option: list[str], unread: int
) -> None:
    """A script that took a full disk for a message that was not sent would send it again."""
    command = [sys.executable, "-c", PROGRAM, "send", "--chat-id", str(chat_id), *option, "Hello"]
    ended = subprocess.run(command, stdout=unread, stderr=unread, check=False)
    assert ended.returncode == exit_code


@pytest.mark.parametrize("status", [400, 500])
def test_send_prints_whatever_the_api_says(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of a character is nothing that UTF-8 could carry."""
    body = b'{"status": "ERROR", "errors": [{"code": "CODE", "message": "half \\ud800"}]}'
    with FaultServer([answer(status, body)]) as server:
        monkeypatch.setenv("YANDEX_MARKET_BASE_URL", server.base_url)
        monkeypatch.setenv("YANDEX_MARKET_API_KEY", "key")
        result = run("send", "--chat-id", "42", "--business-id", "1", "--json", "Hello")
    assert result.exit_code == (3 if status == 400 else 4)
    assert json.loads(result.stdout)["errors"] == [{"code": "CODE", "message": "half \ud800"}]


def test_send_without_a_standard_input_says_so() -> None:
    """A service can be started with none."""
    program = "import sys; sys.stdin = None; from yandex_market_chats._cli import main; main()"
    command = [sys.executable, "-c", program, "send", "--chat-id", "42", "-"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "Standard input is closed." in ended.stderr


@pytest.mark.usefixtures("sandbox")
def test_send_quotes_the_items_of_the_envelope_in_json() -> None:
    """The codes of the API reach the program as they are."""
    told = json.loads(run("send", "--chat-id", "403", "--json", "Hello").stdout)
    assert told["errors"] == [{"code": "FORBIDDEN", "message": "Access denied"}]
    assert told["rate_limit"]["limit"] == 1000


@pytest.mark.usefixtures("sandbox")
def test_send_tells_a_failure_to_people_on_standard_error() -> None:
    """Standard output stays empty, so that a pipe does not take an error for a result."""
    result = run("send", "--chat-id", "403", "Hello")
    assert result.stdout == ""
    assert result.stderr.startswith("Error: 403 Forbidden")


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("arguments", [["--chat-id", "0", "Hello"], ["--chat-id", "42", ""], ["Hello"]])
def test_send_exits_with_2_when_it_is_called_wrongly(arguments: list[str]) -> None:
    """A wrong argument is the caller's to correct."""
    assert run("send", *arguments).exit_code == 2


def test_send_without_credentials_exits_with_2_and_names_the_variable(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Configuration is the caller's to correct too."""
    monkeypatch.delenv("YANDEX_MARKET_API_KEY")
    result = run("send", "--chat-id", "42", "Hello")
    assert result.exit_code == 2
    assert "YANDEX_MARKET_API_KEY" in result.stderr
    assert not sandbox.requests


def test_send_repeats_an_unknown_only_on_request(sandbox: Sandbox) -> None:
    """`--resend-unknown` is the caller's word that a double message is better than none."""
    result = run("send", "--chat-id", "500", "--resend-unknown", "--deadline", "1.5", "--json", "Hello")
    assert result.exit_code == 4
    assert json.loads(result.stdout)["attempts"] == len(sandbox.messages) > 1


def test_send_waits_no_longer_than_its_deadline(sandbox: Sandbox) -> None:
    """The limit of this chat ends in two seconds, and the default would wait for that."""
    assert run("send", "--chat-id", "4202", "--deadline", "1.5", "Hello").exit_code == 3
    assert sandbox.requests == 1


def test_send_sends_to_the_base_url_that_it_is_given(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option beats the environment."""
    monkeypatch.setenv("YANDEX_MARKET_BASE_URL", "http://not-loopback.example")
    assert run("send", "--chat-id", "42", "--base-url", sandbox.base_url, "Hello").exit_code == 0
    assert len(sandbox.messages) == 1


def interrupt(*_: object, **__: object) -> NoReturn:
    """Stand for whatever runs when the user presses Ctrl-C."""
    raise KeyboardInterrupt


def test_send_interrupted_says_that_the_message_may_have_been_sent(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a call leaves it unknown."""
    monkeypatch.setattr("yandex_market_chats.MarketChats.send_message", interrupt)
    result = run("send", "--chat-id", "42", "Hello")
    assert (result.exit_code, result.stderr) == (4, "Interrupted: the message may have been sent.\n")
    result = run("send", "--chat-id", "42", "--json", "Hello")
    assert (result.exit_code, json.loads(result.stdout)) == (4, {"delivery": "unknown"})
    assert not sandbox.messages


@pytest.mark.usefixtures("sandbox")
def test_send_interrupted_before_the_call_says_that_nothing_was_sent() -> None:
    """Ctrl-C while it waits for the text to be typed can have sent nothing."""

    class Keyboard(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return interrupt() if size else b""  # the runner tries it

    result = run("send", "--chat-id", "42", "-", stdin=Keyboard())
    assert (result.exit_code, result.stderr) == (3, "Interrupted: nothing was sent.\n")
    result = run("send", "--chat-id", "42", "--json", "-", stdin=Keyboard())
    assert (result.exit_code, json.loads(result.stdout)) == (3, {"delivery": "not_sent"})


def test_send_to_the_sandbox_needs_no_setting() -> None:
    """A newcomer's first run works with nothing in the environment."""
    result = run("send", "--sandbox", "--chat-id", "42", "--json", "Hello")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["attempts"] == 1


def test_sandbox_prints_its_address_and_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it prints is enough to send a message to it; Ctrl-C ends it in order."""
    served: list[Sandbox] = []

    def interrupted(sandbox: Sandbox) -> None:
        served.append(sandbox)
        raise KeyboardInterrupt

    monkeypatch.setattr(Sandbox, "wait", interrupted)
    result = run("sandbox", "--port", "0")
    assert result.exit_code == 0
    assert f"Address      {served[0].base_url}\n" in result.output
    assert f"Api-Key      {served[0].token}\n" in result.output
    assert f"Business id  {served[0].business_id}\n" in result.output
    assert result.output.endswith("Closed.\n")


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_sandbox_prints_a_curl_line_that_works() -> None:
    """Who copies it has sent a message by hand."""
    command = [sys.executable, "-c", PROGRAM, "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout
            line = next(line for line in serving.stdout if line.startswith("curl "))
            curl = [*shlex.split(line), "--silent", "--noproxy", "*"]
            answered = subprocess.run(curl, check=True, capture_output=True)
        finally:
            serving.kill()
    assert json.loads(answered.stdout) == {"status": "OK"}


def test_sandbox_on_a_taken_port_says_so() -> None:
    """A second sandbox does not end in a traceback."""
    with Sandbox() as sandbox:
        port = sandbox.base_url.rpartition(":")[2]
        result = run("sandbox", "--port", port)
    assert result.exit_code == 2
    assert f"Cannot serve on port {port}" in result.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_sandbox_on_a_port_that_is_none_says_so(port: str) -> None:
    """Neither does a slip of the fingers."""
    result = run("sandbox", "--port", port)
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr


def test_sandbox_serves_even_when_nobody_reads_what_it_prints(unread: int) -> None:
    """A full disk, or a pipe that is closed, does not keep it from the port that it was told."""
    program = (
        "import sys; from yandex_market_chats import _cli, sandbox\n"
        "def wait(self): print(self.base_url, file=sys.stderr); raise KeyboardInterrupt\n"
        "sandbox.Sandbox.wait = wait\n"
        "_cli.main(['sandbox', '--port', '0'])"
    )
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, stdout=unread, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr.rpartition(":")[0]) == (0, "http://127.0.0.1")


def test_the_version_is_the_packages() -> None:
    """`--version` names the installed version."""
    assert __version__ in run("--version").output


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [("click", [], "cli"), ("aiohttp", ["send", "--sandbox", "--chat-id", "42", "Hello"], "sandbox")],
)
def test_a_missing_extra_is_named(missing: str, arguments: list[str], extra: str) -> None:
    """Who installed the package alone learns what to install, with the exit code of a wrong call."""
    program = (
        f"import sys; sys.modules[{missing!r}] = None; from yandex_market_chats._cli import main; main()"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 2
    assert f"yandex-market-chats[{extra}]" in ended.stderr
