"""The command `sandbox`: what it prints, and what stops it."""

import json
import shlex
import shutil
import subprocess
import sys
from typing import Any

import pytest

from command_calls import PROGRAM, run, unread
from yandex_market_chats import ApiKey, MarketChats, RateLimitError, RetryPolicy
from yandex_market_chats.sandbox import Sandbox


def test_sandbox_prints_its_address_and_a_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed lines are enough to send a message; Ctrl-C closes the sandbox in an orderly way."""
    served: list[Sandbox] = []

    def interrupted(sandbox: Sandbox) -> None:
        served.append(sandbox)
        raise KeyboardInterrupt

    monkeypatch.setattr(Sandbox, "wait", interrupted)
    result = run("sandbox", "--port", "0")
    assert result.exit_code == 0
    assert f"export YANDEX_MARKET_BASE_URL={served[0].base_url}\n" in result.output
    assert f"export YANDEX_MARKET_API_KEY={served[0].token}\n" in result.output
    assert f"export YANDEX_MARKET_BUSINESS_ID={served[0].business_id}\n" in result.output
    assert result.output.endswith("Closed.\n")


def test_sandbox_prints_a_line_for_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Someone who tries the API by hand sees what arrived, and can make the limits small enough to meet."""

    def use(sandbox: Sandbox) -> None:
        settings: dict[str, Any] = {"business_id": sandbox.business_id, "base_url": sandbox.base_url}
        with MarketChats(**settings, auth=ApiKey(sandbox.token), retries=RetryPolicy.disabled()) as chats:
            chats.send_message(chat_id=42, message="Hello")
            with pytest.raises(RateLimitError):
                chats.send_message(chat_id=42, message="Hello")

    monkeypatch.setattr(Sandbox, "wait", use)
    result = run("sandbox", "--port", "0", "--hourly-limit", "1", "--parallel-limit", "2", "--latency", "0")
    assert result.exit_code == 0
    assert "POST /v2/businesses/123456/chats/message?chatId=42 200" in result.output


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_sandbox_prints_a_curl_line_that_works() -> None:
    """Pasting it sends a message by hand."""
    command = [*PROGRAM, "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout
            line = next(line for line in serving.stdout if line.startswith("curl "))
            curl = [*shlex.split(line), "--silent", "--noproxy", "*"]
            answered = subprocess.run(curl, check=True, capture_output=True)
        finally:
            serving.kill()
    assert json.loads(answered.stdout) == {"status": "OK"}


def test_sandbox_on_an_occupied_port_says_so() -> None:
    """A second sandbox does not end in a traceback."""
    with Sandbox() as sandbox:
        port = sandbox.base_url.rpartition(":")[2]
        result = run("sandbox", "--port", port)
    assert result.exit_code == 2
    assert f"Cannot serve on port {port}" in result.stderr


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_sandbox_on_an_invalid_port_says_so(port: str) -> None:
    """A typing error does not end in a traceback."""
    result = run("sandbox", "--port", port)
    assert result.exit_code == 2
    assert "Invalid value for '--port'" in result.stderr


def test_sandbox_serves_even_if_its_output_cannot_be_written() -> None:
    """A full disk or a closed pipe does not stop it."""
    program = (
        "import sys; from yandex_market_chats import cli, sandbox\n"
        "def wait(self): print(self.base_url, file=sys.stderr); raise KeyboardInterrupt\n"
        "sandbox.Sandbox.wait = wait\n"
        "cli.commands(['sandbox', '--port', '0'])"
    )
    command = [sys.executable, "-c", program]
    with unread() as pipe:
        ended = subprocess.run(command, stdout=pipe, stderr=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stderr.rpartition(":")[0]) == (0, "http://127.0.0.1")
