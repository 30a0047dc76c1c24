"""The command `yandex-market-chats`. It needs the extra `cli`, and for a sandbox also the extra `sandbox`."""

import json
import os
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from yandex_market_chats import (
    AnswerError,
    ApiKey,
    ConfigurationError,
    Delivery,
    InvalidRequestError,
    MarketChats,
    MarketError,
    RateLimit,
    RetryPolicy,
    __version__,
)
from yandex_market_chats._retry import SENTENCES
from yandex_market_chats._settings import MESSAGE_MAX_LENGTH

try:
    import click
except ModuleNotFoundError:
    sys.stderr.write("This command needs an extra: pip install 'yandex-market-chats[cli]'\n")
    raise SystemExit(2) from None

if TYPE_CHECKING:
    from yandex_market_chats.sandbox import Sandbox

EXIT_USAGE = 2
EXIT_CODES = {Delivery.NOT_SENT: 3, Delivery.UNKNOWN: 4}


def main() -> None:
    """Run the command, with its arguments as typed: on Windows, click would expand `~`, `%NAME%` and `*`."""
    commands(windows_expand_args=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def commands() -> None:
    """Send messages to the chats with the buyers of Yandex Market."""


@commands.command()
@click.argument("message")
@click.option("--chat-id", type=int, required=True, help="The id of the chat.")
@click.option("--business-id", type=int, help="The id of the business.  [env: YANDEX_MARKET_BUSINESS_ID]")
@click.option("--base-url", help="The address of the API.  [env: YANDEX_MARKET_BASE_URL]")
@click.option("--deadline", type=float, default=60.0, show_default=True, help="Seconds for all attempts.")
@click.option("--resend-unknown", is_flag=True, help="Retry even if the buyer may receive the message twice.")
@click.option("--sandbox", is_flag=True, help="Dry run: send to an in-process sandbox, not to a buyer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def send(
    *,
    message: str,
    chat_id: int,
    business_id: int | None,
    base_url: str | None,
    deadline: float,
    resend_unknown: bool,
    sandbox: bool,
    as_json: bool,
) -> None:
    """Send MESSAGE to a chat; - reads it from standard input.

    The token comes from YANDEX_MARKET_API_KEY or YANDEX_MARKET_OAUTH_TOKEN.

    Exit codes: 0 sent, 2 usage or configuration, 3 not sent, 4 unknown whether it was sent.
    """
    auth = None
    delivery = Delivery.NOT_SENT
    try:
        text = _text(message)
        with ExitStack() as stack:
            if sandbox:
                served = _serve(stack)
                business_id, base_url, auth = served.business_id, served.base_url, ApiKey(served.token)
            policy = RetryPolicy(deadline=deadline, resend_unknown=resend_unknown)
            chats = stack.enter_context(
                MarketChats(business_id=business_id, base_url=base_url, auth=auth, retries=policy)
            )
            delivery = Delivery.UNKNOWN  # if the call is interrupted, unless its note says otherwise
            sent = chats.send_message(chat_id=chat_id, message=text)
    except MarketError as error:
        _print(_failure(error), f"Error: {error}", as_json=as_json, failed=True)
        sys.exit(_exit_code(error))
    except KeyboardInterrupt as interrupt:
        if SENTENCES[Delivery.NOT_SENT] in getattr(interrupt, "__notes__", ()):
            delivery = Delivery.NOT_SENT
        text = "the message may have been sent" if delivery is Delivery.UNKNOWN else "nothing was sent"
        _print({"delivery": delivery}, f"Interrupted: {text}.", as_json=as_json, failed=True)
        sys.exit(EXIT_CODES[delivery])
    success = {"delivery": "sent", "attempts": sent.attempts, "rate_limit": _rate_limit(sent.rate_limit)}
    _print(
        success, f"Sent{' to the sandbox' if sandbox else ''}, attempts: {sent.attempts}.", as_json=as_json
    )


@commands.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8420,
    show_default=True,
    help="The port on loopback; 0: a free one.",
)
def sandbox(port: int) -> None:
    """Serve the API on loopback, to try every outcome without an account."""
    try:
        with ExitStack() as stack:
            served = _serve(stack, port)
            _echo(_welcome(served))
            served.wait()
    except KeyboardInterrupt:
        _echo("Closed.")


def _serve(stack: ExitStack, port: int = 0) -> "Sandbox":
    try:
        from yandex_market_chats.sandbox import Sandbox  # noqa: PLC0415 -- it has an extra of its own
    except ImportError as error:
        raise click.UsageError(str(error)) from error
    try:
        return stack.enter_context(Sandbox(port=port))
    except OSError as error:
        raise click.UsageError(f"Cannot serve on port {port}: {error.strerror}.") from error


def _welcome(served: "Sandbox") -> str:
    from yandex_market_chats.sandbox import CHATS, TOKENS  # noqa: PLC0415 -- the same

    url = f"{served.base_url}/v2/businesses/{served.business_id}/chats/message?chatId=42"
    tokens = "\n".join(f"{token}  {summary}" for token, summary in TOKENS.items())
    chats = "\n".join(f"{chat_id:>8}  {summary}" for chat_id, summary in CHATS.items())
    return f"""\
A sandbox of the API. Messages sent to it reach no buyer.

Address      {served.base_url}
Api-Key      {served.token}
Business id  {served.business_id}

curl -H 'Api-Key: {served.token}' -H 'Content-Type: application/json' -d '{{"message": "Hello"}}' '{url}'

Tokens (all fake):
{tokens}

Chats that misbehave (every other chat accepts the message):
{chats}

Ctrl-C stops it."""


def _text(message: str) -> str:
    """Return the text to send: the argument, or what standard input contains.

    Raises:
        InvalidRequestError: The text is not UTF-8, or standard input is longer than any message.
    """
    text = _standard_input() if message == "-" else message
    try:
        text.encode()
    except UnicodeEncodeError:
        source = "Standard input" if message == "-" else "MESSAGE"
        raise InvalidRequestError(f"{source} is not UTF-8: convert the text.") from None
    return text


def _standard_input() -> str:
    """Read UTF-8, whatever the locale. An invalid byte becomes a surrogate, as in an argument."""
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed.")
    longest = len("\ufeff\r\n".encode()) + 4 * MESSAGE_MAX_LENGTH
    data = sys.stdin.buffer.read(longest + 1)  # not all of it: the input may be endless
    if len(data) > longest:
        raise InvalidRequestError(
            f"Standard input is longer than a message of {MESSAGE_MAX_LENGTH} characters: shorten the text."
        )
    return data.decode("utf-8-sig", errors="surrogateescape").rstrip("\r\n")


def _exit_code(error: MarketError) -> int:
    if isinstance(error, ConfigurationError | InvalidRequestError):
        return EXIT_USAGE
    return EXIT_CODES[error.delivery]


def _failure(error: MarketError) -> dict[str, Any]:
    values: dict[str, Any] = {
        "delivery": error.delivery,
        "attempts": error.attempts,
        "permanent": error.permanent,
        "error": type(error).__name__,
        "message": str(error),
    }
    if isinstance(error, AnswerError):
        values["status_code"] = error.status_code
        values["errors"] = [item._asdict() for item in error.errors]
        values["rate_limit"] = _rate_limit(error.rate_limit)
        values["trace_id"] = error.trace_id
    return values


def _rate_limit(limit: RateLimit | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    until = limit.until and limit.until.isoformat()
    return {"limit": limit.limit, "remaining": limit.remaining, "until": until}


def _print(values: dict[str, Any], text: str, *, as_json: bool, failed: bool = False) -> None:
    """Print JSON to standard output, or a sentence to standard output or standard error."""
    _echo(json.dumps(values) if as_json else text, err=failed and not as_json)


def _echo(text: str, *, err: bool = False) -> None:
    """Print, ignoring I/O errors: the exit code and the running sandbox matter more."""
    try:
        click.echo(text, err=err)
    except OSError:
        # The text is still in the buffer: Python would flush it again at exit, fail, and exit with 120.
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
