"""The pytest fixtures that come with the sandbox."""

import subprocess
import sys
from pathlib import Path

import pytest

from yandex_market_chats import MarketChats
from yandex_market_chats.sandbox import Sandbox

_TESTS = """
import sys

def test_that_needs_no_fixture():
    assert not sys.modules.get("aiohttp")

def test_that_needs_the_sandbox(market_sandbox):
    pass
"""


@pytest.mark.parametrize("text", ["first", "second"])
def test_each_test_gets_its_own_sandbox_and_a_client_on_it(
    market_sandbox: Sandbox, market_chats: MarketChats, text: str
) -> None:
    """No test reads the messages of another one."""
    market_chats.send_message(chat_id=42, message=text)
    assert [message.text for message in market_sandbox.messages] == [text]


def test_pytest_runs_without_aiohttp(tmp_path: Path) -> None:
    """Every run loads the plugin, even where the extra is not installed: only its fixtures fail there."""
    (tmp_path / "test_user.py").write_text(_TESTS)
    program = "import sys, pytest; sys.modules['aiohttp'] = None; pytest.main(['-p', 'no:cacheprovider'])"
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert "1 passed, 1 error" in run.stdout
    assert "pip install 'yandex-market-chats[sandbox]'" in run.stdout
