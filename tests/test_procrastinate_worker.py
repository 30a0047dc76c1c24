"""The example examples/procrastinate_worker.py, with a real PostgreSQL and a sandbox."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from environment import lead_to
from yandex_market_chats.sandbox import Sandbox

pytestmark = pytest.mark.slow
EXAMPLE = Path(__file__).parent.parent / "examples" / "procrastinate_worker.py"
PROGRAMS = os.pathsep.join([os.environ["PATH"], *map(str, Path("/usr/lib/postgresql").glob("*/bin"))])


@pytest.fixture(scope="module")
def cluster() -> Iterator[dict[str, str]]:
    """Start a PostgreSQL on loopback; yield the variables by which libpq finds it."""
    pytest.importorskip("procrastinate")
    pytest.importorskip("psycopg")
    initdb, pg_ctl = (shutil.which(name, path=PROGRAMS) for name in ("initdb", "pg_ctl"))
    if not initdb or not pg_ctl:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        port = str(server.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        options: dict[str, Any] = {"cwd": folder, "stdout": subprocess.DEVNULL}
        if os.name == "posix" and os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(folder, "postgres")
            options["user"] = "postgres"
        data = ["-D", f"{folder}/data"]
        new = ["-U", "postgres", "--auth=trust", "--no-locale", "--encoding=UTF8", "--no-sync"]
        subprocess.run([initdb, *data, *new], check=True, **options)
        settings = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        start = ["-w", "-l", f"{folder}/log", "-o", settings, "start"]
        subprocess.run([pg_ctl, *data, *start], check=True, **options)
        try:
            yield {"PGHOST": "127.0.0.1", "PGPORT": port, "PGUSER": "postgres", "PGDATABASE": "postgres"}
        finally:
            subprocess.run([pg_ctl, *data, "-m", "immediate", "stop"], check=True, **options)


@pytest.fixture
def sandbox(cluster: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a slow sandbox, set the variables of the environment to it, and create empty tables."""
    with Sandbox(latency=0.5) as served:
        lead_to(served, monkeypatch)
        for name, value in cluster.items():
            monkeypatch.setenv(name, value)
        execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        run("setup")
        yield served


def command(*arguments: object) -> list[str]:
    """Return the command that runs the example; a warning is an error."""
    return [sys.executable, "-W", "error", "-X", "utf8", str(EXAMPLE), *map(str, arguments)]


def run(*arguments: object) -> list[str]:
    """Run the example to its end; return the lines that it prints."""
    ended = subprocess.run(command(*arguments), capture_output=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def execute(statement: str) -> list[tuple[Any, ...]]:
    """Execute a statement, as another client of the database."""
    import psycopg  # noqa: PLC0415 -- the fixture has checked that it is installed

    with psycopg.connect(autocommit=True) as database:
        cursor = database.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def states() -> dict[str, str]:
    """Return the state of each message."""
    return {line.split()[0]: line.split()[2] for line in run("list")}


def test_each_message_is_sent_once_and_ends_in_a_state(sandbox: Sandbox) -> None:
    """A message that was added twice has two jobs; one that was not sent yet has a job for later."""
    for chat_id in (42, 42, 404, 500, 409, 4203):
        run("add", f"order-{chat_id}", chat_id, "Заказ уже в пути")
    run("work", "--once")
    assert states() == {
        "order-404": "refused",
        "order-409": "waiting",
        "order-42": "sent",
        "order-4203": "waiting",
        "order-500": "unknown",
    }
    later = execute(
        "SELECT args ->> 'key', round(extract(epoch FROM scheduled_at - now()) / 60)"
        " FROM procrastinate_jobs WHERE status = 'todo' ORDER BY scheduled_at"
    )
    assert [(key, int(minutes)) for key, minutes in later] == [("order-409", 1), ("order-4203", 60)]
    assert sorted(message.chat_id for message in sandbox.messages) == [42, 500]


def test_a_message_that_a_killed_worker_was_sending_is_never_sent_again(sandbox: Sandbox) -> None:
    """The buyer may have received it: another worker, a retried job and a second job leave it alone."""
    for chat_id in (42, 43):
        run("add", f"order-{chat_id}", chat_id, "Заказ уже в пути")
    with subprocess.Popen(command("work", "--parallel", 1), stderr=subprocess.DEVNULL) as worker:
        while not sandbox.requests:
            assert worker.poll() is None
            time.sleep(0.01)
        worker.kill()
    execute("UPDATE procrastinate_jobs SET status = 'todo' WHERE status = 'doing'")  # retries the stalled job
    run("add", "order-42", 42, "Заказ уже в пути")
    run("work", "--once")
    assert states() == {"order-42": "sending", "order-43": "sent"}
    assert [message.chat_id for message in sandbox.messages] == [42, 43]
