"""What the commands print, and their exit codes."""

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from yandex_market_chats import (
    AnswerError,
    ConfigurationError,
    Delivery,
    InvalidRequestError,
    MarketError,
    RateLimit,
)
from yandex_market_chats._transport import logger

verbose_option = click.option(
    "-v", "--verbose", is_flag=True, help="Report retries and waits on standard error."
)

EXIT_USAGE = 2
EXIT_CODES = {Delivery.NOT_SENT: 3, Delivery.UNKNOWN: 4}


def exit_code(error: MarketError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, ConfigurationError | InvalidRequestError):
        return EXIT_USAGE
    return EXIT_CODES[error.delivery]


def error_values(error: MarketError) -> dict[str, Any]:
    """Return an error as values for JSON."""
    values: dict[str, Any] = {
        "delivery": error.delivery,
        "attempts": error.attempts,
        "permanent": error.permanent,
        "error": type(error).__name__,
        "message": " ".join((str(error), *getattr(error, "__notes__", ()))),
    }
    if isinstance(error, AnswerError):
        values["status_code"] = error.status_code
        values["errors"] = [item._asdict() for item in error.errors]
        values["rate_limit"] = rate_limit_values(error.rate_limit)
        values["trace_id"] = error.trace_id
    return values


def rate_limit_values(limit: RateLimit | None) -> dict[str, Any] | None:
    """Return a limit as values for JSON."""
    if limit is None:
        return None
    until = limit.until and limit.until.isoformat()
    return {"limit": limit.limit, "remaining": limit.remaining, "until": until}


def print_result(values: Mapping[str, Any], text: str, *, as_json: bool, failed: bool = False) -> None:
    """Print JSON to standard output, or a text to standard output or standard error."""
    echo(json.dumps(values) if as_json else text, err=failed and not as_json)


def report_retries() -> None:
    """Print the log: each retry with its wait, and whether shared limits are available."""
    logging.basicConfig(format="%(message)s", handlers=[_Echo()])
    logger.setLevel(logging.INFO)


class _Echo(logging.Handler):
    """Prints to the current standard error, which a progress bar replaces while it is shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        echo(self.format(record), err=True)


def echo(text: str, *, err: bool = False) -> None:
    """Print, ignoring I/O errors: the exit code and the running sandbox matter more."""
    try:
        # Without `file`, click would write past a progress bar that has replaced standard error.
        click.echo(text, err=err, file=sys.stderr if err else None)
    except OSError:
        # The text is still in the buffer: Python would flush it again at exit, fail, and exit with 120.
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
