"""The command `send`: sends one message."""

import sys
from contextlib import ExitStack

import click

from yandex_market_chats import (
    ApiKey,
    Delivery,
    InvalidRequestError,
    MarketChats,
    MarketError,
    RetryPolicy,
)
from yandex_market_chats._errors import SENTENCES
from yandex_market_chats._settings import MESSAGE_MAX_LENGTH

from ._limits import limits_option, shared_limits
from ._output import (
    EXIT_CODES,
    error_values,
    exit_code,
    print_result,
    rate_limit_values,
    report_retries,
    verbose_option,
)
from ._sandbox import serve


@click.command()
@click.argument("message")
@click.option("--chat-id", type=int, required=True, help="The id of the chat.")
@click.option("--business-id", type=int, help="The id of the business.  [env: YANDEX_MARKET_BUSINESS_ID]")
@click.option("--base-url", help="The address of the API.  [env: YANDEX_MARKET_BASE_URL]")
@click.option("--deadline", type=float, default=60.0, show_default=True, help="Seconds for all attempts.")
@click.option("--resend-unknown", is_flag=True, help="Retry even if the buyer may receive the message twice.")
@limits_option
@click.option("--settle", is_flag=True, help="Read the chat to settle an unknown outcome.")
@click.option("--sandbox", is_flag=True, help="Send to an in-process sandbox, not to a buyer.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@verbose_option
def send(
    *,
    message: str,
    chat_id: int,
    business_id: int | None,
    base_url: str | None,
    deadline: float,
    resend_unknown: bool,
    limits_url: str | None,
    settle: bool,
    sandbox: bool,
    as_json: bool,
    verbose: bool,
) -> None:
    """Send MESSAGE to a chat; - reads it from standard input.

    Write -- before a message that starts with a dash. The token comes from YANDEX_MARKET_API_KEY or
    YANDEX_MARKET_OAUTH_TOKEN.

    Exit codes: 0 sent, 2 usage or configuration, 3 not sent, 4 unknown whether it was sent.
    """
    if verbose:
        report_retries()
    auth = None
    delivery = Delivery.NOT_SENT
    try:
        text = _text(message)
        with ExitStack() as stack:
            if sandbox:
                served = serve(stack)
                business_id, base_url, auth = served.business_id, served.base_url, ApiKey(served.token)
            policy = RetryPolicy(deadline=deadline, resend_unknown=resend_unknown)
            chats = stack.enter_context(
                MarketChats(
                    business_id=business_id,
                    base_url=base_url,
                    auth=auth,
                    retries=policy,
                    limits=shared_limits(limits_url, business_id),
                    settle_unknown=settle,
                )
            )
            delivery = Delivery.UNKNOWN  # if the call is interrupted, unless its note says otherwise
            sent = chats.send_message(chat_id=chat_id, message=text)
    except MarketError as error:
        values = error_values(error)
        print_result(values, f"Error: {values['message']}", as_json=as_json, failed=True)
        sys.exit(exit_code(error))
    except KeyboardInterrupt as interrupt:
        if SENTENCES[Delivery.NOT_SENT] in getattr(interrupt, "__notes__", ()):
            delivery = Delivery.NOT_SENT
        text = f"Interrupted. {SENTENCES[delivery]}"
        values = {"delivery": delivery, "error": "KeyboardInterrupt", "message": text}
        print_result(values, text, as_json=as_json, failed=True)
        sys.exit(EXIT_CODES[delivery])
    success = {
        "delivery": "sent",
        "attempts": sent.attempts,
        "rate_limit": rate_limit_values(sent.rate_limit),
        "message_id": sent.message_id,
    }
    where = " to the sandbox" if sandbox else ""
    print_result(success, f"Sent{where}, attempts: {sent.attempts}.", as_json=as_json)


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
    """Read UTF-8 in any locale. An invalid byte becomes a surrogate, as in an argument."""
    if sys.stdin is None:
        raise click.UsageError("Standard input is closed.")
    longest = len("\ufeff\r\n".encode()) + 4 * MESSAGE_MAX_LENGTH
    data = sys.stdin.buffer.read(longest + 1)  # not all of it: the input may be endless
    if len(data) > longest:
        raise InvalidRequestError(
            f"Standard input is longer than a message of {MESSAGE_MAX_LENGTH} characters: shorten the text."
        )
    return data.decode("utf-8-sig", errors="surrogateescape").rstrip("\r\n")
