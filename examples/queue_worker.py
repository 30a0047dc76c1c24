"""A queue of messages in one file: some programs add messages, one worker sends them.

    python examples/queue_worker.py queue.journal add 42 "Заказ уже в пути"
    python examples/queue_worker.py queue.journal work
    python examples/queue_worker.py queue.journal list

Run the worker every minute, from a timer: it exits at once if another worker is still running. A message that
may have been sent becomes `unknown`, and no worker sends it again until someone has checked the chat:

    yandex-market-chats journal mark KEY sent|waiting --journal queue.journal
"""

import argparse
import sys

from yandex_market_chats import MarketChats, MarketError
from yandex_market_chats.bulk import Journal, Row


def main() -> None:
    """Add a message, send what is waiting, or list the messages."""
    parser = argparse.ArgumentParser(description="A queue of messages, and its worker.")
    parser.add_argument("path", help="the file of the queue")
    commands = parser.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="add a message")
    add.add_argument("chat_id", type=int)
    add.add_argument("message")
    add.add_argument("--key", default="", help="identifies the message; default: from chat and text")
    commands.add_parser("work", help="send what is waiting")
    commands.add_parser("list", help="list the messages")
    arguments = parser.parse_args()
    try:
        with Journal(arguments.path) as journal:
            if arguments.command == "add":
                journal.add([Row(arguments.chat_id, arguments.message, arguments.key)])
            elif arguments.command == "work":
                with MarketChats() as chats:
                    journal.send(chats)
            else:
                for entry in journal.entries():
                    print(entry.key, entry.chat_id, entry.state, entry.error or "")
    except MarketError as error:
        sys.exit(f"Error: {error}")


if __name__ == "__main__":
    main()
