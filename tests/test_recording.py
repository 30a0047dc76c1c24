"""What cassettes contain, and how `make record` and `make record-live` write them."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from vcr.request import Request  # type: ignore[import-untyped]

from environment import lead_to
from mock_api import NOW
from recording import CASSETTES, CassetteFiles, leaks
from scenarios import API, LIVE, MESSAGE
from yandex_market_chats.sandbox import Message, Sandbox

TOKEN, BUSINESS_ID, CHAT_ID = "ACMA:someone's", 98765, 1000000001
SENTENCE = f"send 2 messages to chat {CHAT_ID}"
ONLY_A_PERSON = "Only a person at a terminal can confirm that."
MAKE = shutil.which("make")
RECORD_LIVE = [str(MAKE), "record-live", f"PYTHON={sys.executable}"]
PYTEST = [sys.executable, "-mpytest", "-n0", "-mtooling", "--record-mode=all", "tests/test_cassettes.py"]
each_cassette = pytest.mark.parametrize(
    "path", sorted(CASSETTES.rglob("*.yaml")), ids=lambda path: path.relative_to(CASSETTES).as_posix()
)
needs_make = pytest.mark.skipif(MAKE is None, reason="make is not on the path")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Copy what recording needs, without the cassettes."""
    root = Path(__file__).parent.parent
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(root / name, tmp_path)
    shutil.copytree(root / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("cassettes"))
    return tmp_path


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a sandbox that stands in for the real API, with the account of the environment."""
    with Sandbox(business_id=BUSINESS_ID, token=TOKEN, clock=NOW.timestamp) as sandbox:
        lead_to(sandbox, monkeypatch)
        monkeypatch.setenv("YANDEX_MARKET_TEST_CHAT_ID", str(CHAT_ID))
        yield sandbox


def run(command: list[str], folder: Path, *, typed: str = "", terminal: bool = True) -> tuple[int, list[str]]:
    """Run the command in the folder, with a line typed or piped; return its status and output."""
    if terminal:
        keyboard, stdin = pytest.importorskip("pty").openpty()
    else:
        stdin, keyboard = os.pipe()
    os.write(keyboard, f"{typed}\n".encode())
    ended = subprocess.run(
        command,
        cwd=folder,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )
    os.close(keyboard)
    os.close(stdin)
    return ended.returncode, ended.stdout.splitlines()


def texts(folder: Path) -> dict[str, str]:
    """Return the text of each cassette in a folder, by its name; other line endings count as a difference."""
    return {path.name: path.read_bytes().decode() for path in folder.glob("*.yaml")}


@each_cassette
def test_a_cassette_contains_no_secret(path: Path) -> None:
    """A cassette has no token, no header for one, no address, and no real id."""
    assert leaks(path.read_text(encoding="utf-8")) == []


@each_cassette
def test_a_cassette_is_readable_and_names_the_real_api(path: Path) -> None:
    """Bodies are text, Cyrillic is not escaped, and each URI has the real host."""
    text = path.read_text(encoding="utf-8")
    assert "!!binary" not in text
    assert "\\u04" not in text
    assert text.count(MESSAGE) == text.count("/chats/message?chatId=") - text.count("&messageId=")
    assert text.count(f"uri: {API}/") == text.count("uri: ")


@pytest.mark.tooling
@pytest.mark.parametrize(
    "text",
    [
        "ACMA:x",
        "y0_AgAAAAA",
        "Bearer abc",
        "      api-key:",
        "      Authorization:",
        "'Set-Cookie': a=b",
        "someone@example.org",
        "01234567-89ab-cdef-0123-456789abcdef",
        "/v2/businesses/1234567/chats",
        "/v2/businesses/12345/chats",
        "message?chatId=43",
        "http://127.0.0.1:8080/v2",
        "http://localhost/v2",
    ],
)
def test_each_kind_of_secret_is_found(text: str) -> None:
    """The search works in the middle of a cassette."""
    cassette = (CASSETTES / "200.yaml").read_text(encoding="utf-8")
    assert leaks(f"{cassette}{text}\n{cassette}")


@pytest.mark.tooling
def test_a_cassette_with_something_like_a_secret_is_not_written(tmp_path: Path) -> None:
    """Here it is a number in the path, which could be a real id."""
    cassette = {"requests": [Request("GET", f"{API}/v2/businesses/98765/chats", "", {})], "responses": [{}]}
    with pytest.raises(ValueError, match="something like a secret"):
        CassetteFiles.save_cassette(str(tmp_path / "200.yaml"), cassette, None)
    assert list(tmp_path.iterdir()) == []


@needs_make
@pytest.mark.tooling
def test_recording_again_writes_the_same_bytes(checkout: Path) -> None:
    """The repository contains what the sandbox answers now: no cassette is missing, left over or outdated."""
    status, output = run([str(MAKE), "record", f"PYTHON={sys.executable}"], checkout)
    assert status == 0, output
    assert texts(checkout / "tests" / "cassettes") == texts(CASSETTES)


@needs_make
@pytest.mark.tooling
def test_a_live_recording_is_scrubbed_to_the_same_bytes(checkout: Path, sandbox: Sandbox) -> None:
    """Another token, business and chat leave no trace; the buyer gets as many messages as announced."""
    status, output = run(RECORD_LIVE, checkout, typed=SENTENCE)
    assert status == 0, output
    assert any("will receive 2 times" in line for line in output)
    assert sandbox.messages == (Message(BUSINESS_ID, CHAT_ID, MESSAGE),) * 2
    remaining = re.compile("'99[0-9]'")  # of the hour, which the scenarios share there
    for scenario in LIVE:
        recorded = checkout / "tests" / "cassettes" / f"{scenario.name}.yaml"
        expected = (CASSETTES / recorded.name).read_text(encoding="utf-8")
        assert remaining.sub("", recorded.read_text(encoding="utf-8")) == remaining.sub("", expected)


@needs_make
@pytest.mark.tooling
@pytest.mark.parametrize(
    ("command", "typed", "terminal", "reason"),
    [
        pytest.param(RECORD_LIVE, "yes", True, "Not confirmed.", id="another sentence"),
        pytest.param(RECORD_LIVE, SENTENCE, False, ONLY_A_PERSON, id="a pipe"),
        pytest.param(PYTEST, SENTENCE, True, ONLY_A_PERSON, id="plain pytest"),
    ],
)
def test_nothing_is_sent_without_confirmation(
    *, command: list[str], typed: str, terminal: bool, reason: str, checkout: Path, sandbox: Sandbox
) -> None:
    """A person must type the number of messages and the chat, to a run that does nothing else."""
    status, output = run(command, checkout, typed=typed, terminal=terminal)
    assert f"{reason} Nothing was sent." in output
    assert status != 0
    assert sandbox.requests == 0
    assert not (checkout / "tests" / "cassettes" / "live").exists()


@needs_make
@pytest.mark.tooling
@pytest.mark.usefixtures("sandbox")
def test_a_live_recording_names_the_missing_variables(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without an account the question is not asked."""
    monkeypatch.delenv("YANDEX_MARKET_API_KEY")
    monkeypatch.delenv("YANDEX_MARKET_TEST_CHAT_ID")
    _, output = run(RECORD_LIVE, checkout)
    assert "Set YANDEX_MARKET_API_KEY, YANDEX_MARKET_TEST_CHAT_ID. Nothing was sent." in output
