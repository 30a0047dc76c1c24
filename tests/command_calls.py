"""Calls of the commands, and the file and the journal that they work on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

from click.testing import CliRunner, Result

from yandex_market_chats.cli import commands
from yandex_market_chats.sandbox import Sandbox

PROGRAM = [sys.executable, "-m", "yandex_market_chats"]
"""The command in a process of its own."""


def run(*arguments: str | Path, stdin: str | bytes | IO[Any] | None = None) -> Result:
    """Run the command in this process."""
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], input=stdin)


def send_many(file: Path, *options: str | Path) -> Result:
    """Send the messages of a file."""
    return run("send-many", file, *options)


def journal(file: Path, *arguments: str) -> Result:
    """Run the command `journal` on the journal of a file."""
    return run("journal", *arguments, "--journal", f"{file}.journal")


def write(file: Path, *chat_ids: int) -> None:
    """Write a file with a row for each chat."""
    lines = [f"{chat_id},Заказ {chat_id}\n" for chat_id in chat_ids]
    file.write_text("chat_id,message\n" + "".join(lines), encoding="utf-8")


def receivers(sandbox: Sandbox) -> list[int]:
    """Return the chats that received a message, in ascending order."""
    return sorted(message.chat_id for message in sandbox.messages)


@contextmanager
def unread() -> Iterator[int]:
    """Return the end to write to of a pipe that has no reader."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        yield writing
    finally:
        os.close(writing)


def interrupt(*_: object, **__: object) -> NoReturn:
    """Raise what Ctrl-C raises; a test replaces a function with this one."""
    raise KeyboardInterrupt
