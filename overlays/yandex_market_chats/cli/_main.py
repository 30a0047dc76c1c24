"""The group of all commands, and how the program starts."""

import io
import sys

import click

from yandex_market_chats import Delivery, __version__

from ._journal import journal
from ._output import EXIT_USAGE, echo, print_result
from ._sandbox import sandbox
from ._send import send
from ._send_many import send_many


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands() -> None:
    """Send chat messages to the buyers of Yandex Market."""


for _command in (send, send_many, journal, sandbox):
    commands.add_command(_command)


def main() -> None:
    """Run the command that the arguments name, and exit.

    The arguments are used as typed: on Windows, click would expand `~`, `%NAME%` and `*` in a message. A
    character that the encoding of standard output lacks is escaped, because the command has done its work.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = commands.main(windows_expand_args=False, standalone_mode=False) or 0
    except click.UsageError as error:
        if isinstance(error, click.NoSuchOption) and error.ctx and error.ctx.command is send:
            hint = "Write -- before a message that starts with a dash."
            error = click.UsageError(f"{error.format_message()} {hint}", error.ctx)
        shown = io.StringIO()
        error.show(shown)
        values = {"delivery": Delivery.NOT_SENT, "error": "UsageError", "message": error.format_message()}
        print_result(values, shown.getvalue().rstrip(), as_json="--json" in sys.argv, failed=True)
        code = EXIT_USAGE
    except click.Abort:
        echo("Aborted.", err=True)
        code = 1
    sys.exit(code)
