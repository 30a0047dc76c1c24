"""The command `sandbox`: serves the API on loopback."""

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import click

from ._output import echo

if TYPE_CHECKING:
    from yandex_market_chats.sandbox import Sandbox


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8420,
    show_default=True,
    help="The port on loopback; 0: a free one.",
)
@click.option("--latency", type=click.FloatRange(0), default=0.0, help="Seconds before each answer.")
@click.option(
    "--hourly-limit", type=click.IntRange(1), help="Requests per hour and operation.  [default: the API's]"
)
@click.option(
    "--parallel-limit", type=click.IntRange(1), default=4, show_default=True, help="Requests at a time."
)
def sandbox(port: int, latency: float, hourly_limit: int | None, parallel_limit: int) -> None:
    """Serve the API on loopback, to try every outcome.

    No account is needed, and no message reaches a buyer. Prints one line for each request.
    """
    settings = {"latency": latency, "hourly_limit": hourly_limit, "parallel_limit": parallel_limit}
    try:
        with ExitStack() as stack:
            served = serve(stack, port=port, on_request=lambda request: echo(str(request)), **settings)
            echo(_welcome(served))
            served.wait()
    except KeyboardInterrupt:
        echo("Closed.")


def serve(stack: ExitStack, **settings: Any) -> "Sandbox":
    """Serve a sandbox until the stack is closed."""
    try:
        from yandex_market_chats.sandbox import Sandbox  # noqa: PLC0415 -- it needs another extra
    except ImportError as error:
        raise click.UsageError(str(error)) from error
    try:
        return stack.enter_context(Sandbox(**settings))
    except OSError as error:
        raise click.UsageError(f"Cannot serve on port {settings['port']}: {error.strerror}.") from error


def _welcome(served: "Sandbox") -> str:
    from yandex_market_chats.sandbox import CHATS, TOKENS  # noqa: PLC0415 -- the same

    url = f"{served.base_url}/v2/businesses/{served.business_id}/chats/message?chatId=42"
    tokens = "\n".join(f"{token:<{len(served.token)}}  {summary}" for token, summary in TOKENS.items())
    chats = "\n".join(f"{chat_id:>8}  {summary}" for chat_id, summary in CHATS.items())
    return f"""\
A sandbox of the API. Messages sent to it reach no buyer.

export YANDEX_MARKET_BASE_URL={served.base_url}
export YANDEX_MARKET_API_KEY={served.token}
export YANDEX_MARKET_BUSINESS_ID={served.business_id}

curl -H 'Api-Key: {served.token}' -H 'Content-Type: application/json' -d '{{"message": "Hello"}}' '{url}'

Tokens (all fake):
{tokens}

Chats that misbehave (every other chat accepts the message):
{chats}

Ctrl-C stops the sandbox."""
