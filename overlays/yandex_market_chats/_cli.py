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

try:
    import click
except ModuleNotFoundError:
    sys.stderr.write("This command needs an extra: pip install 'yandex-market-chats[cli]'\n")
    raise SystemExit(2) from None

if TYPE_CHECKING:
    from yandex_market_chats.sandbox import Sandbox

EXIT_USAGE = 2
EXIT_CODES = {Delivery.NOT_SENT: 3, Delivery.UNKNOWN: 4}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Send messages to the chats with the buyers of Yandex Market."""


@main.command()
@click.argument("message")
@click.option("--chat-id", type=int, required=True, help="The id of the chat.")
@click.option("--business-id", type=int, help="The id of the cabinet.  [env: YANDEX_MARKET_BUSINESS_ID]")
@click.option("--base-url", help="Where the API is.  [env: YANDEX_MARKET_BASE_URL]")
@click.option("--deadline", type=float, default=60.0, show_default=True, help="Seconds for all attempts.")
@click.option("--resend-unknown", is_flag=True, help="Repeat even what the buyer may then read twice.")
@click.option("--sandbox", is_flag=True, help="Rehearse: send to a sandbox in this process and to no buyer.")
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
            delivery = Delivery.UNKNOWN  # to whoever interrupts the call
            sent = chats.send_message(chat_id=chat_id, message=text)
    except MarketError as error:
        _print(_failure(error), f"Error: {error}", as_json=as_json, failed=True)
        sys.exit(_exit_code(error))
    except KeyboardInterrupt:
        words = "the message may have been sent" if delivery is Delivery.UNKNOWN else "nothing was sent"
        _print({"delivery": delivery}, f"Interrupted: {words}.", as_json=as_json, failed=True)
        sys.exit(EXIT_CODES[delivery])
    success = {"delivery": "sent", "attempts": sent.attempts, "rate_limit": _rate_limit(sent.rate_limit)}
    _print(
        success, f"Sent{' to the sandbox' if sandbox else ''}, attempts: {sent.attempts}.", as_json=as_json
    )


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8420,
    show_default=True,
    help="The port on loopback; 0: a free one.",
)
def sandbox(port: int) -> None:
    """Serve the API on loopback, to rehearse every outcome without an account."""
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
A sandbox of the API. No buyer reads what you send here.

Address      {served.base_url}
Api-Key      {served.token}
Business id  {served.business_id}

curl -H 'Api-Key: {served.token}' -H 'Content-Type: application/json' -d '{{"message": "Hello"}}' '{url}'

Tokens, all of them made up:
{tokens}

Chats that answer in an awkward way; every other chat takes the message:
{chats}

Ctrl-C ends it."""


def _text(message: str) -> str:
    """Give the text to send: the argument, or standard input in its place.

    Raises:
        InvalidRequestError: It is not UTF-8.
    """
    text = _standard_input() if message == "-" else message
    try:
        text.encode()
    except UnicodeEncodeError:
        place = "Standard input" if message == "-" else "MESSAGE"
        raise InvalidRequestError(f"{place} is not UTF-8: convert the text.") from None
    return text


def _standard_input() -> str:
    """Read UTF-8, whatever the locale. A byte that is none becomes a surrogate, as in an argument."""
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed.")
    return sys.stdin.buffer.read().decode("utf-8-sig", errors="surrogateescape").rstrip("\r\n")


def _exit_code(error: MarketError) -> int:
    if isinstance(error, ConfigurationError | InvalidRequestError):
        return EXIT_USAGE
    return EXIT_CODES[error.delivery]


def _failure(error: MarketError) -> dict[str, Any]:
    told: dict[str, Any] = {
        "delivery": error.delivery,
        "attempts": error.attempts,
        "error": type(error).__name__,
        "message": str(error),
    }
    if isinstance(error, AnswerError):
        told["status_code"] = error.status_code
        told["errors"] = [item._asdict() for item in error.errors]
        told["rate_limit"] = _rate_limit(error.rate_limit)
    return told


def _rate_limit(limit: RateLimit | None) -> dict[str, Any] | None:
    if limit is None:
        return None
    until = limit.until and limit.until.isoformat()
    return {"limit": limit.limit, "remaining": limit.remaining, "until": until}


def _print(values: dict[str, Any], words: str, *, as_json: bool, failed: bool = False) -> None:
    """Print for programs on standard output, or for people where they look for it."""
    _echo(json.dumps(values) if as_json else words, err=failed and not as_json)


def _echo(text: str, *, err: bool = False) -> None:
    """Print, ignoring I/O errors: the exit code and the running sandbox matter more."""
    try:
        click.echo(text, err=err)
    except OSError:
        # The text is still in the buffer: Python would flush it again at exit, fail, and exit with 120.
        stream = sys.stderr if err else sys.stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
