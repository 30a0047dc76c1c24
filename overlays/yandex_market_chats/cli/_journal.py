"""The command `journal`: lists the rows of a journal, and settles unknown ones."""

import sqlite3
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from yandex_market_chats.bulk import Entry, Journal, JournalError, State

from ._output import EXIT_USAGE, echo


def _only_journal() -> str:
    """Return the journal in the current folder, if there is exactly one."""
    found = sorted(path.name for path in Path().glob("*.journal"))
    if not found:
        raise click.UsageError("There is no *.journal in this folder: name one with --journal.")
    if len(found) > 1:
        raise click.UsageError(f"There are several journals: name one with --journal: {', '.join(found)}.")
    return found[0]


_path = click.option(
    "--journal",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    default=_only_journal,
    help="The journal.  [default: the only *.journal in this folder]",
)


@click.group()
def journal() -> None:
    """List the rows of a journal, and settle the unknown ones."""


@journal.command()
@_path
@click.option("--state", type=click.Choice([state.value for state in State]), help="List only these rows.")
def show(*, path: Path, state: str | None) -> None:
    """List the rows, with the error of the last call."""
    with _opened(path) as opened:
        for entry in opened.entries():
            if state in {None, entry.state}:
                echo(_describe(entry))


@journal.command()
@_path
@click.argument("key")
@click.argument("state", type=click.Choice([State.SENT.value, State.WAITING.value]))
def mark(*, path: Path, key: str, state: str) -> None:
    """Settle the unknown row KEY, after checking its chat.

    sent: the message is in the chat. waiting: it is not, and the next run sends it.
    """
    with _opened(path) as opened:
        opened.mark(key, State(state))
    echo(f"{key} is {state} now.")


@contextmanager
def _opened(path: Path) -> Iterator[Journal]:
    """Open a journal; an error ends the command."""
    try:
        with Journal(path) as opened:
            yield opened
    except (JournalError, sqlite3.Error) as error:
        echo(f"Error: {error}", err=True)
        sys.exit(EXIT_USAGE)


def _describe(entry: Entry) -> str:
    time = f"{entry.time.astimezone():%Y-%m-%d %H:%M:%S}" if entry.time else "-"
    message = textwrap.shorten(entry.message, 60, placeholder="…")
    lines = [f"{entry.key}  {entry.state}  {time}  chat {entry.chat_id}: {message}"]
    return "\n    ".join(lines + ([entry.error] if entry.error else []))
