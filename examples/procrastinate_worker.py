"""Messages sent by workers on several machines: Procrastinate and a table in the same PostgreSQL.

    pip install procrastinate 'psycopg[binary]'
    python examples/procrastinate_worker.py setup
    python examples/procrastinate_worker.py add order-7 42 "Заказ уже в пути"
    python examples/procrastinate_worker.py work
    python examples/procrastinate_worker.py list

The environment variables of libpq name the database: PGHOST, PGUSER, PGDATABASE and so on.

A worker claims a message in the table, and commits the claim, before it calls the API. So a message is sent
at most once, however many jobs there are for it. If the worker dies during the call, the message remains
`sending`: it may have been sent, and no job touches it again. Check the chat, then set the state by hand:

    UPDATE market_messages SET state = 'sent' WHERE key = 'order-7'

All workers of a business share 4 requests at a time: divide them among the workers with `--parallel`. In a
project, put `app` and the task in a separate module, as Procrastinate recommends.
"""

import argparse
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, LiteralString

import psycopg
from procrastinate import App, PsycopgConnector

from yandex_market_chats import Delivery, MarketChats, MarketError, RateLimitError

TABLE = """
    CREATE TABLE IF NOT EXISTS market_messages (
        key text PRIMARY KEY,
        chat_id bigint NOT NULL,
        message text NOT NULL,
        state text NOT NULL DEFAULT 'waiting',
        error text
    )
"""
ADD = "INSERT INTO market_messages (key, chat_id, message) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
CLAIM = """
    UPDATE market_messages SET state = 'sending', error = NULL WHERE key = %s AND state = 'waiting'
    RETURNING chat_id, message
"""
RECORD = "UPDATE market_messages SET state = %s, error = %s WHERE key = %s"

app = App(connector=PsycopgConnector())
chats = cache(MarketChats)
"""The client of this process, created when the first message is sent."""


def execute(statement: LiteralString, *values: object) -> list[tuple[Any, ...]]:
    """Execute a statement, which is committed when this returns."""
    with psycopg.connect(autocommit=True) as database:
        cursor = database.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@app.task(name="send")
def send(key: str) -> None:
    """Send a message, unless another job has claimed it."""
    for chat_id, message in execute(CLAIM, key):
        try:
            chats().send_message(chat_id=chat_id, message=message)
        except MarketError as error:
            execute(RECORD, state_after(error), str(error), key)
            if state_after(error) == "waiting":
                send.configure(schedule_at=next_time(error)).defer(key=key)
        else:
            execute(RECORD, "sent", None, key)


def state_after(error: MarketError) -> str:
    """Return the state of a message whose call raised."""
    if error.delivery is Delivery.UNKNOWN:
        return "unknown"
    return "refused" if error.permanent else "waiting"


def next_time(error: MarketError) -> datetime:
    """Return when to try again: when the hour ends, or else in a minute."""
    until = error.until if isinstance(error, RateLimitError) else None
    return until or datetime.now(UTC) + timedelta(minutes=1)


def main() -> None:
    """Create the tables, add a message, send messages, or list them."""
    parser = argparse.ArgumentParser(description="Messages sent by workers on several machines.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("setup", help="create the tables, once")
    add = commands.add_parser("add", help="add a message")
    add.add_argument("key", help="identifies the message")
    add.add_argument("chat_id", type=int)
    add.add_argument("message")
    work = commands.add_parser("work", help="send messages until Ctrl-C, which finishes what is in flight")
    work.add_argument("--parallel", type=int, default=4, help="calls in flight (default: %(default)s)")
    work.add_argument("--once", action="store_true", help="end when no job is left")
    commands.add_parser("list", help="list the messages")
    arguments = parser.parse_args()
    if arguments.command == "work":
        app.run_worker(concurrency=arguments.parallel, wait=not arguments.once)
    elif arguments.command == "list":
        for row in execute("SELECT key, chat_id, state, error FROM market_messages ORDER BY key"):
            print(*row)
    else:
        with app.open():
            if arguments.command == "setup":
                app.schema_manager.apply_schema()
                execute(TABLE)
            else:
                execute(ADD, arguments.key, arguments.chat_id, arguments.message)
                send.defer(key=arguments.key)


if __name__ == "__main__":
    main()
