"""The option `--limits` of the commands that send."""

import click

from yandex_market_chats import ConfigurationError, Limits
from yandex_market_chats._settings import find_business_id

limits_option = click.option(
    "--limits",
    "limits_url",
    metavar="URL",
    envvar="YANDEX_MARKET_LIMITS",
    help="Share the limits through this Redis: redis://localhost.  [env: YANDEX_MARKET_LIMITS]",
)


def shared_limits(url: str | None, business_id: int | None) -> Limits | None:
    """Return the limits that `--limits` names; `None` if the option is not used."""
    if not url:
        return None
    try:
        from yandex_market_chats.redis import RedisLimits  # noqa: PLC0415 -- it needs another extra
    except ImportError as error:
        raise click.UsageError(str(error)) from error
    business_id = find_business_id(business_id)
    try:
        return RedisLimits(url, business_id)
    except ConfigurationError as error:
        raise click.BadParameter(str(error), param_hint="--limits") from error
