"""The command `send-many`: sends the messages of a file through a journal."""

import os
import shlex
import signal
import sqlite3
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import click

from yandex_market_chats import ApiKey, Delivery, MarketChats, MarketError
from yandex_market_chats._errors import SENTENCES
from yandex_market_chats.bulk import Journal, JournalError, Row, State, read_rows, write_report

from ._limits import limits_option, shared_limits
from ._output import EXIT_CODES, EXIT_USAGE, print_result, report_retries, verbose_option
from ._progress import HOURLY_LIMIT, display
from ._sandbox import serve

EXIT_NOT_SENT, EXIT_UNKNOWN = EXIT_CODES[Delivery.NOT_SENT], EXIT_CODES[Delivery.UNKNOWN]
EXIT_NO_REPORT = 5
SHOW_CURSOR = b"\x1b[?25h"
"""Shows the cursor of a terminal again, because a progress bar may have hidden it."""


@click.command("send-many")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--journal",
    "journal_path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The journal.  [default: FILE.journal]",
)
@click.option(
    "--report",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Write a CSV file with the outcome of each row.",
)
@limits_option
@click.option("--dry-run", is_flag=True, help="Check the file, and say what would be sent.")
@click.option("--parallel", type=click.IntRange(1), default=4, show_default=True, help="Calls in flight.")
@click.option("--settle", is_flag=True, help="Read the chats to settle unknown outcomes.")
@click.option("--no-progress", is_flag=True, help="Do not show the progress.")
@click.option("--sandbox", is_flag=True, help="Send to an in-process sandbox, not to buyers.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@verbose_option
def send_many(
    *,
    file: Path,
    journal_path: Path | None,
    report: Path | None,
    dry_run: bool,
    limits_url: str | None,
    parallel: int,
    settle: bool,
    no_progress: bool,
    sandbox: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Send the messages of a file, each at most once.

    FILE is a .csv or .jsonl file with the columns chat_id, message and, optionally, key. The journal records
    the outcome of each row: run the same command again to continue after an interruption. Ctrl-C finishes
    the calls in flight; a second Ctrl-C ends at once.

    Exit codes: 0 all sent, 2 usage or already running, 3 some not sent, 4 unknown whether some were sent,
    5 all sent but no report.
    """
    if verbose:
        report_retries()
    if sandbox and journal_path:
        raise click.UsageError("--sandbox uses a temporary journal: leave out --journal.")
    path = journal_path or file.with_name(f"{file.name}.journal")
    if report and not _is_writable(report, file, path):
        raise click.UsageError(f"--report {report} cannot be written: choose another path.")
    with ExitStack() as stack:
        try:
            rows = read_rows(file)
            settings = {"max_parallel": parallel, "settle_unknown": settle}
            chats = None if dry_run else _client(stack, rows, limits_url, sandbox=sandbox, **settings)
            if sandbox or (dry_run and not path.exists()):
                path = Path(stack.enter_context(tempfile.TemporaryDirectory()), path.name)
            journal = stack.enter_context(Journal(path))
            added = journal.add(rows, dry_run=dry_run)
            if chats is None:
                plan = _counts(added.states) | {"duplicates": added.duplicates}
                print_result(plan, _describe_plan(plan), as_json=as_json)
                return
            interruption = stack.enter_context(Interruption(journal))
            error = _send(journal, chats, rows, parallel=parallel, progress=not no_progress)
        except KeyboardInterrupt:  # while the file is read: nothing has been claimed yet
            text = f"Interrupted. {SENTENCES[Delivery.NOT_SENT]}"
            print_result({"interrupted": True}, text, as_json=as_json, failed=True)
            sys.exit(EXIT_NOT_SENT)
        except (MarketError, OSError, sqlite3.Error) as failure:
            print_result({"error": str(failure)}, f"Error: {failure}", as_json=as_json, failed=True)
            sys.exit(EXIT_USAGE)
        summary = _counts(Counter(entry.state for entry in journal.entries(rows)))
        unwritten = _report(report, journal, rows) if report else None
        summary |= {
            "duplicates": added.duplicates,
            "interrupted": interruption.requested,
            "error": " ".join(filter(None, (error, unwritten))) or None,
        }
        print_result(summary, _describe(summary, path, sandbox=sandbox), as_json=as_json)
    sys.exit(_exit_code(summary) or (EXIT_NO_REPORT if unwritten else 0))


class Interruption:
    """Handles signals: the first one stops the run after the calls in flight, the second ends the process."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.requested = False

    def __enter__(self) -> Self:
        """Replace the handlers."""
        self._handlers = {number: signal.signal(number, self) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Restore the handlers."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def __call__(self, *_: object) -> None:
        """Handle a signal. Only what is safe between any two lines of the program is done here."""
        if self.requested:
            if sys.stderr.isatty():
                os.write(sys.stderr.fileno(), SHOW_CURSOR)
            os._exit(EXIT_UNKNOWN)
        self.requested = True
        self._journal.stop()


def _client(
    stack: ExitStack, rows: Sequence[Row], limits_url: str | None, *, sandbox: bool, **settings: Any
) -> MarketChats:
    """Return the client that sends: to the API, with the settings of the environment, or to a sandbox."""
    if not sandbox:
        return stack.enter_context(MarketChats(limits=shared_limits(limits_url, None), **settings))
    served = serve(stack, hourly_limit=1000 + 10 * len(rows))  # a dry run must not wait for hours
    return stack.enter_context(
        MarketChats(
            business_id=served.business_id,
            base_url=served.base_url,
            auth=ApiKey(served.token),
            limits=shared_limits(limits_url, served.business_id),
            **settings,
        )
    )


def _send(
    journal: Journal, chats: MarketChats, rows: Sequence[Row], *, parallel: int, progress: bool
) -> str | None:
    """Run the journal; return the error that stopped the run."""
    try:
        with display(enabled=progress) as on_progress:
            journal.send(chats, rows=rows, parallel=parallel, on_progress=on_progress)
    except JournalError:
        raise
    except MarketError as error:
        return " ".join((str(error), *getattr(error, "__notes__", ())))
    except sqlite3.Error as error:
        return f"The journal cannot be written: {error}."
    return None


def _report(path: Path, journal: Journal, rows: Sequence[Row]) -> str | None:
    """Write the report; return a message if that fails."""
    try:
        write_report(path, journal.entries(rows))
    except OSError as error:
        return (
            f"{path} cannot be written: {error.strerror}. Run the same command again with another --report."
        )
    return None


def _is_writable(report: Path, *inputs: Path) -> bool:
    """Return whether the report can be written, as far as this is known before anything is sent."""
    if report.exists() and not report.is_file():
        return False
    if report.resolve() in {path.resolve() for path in inputs}:
        return False
    return os.access(report.parent, os.W_OK | os.X_OK)


def _counts(states: Mapping[State, int]) -> dict[str, Any]:
    counts = Counter(states)
    return {
        "rows": sum(counts.values()),
        "sent": counts[State.SENT],
        "refused": counts[State.REFUSED],
        "unknown": counts[State.UNKNOWN] + counts[State.SENDING],
        "waiting": counts[State.WAITING],
    }


def _exit_code(summary: Mapping[str, Any]) -> int:
    """Return the exit code for the messages."""
    if summary["unknown"]:
        return EXIT_UNKNOWN
    return EXIT_NOT_SENT if summary["waiting"] or summary["refused"] else 0


def _describe_plan(plan: Mapping[str, Any]) -> str:
    hours = max(0, plan["waiting"] - 1) // HOURLY_LIMIT
    duration = f"about {hours} h" if hours else "less than an hour"
    time = (
        f" Sending what is waiting takes {duration} at {HOURLY_LIMIT:,} per hour." if plan["waiting"] else ""
    )
    return f"{_describe_counts(plan)}.{time}"


def _describe(summary: Mapping[str, Any], journal: Path, *, sandbox: bool) -> str:
    lines = [f"{_describe_counts(summary)}{' (sandbox)' if sandbox else ''}."]
    if summary["error"]:
        lines.append(f"Error: {summary['error']}")
    if summary["interrupted"]:
        lines.append("Interrupted.")
    if sandbox:
        return "\n".join(lines)
    command = f"yandex-market-chats journal {{}} --journal {shlex.quote(str(journal))}"
    if summary["refused"]:
        lines += ["See why rows were refused:", f"  {command.format('show')} --state refused"]
    if summary["unknown"]:
        lines += [
            "Check the chats of the unknown rows, then mark each of them:",
            f"  {command.format('show')} --state unknown",
            f"  {command.format('mark')} KEY sent|waiting",
        ]
    if summary["waiting"]:
        lines.append("Run the same command again to send what is waiting.")
    return "\n".join(lines)


def _describe_counts(counts: Mapping[str, Any]) -> str:
    states = [f"{counts[state]:,} {state}" for state in ("sent", "refused", "unknown", "waiting")]
    duplicates = [_number(counts["duplicates"], "duplicate")] if counts["duplicates"] else []
    return f"{_number(counts['rows'], 'row')}: {', '.join(states + duplicates)}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
