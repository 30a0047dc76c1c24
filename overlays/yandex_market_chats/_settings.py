"""The settings and arguments: what is unusable is refused before anything is sent."""

import ipaddress
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import httpx

from yandex_market_chats._attempts import Attempt
from yandex_market_chats._credentials import ApiKey, Credentials, OAuthToken
from yandex_market_chats._errors import ConfigurationError, InvalidRequestError
from yandex_market_chats._limits import parse_number
from yandex_market_chats._policy import RetryPolicy
from yandex_market_chats._version import __version__

DEFAULT_BASE_URL = "https://api.partner.market.yandex.ru"
DEFAULT_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
"""Seconds. The server gives up after 10: a shorter read would make UNKNOWN out of answers that are coming."""

ID_MAX = 2**63 - 1
"""The largest int64. Like `MESSAGE_MAX_LENGTH`, a test holds it to the contract."""
MESSAGE_MAX_LENGTH = 4096
"""In characters."""

PORT_MAX = 2**16 - 1

API_KEY = "YANDEX_MARKET_API_KEY"
OAUTH_TOKEN = "YANDEX_MARKET_OAUTH_TOKEN"  # noqa: S105 -- the name of a variable
BUSINESS_ID = "YANDEX_MARKET_BUSINESS_ID"
BASE_URL = "YANDEX_MARKET_BASE_URL"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a client is set to."""

    base_url: httpx.URL
    credentials: Credentials
    timeout: httpx.Timeout
    retries: RetryPolicy
    max_parallel: int
    on_attempt: Callable[[Attempt], Any] | None

    def __post_init__(self) -> None:
        """Refuse a client that could never send."""
        if not isinstance(self.retries, RetryPolicy):
            raise ConfigurationError("retries must be a RetryPolicy: RetryPolicy.disabled() repeats nothing.")
        if not isinstance(self.max_parallel, int) or self.max_parallel < 1:
            raise ConfigurationError("max_parallel must be a whole number from 1.")
        for seconds in self.timeout.as_dict().values():
            if seconds is not None and not (isinstance(seconds, int | float) and seconds > 0):
                raise ConfigurationError("timeout must be seconds above 0, or None.")

    @cached_property
    def base(self) -> str:
        """The base URL as a text that paths can be put behind."""
        return str(self.base_url).rstrip("/")

    def httpx_options(self) -> dict[str, Any]:
        """Give the arguments of `httpx.Client` and of its async twin."""
        encrypted = self.base_url.scheme == "https"
        return {
            "base_url": self.base_url,
            "auth": self.credentials,
            "timeout": self.timeout,
            # The API does not support keep-alive: a pooled connection may be dead, and a POST on it fails
            # in a way that cannot be told from a lost answer.
            "headers": {"Connection": "close", "User-Agent": f"yandex-market-chats/{__version__}"},
            "limits": httpx.Limits(max_keepalive_connections=0),
            # A proxy of the environment must not see a token that goes to loopback in clear.
            "trust_env": encrypted,
            # Nothing else is sent in clear, and to load the certificates takes longer than many messages.
            "verify": encrypted,
        }


def find_credentials(auth: Credentials | None) -> Credentials:
    """Return `auth`, or the credentials of the environment: an Api-Key token before an OAuth token."""
    if auth is not None:
        return auth
    for variable, kind in ((API_KEY, ApiKey), (OAUTH_TOKEN, OAuthToken)):
        if os.environ.get(variable):
            try:
                return kind(os.environ[variable])
            except ConfigurationError as error:
                raise ConfigurationError(f"Correct the variable {variable}: {error.args[0]}") from None
    raise ConfigurationError(f"No credentials: set {API_KEY} (or {OAUTH_TOKEN}), or give auth=ApiKey(token).")


def find_business_id(business_id: int | None) -> int:
    """Return `business_id`, or the one of the environment."""
    if business_id is not None:
        return check_id("business_id", business_id)
    text = os.environ.get(BUSINESS_ID)
    if not text:
        raise ConfigurationError(f"No business id: set {BUSINESS_ID}, or give business_id=….")
    number = parse_number(text)
    if number is None or not 1 <= number <= ID_MAX:
        raise ConfigurationError(f"Correct the variable {BUSINESS_ID}: it must be a whole number from 1.")
    return number


def find_base_url(base_url: str | None) -> httpx.URL:
    """Return `base_url`, or the one of the environment, or the vendor's: https, or loopback."""
    try:
        url = httpx.URL(base_url or os.environ.get(BASE_URL) or DEFAULT_BASE_URL)
        url.raw_host.decode().encode("idna")  # as the resolver does, which raises no error of httpx
        usable = url.host and (url.port or 0) <= PORT_MAX and not (url.userinfo or set("?#") & set(str(url)))
    except (httpx.InvalidURL, TypeError, ValueError):
        usable = False
    if not usable:
        raise ConfigurationError(
            f"base_url (or {BASE_URL}) must be a URL with a scheme, a host and a path alone."
        )
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise ConfigurationError(f"base_url (or {BASE_URL}) must be https unless it is loopback.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_id(name: str, value: int) -> int:
    """Return `value` if it is an id: a whole number from 1 to the largest int64, and not a bool.

    It is returned as a plain `int`, for a member of an `Enum` would be sent by its name.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= ID_MAX:
        raise InvalidRequestError(f"{name} must be a whole number from 1 to 2**63 - 1.")
    return int(value)


def check_message(message: str) -> str:
    """Return `message` if the API takes it: a text of 1 to 4096 characters that UTF-8 can carry."""
    if not isinstance(message, str):
        raise InvalidRequestError(f"message must be a text, not {type(message).__name__}.")
    if not 1 <= len(message) <= MESSAGE_MAX_LENGTH:
        raise InvalidRequestError(
            f"message must have 1 to {MESSAGE_MAX_LENGTH} characters; this one has {len(message)}."
        )
    try:
        message.encode()
    except UnicodeEncodeError:
        words = "message has a lone surrogate, which UTF-8 cannot carry: mend the text."
        raise InvalidRequestError(words) from None  # for the cause would carry the text
    return message
