"""The programs in examples/, run from the command line against a sandbox."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from environment import lead_to
from pages import ROOT
from yandex_market_chats.sandbox import REVOKED_API_KEY, Request, Sandbox

pytestmark = pytest.mark.tooling

EXAMPLES = ROOT / "examples"


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example to its end; a warning is an error."""
    command = [sys.executable, "-W", "error", "-X", "utf8", str(EXAMPLES / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", check=False)


def test_every_example_has_a_test() -> None:
    """A new example comes with its test."""
    tests = Path(__file__).parent.glob("test_*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in tests)
    assert all(f'"{path.name}"' in text for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", ["send.py", "send_async.py"])
def test_each_chat_gets_a_line_with_its_outcome(sandbox: Sandbox, name: str) -> None:
    """A message that is refused or unknown does not keep the others from being sent."""
    ended = run(name, 404, 500, *range(41, 51))
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines[0].startswith("404: not_sent: ")
    assert lines[1].startswith("500: unknown: ")
    assert lines[2:] == [f"{chat_id}: sent, attempts: 1" for chat_id in range(41, 51)]
    assert sorted(message.chat_id for message in sandbox.messages) == [*range(41, 51), 500]


def test_the_answer_of_the_buyer_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An earlier answer in the same chat is not mistaken for the new one."""

    def reply(request: Request) -> None:
        if request.method == "POST" and "/chats/message" in request.target:
            chat_id = int(request.target.rpartition("=")[2])
            served.say(chat_id, f"Ответ {len(served.messages)}")

    with Sandbox(on_request=reply) as served:
        lead_to(served, monkeypatch)
        answers = [run("order_to_answer.py", 555, "Когда вам удобно?").stdout for _ in range(2)]
    assert answers == ["Ответ 1\n", "Ответ 2\n"]


def test_the_queue_worker_sends_each_message_once(sandbox: Sandbox, tmp_path: Path) -> None:
    """A message that may have been sent is left alone; one that is added again is not sent again."""
    path = tmp_path / "queue.journal"
    for chat_id in (42, 404, 500, 42):
        assert run("queue_worker.py", path, "add", chat_id, "Заказ уже в пути").returncode == 0
    for _ in range(2):
        assert run("queue_worker.py", path, "work").returncode == 0
    states = [line.split()[1:3] for line in run("queue_worker.py", path, "list").stdout.splitlines()]
    assert states == [["42", "sent"], ["404", "refused"], ["500", "unknown"]]
    assert sorted(message.chat_id for message in sandbox.messages) == [42, 500]


def test_the_queue_worker_keeps_messages_while_its_token_is_invalid(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The messages are sent once the token is corrected."""
    path = tmp_path / "queue.journal"
    run("queue_worker.py", path, "add", 42, "Заказ уже в пути", "--key", "order-7")
    with monkeypatch.context() as changed:
        changed.setenv("YANDEX_MARKET_API_KEY", REVOKED_API_KEY)
        ended = run("queue_worker.py", path, "work")
    assert (ended.returncode, ended.stderr.startswith("Error: 401")) == (1, True)
    assert run("queue_worker.py", path, "list").stdout.startswith("order-7 42 waiting 401")
    run("queue_worker.py", path, "work")
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize("conventions", ["", "http"])
def test_telemetry_reports_delivery_but_not_the_chat(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, conventions: str
) -> None:
    """Each attempt is a span of one trace, without the query of its URL, by old and new conventions."""
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    for name in [name for name in os.environ if name.startswith("OTEL_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OTEL_SEMCONV_STABILITY_OPT_IN", conventions)
    ended = run("telemetry.py", 4201)
    assert ended.returncode == 0, ended.stderr
    assert [ended.stdout.count(f'"name": "{name}"') for name in ("POST", "send_message")] == [3, 1]
    assert len({line for line in ended.stdout.splitlines() if '"trace_id": "' in line}) == 1
    assert ended.stdout.count(f'{sandbox.base_url}/v2/businesses/123456/chats/message"') == 3
    assert '"market.delivery": "sent"' in ended.stdout
    assert '"name": "market.attempt.duration"' in ended.stdout
    assert '"outcome": "RateLimitError"' in ended.stdout
    assert "chatId" not in ended.stdout


def test_telemetry_keeps_the_text_of_an_error_out_of_its_spans(sandbox: Sandbox) -> None:
    """The text may name the chat; the class of the error and its delivery say enough."""
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    ended = run("telemetry.py", 404)
    assert ended.stderr.rstrip().endswith("Nothing was sent.")
    assert '"description": "NotFoundError"' in ended.stdout
    assert '"market.delivery": "not_sent"' in ended.stdout
    assert "Chat 404" not in ended.stdout
    assert sandbox.messages == ()
