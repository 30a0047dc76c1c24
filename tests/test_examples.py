"""The programs in examples/, run as people run them, against a sandbox."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from environment import lead_to
from fault_server import ACCEPTED, FaultServer, Wire, answer
from pages import ROOT
from yandex_market_chats import _settings
from yandex_market_chats.sandbox import REVOKED_API_KEY, Sandbox

EXAMPLES = ROOT / "examples"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a sandbox that the environment leads to."""
    with Sandbox() as sandbox:
        lead_to(sandbox, monkeypatch)
        yield sandbox


def command(name: str, *arguments: object) -> list[str]:
    """Return the command that runs an example; a warning fails it."""
    return [sys.executable, "-W", "error", "-X", "utf8", str(EXAMPLES / name), *map(str, arguments)]


def run(name: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run an example to its end."""
    return subprocess.run(command(name, *arguments), capture_output=True, encoding="utf-8", check=False)


def test_every_example_is_run_here() -> None:
    """A new example comes with its test."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert all(f'"{path.name}"' in text for path in EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("name", ["send.py", "send_async.py"])
def test_a_line_for_each_chat_says_what_became_of_its_message(sandbox: Sandbox, name: str) -> None:
    """One that is refused or unknown does not keep the others from being sent."""
    ended = run(name, 404, 500, *range(41, 51))
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert lines[0].startswith("404: not_sent: ")
    assert lines[1].startswith("500: unknown: ")
    assert lines[2:] == [f"{chat_id}: sent, attempts: 1" for chat_id in range(41, 51)]
    assert sorted(message.chat_id for message in sandbox.messages) == [*range(41, 51), 500]


@dataclass
class Queue:
    """The queue of examples/queue_worker.py in a file."""

    path: Path

    def add(self, *chat_ids: int) -> None:
        """Add a job for each chat."""
        for chat_id in chat_ids:
            assert run("queue_worker.py", self.path, "add", chat_id, "Заказ уже в пути").returncode == 0

    def work(self) -> str:
        """Let the worker work; return the last line of its complaint, if it had one."""
        return run("queue_worker.py", self.path, "work").stderr.rpartition("Error: ")[2]

    def states(self) -> list[str]:
        """Return the state of every job."""
        listed = run("queue_worker.py", self.path, "list").stdout
        return [line.split()[2] for line in listed.splitlines()]

    def write(self, statement: str) -> None:
        """Change the jobs as a person does, or a death of the worker."""
        with closing(sqlite3.connect(self.path, isolation_level=None)) as jobs:
            jobs.execute(statement)


@pytest.fixture
def queue(tmp_path: Path) -> Queue:
    """Give a queue that is empty."""
    return Queue(tmp_path / "jobs.db")


def test_the_queue_worker_puts_aside_what_may_have_been_sent(sandbox: Sandbox, queue: Queue) -> None:
    """Only a person's word makes it send such a message again."""
    queue.add(42, 404, 43, 500)
    assert "The message may have been sent" in queue.work()
    for _ in range(2):
        assert queue.states() == ["sent", "refused", "sent", "unknown"]
        assert [message.chat_id for message in sandbox.messages] == [42, 43, 500]
        assert queue.work() == ""
    queue.write("UPDATE jobs SET state = 'waiting' WHERE state = 'unknown'")
    queue.work()
    assert [message.chat_id for message in sandbox.messages] == [42, 43, 500, 500]


def test_the_queue_worker_does_not_send_again_what_a_dead_one_had_begun(
    sandbox: Sandbox, queue: Queue
) -> None:
    """Nobody knows how that call ended."""
    queue.add(42, 43)
    queue.write("UPDATE jobs SET state = 'sending' WHERE chat_id = 42")
    assert queue.work() == ""
    assert queue.states() == ["unknown", "sent"]
    assert [message.chat_id for message in sandbox.messages] == [43]


def test_a_second_queue_worker_leaves_the_queue_to_the_first(
    sandbox: Sandbox, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A timer does not know how long a run takes: a job that is being sent is unknown only after a death."""
    told: list[object] = []

    def overlap(wire: Wire) -> None:
        wire.read_request()
        told.extend([queue.work(), queue.states()])
        first.kill()

    queue.add(42, 43)
    with FaultServer([overlap, answer(200)]) as server, monkeypatch.context() as changed:
        changed.setenv(_settings.BASE_URL, server.base_url)
        with subprocess.Popen(command("queue_worker.py", queue.path, "work")) as first:
            pass
    assert told == ["Cannot be the only worker: database is locked.\n", ["sending", "waiting"]]
    assert server.posts == 1
    assert queue.work() == ""
    assert queue.states() == ["unknown", "sent"]
    assert [message.chat_id for message in sandbox.messages] == [43]


def test_the_queue_worker_passes_over_what_was_changed_while_it_worked(
    sandbox: Sandbox, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person can take a job out of a queue that is being worked on."""

    def change(wire: Wire) -> None:
        wire.read_request()
        queue.write("UPDATE jobs SET state = 'sent' WHERE chat_id = 43")
        wire.send(ACCEPTED)

    queue.add(42, 43, 44)
    with FaultServer([change, answer(200)]) as server:
        monkeypatch.setenv(_settings.BASE_URL, server.base_url)
        assert queue.work() == ""
    assert queue.states() == ["sent"] * 3
    assert [request.target.rpartition("=")[2] for request in server.requests] == ["42", "44"]
    assert not sandbox.messages


def test_the_queue_worker_pauses_when_the_hour_is_used_up(sandbox: Sandbox, queue: Queue) -> None:
    """What was not sent waits, and so does everything behind it."""
    queue.add(42, 4203, 43)
    assert "try again after" in queue.work()
    assert queue.states() == ["sent", "waiting", "waiting"]
    assert [message.chat_id for message in sandbox.messages] == [42]


def test_the_queue_worker_keeps_its_jobs_when_the_token_is_revoked(
    sandbox: Sandbox, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong setting is no fault of the messages: they are sent once it is mended."""
    queue.add(42)
    with monkeypatch.context() as changed:
        changed.setenv(_settings.API_KEY, REVOKED_API_KEY)
        assert "Api-Key token is revoked" in queue.work()
    assert queue.states() == ["waiting"]
    assert queue.work() == ""
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize("chat_id", [502, 2001, 9001])
def test_the_queue_worker_stops_at_the_first_unknown(sandbox: Sandbox, queue: Queue, chat_id: int) -> None:
    """In an outage the whole queue would become unknown, and a person would look into every chat."""
    queue.add(chat_id, 42)
    assert "The message may have been sent" in queue.work()
    assert queue.states() == ["unknown", "waiting"]
    assert queue.work() == ""
    assert queue.states() == ["unknown", "sent"]
    assert sandbox.requests == 2


@pytest.mark.parametrize("chat_id", [302, 415, 423])
def test_the_queue_worker_refuses_no_message_for_a_wrong_address(
    sandbox: Sandbox, queue: Queue, chat_id: int
) -> None:
    """Whatever else is wrong is mended by a person, and then the queue is still there."""
    queue.add(chat_id, 42)
    assert "Nothing was sent" in queue.work()
    assert queue.states() == ["waiting", "waiting"]
    assert sandbox.requests == 1


def test_the_queue_worker_refuses_what_can_never_be_sent(sandbox: Sandbox, queue: Queue) -> None:
    """The others do not wait behind it."""
    queue.add(0, 400, 404, 42)
    assert queue.work() == ""
    assert queue.states() == ["refused", "refused", "refused", "sent"]
    assert len(sandbox.messages) == 1


@pytest.mark.parametrize("arguments", [[], ["x", "wrok"], ["x", "add", "42"], ["x", "add", "a", "b"]])
def test_the_queue_worker_tells_how_it_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    """A mistyped command makes no queue, and ends as that of any program does."""
    monkeypatch.chdir(tmp_path)
    ended = run("queue_worker.py", *arguments)
    assert (ended.returncode, ended.stderr.partition(":")[0]) == (2, "usage")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("conventions", ["", "http"])
def test_telemetry_says_what_became_of_the_message_and_not_which_chat_it_was(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, conventions: str
) -> None:
    """Each attempt is a span of one trace, in the old attributes and the new; no span has the query."""
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


def test_telemetry_keeps_the_words_of_an_error_out_of_its_spans(sandbox: Sandbox) -> None:
    """They may name the chat; the class of the error and its delivery say enough."""
    pytest.importorskip("opentelemetry.instrumentation.httpx")
    ended = run("telemetry.py", 404)
    assert ended.stderr.rstrip().endswith("Nothing was sent.")
    assert '"description": "NotFoundError"' in ended.stdout
    assert '"market.delivery": "not_sent"' in ended.stdout
    assert "Chat 404" not in ended.stdout
    assert sandbox.messages == ()
