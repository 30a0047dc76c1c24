"""A queue of messages in one SQLite file, and its worker: no message is sent twice, and none is lost.

    python examples/queue_worker.py jobs.db add 42 "Заказ уже в пути"
    python examples/queue_worker.py jobs.db work
    python examples/queue_worker.py jobs.db list

A job is `waiting`, `sending`, `sent`, `refused` (it can never be sent like this) or `unknown`: it may have
been sent. The worker never touches an `unknown` one again: a person looks into the chat and makes it `sent`
or `waiting`. Run the worker from a timer, every minute: while one is at work, another one leaves at once, and
what stops one (an outage, a limit, a wrong setting) is over, or not, a minute later.

The same holds for Celery and its like. A broker that hands out again what a dead worker had begun sends
twice: acknowledge before the call, as this worker writes `sending` before it. And do not let a task be
repeated upon just any exception.
"""

import argparse
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager

from yandex_market_chats import (
    BadRequestError,
    Delivery,
    InvalidRequestError,
    MarketChats,
    MarketError,
    NotFoundError,
)

# The message's own faults. Anything else may pass, or be mended by a person.
REFUSING = (BadRequestError, InvalidRequestError, NotFoundError)


def state_after(error: MarketError) -> str:
    """Return the state of a job whose call raised."""
    if error.delivery is Delivery.UNKNOWN:
        return "unknown"
    return "refused" if isinstance(error, REFUSING) else "waiting"


@contextmanager
def only_worker(path: str) -> Iterator[None]:
    """Be the only worker of a queue; exit where there is one already."""
    # The lock of a database of its own: every system has it, and it ends with the process that holds it.
    with closing(sqlite3.connect(f"{path}.lock", timeout=0, isolation_level=None)) as lock:
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            sys.exit(f"Cannot be the only worker: {error}.")
        yield


def work(jobs: sqlite3.Connection) -> None:
    """Send what is waiting; stop with the first error that is not the message's own fault."""

    def write(job_id: int, state: str, note: str = "") -> None:
        jobs.execute("UPDATE jobs SET state = ?, note = ? WHERE id = ?", [state, note, job_id])

    # This is the only worker, so another one had begun it.
    jobs.execute("UPDATE jobs SET state = 'unknown', note = 'The worker died.' WHERE state = 'sending'")
    waiting = jobs.execute("SELECT id, chat_id, message FROM jobs WHERE state = 'waiting' ORDER BY id")
    with MarketChats() as chats:
        for job_id, chat_id, message in waiting.fetchall():
            # Before the call: a worker that dies in it must not leave the job waiting.
            claim = "UPDATE jobs SET state = 'sending' WHERE id = ? AND state = 'waiting'"
            if not jobs.execute(claim, [job_id]).rowcount:
                continue
            try:
                chats.send_message(chat_id=chat_id, message=message)
            except MarketError as error:
                state = state_after(error)
                write(job_id, state, str(error))
                # In an outage every job of the queue would become unknown.
                if state != "refused":
                    raise
            else:
                write(job_id, "sent")


def main() -> None:
    """Add a job, work, or list the jobs."""
    parser = argparse.ArgumentParser(description="A queue of messages, and its worker.")
    parser.add_argument("path", help="the file of the queue")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a job")
    add.add_argument("chat_id", type=int)
    add.add_argument("message")
    commands.add_parser("work", help="send what is waiting")
    commands.add_parser("list", help="list the jobs")
    told = parser.parse_args()
    # Without transactions: each statement is on the disk when it returns.
    with closing(sqlite3.connect(told.path, isolation_level=None)) as jobs:
        jobs.execute(
            "CREATE TABLE IF NOT EXISTS jobs (id INTEGER PRIMARY KEY, chat_id INTEGER, message TEXT,"
            " state TEXT DEFAULT 'waiting', note TEXT DEFAULT '')"
        )
        if told.command == "add":
            jobs.execute("INSERT INTO jobs (chat_id, message) VALUES (?, ?)", [told.chat_id, told.message])
        elif told.command == "work":
            with only_worker(told.path):
                work(jobs)
        else:
            for job in jobs.execute("SELECT id, chat_id, state, note FROM jobs ORDER BY id"):
                print(*job)


if __name__ == "__main__":
    main()
