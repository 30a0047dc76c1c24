"""Settings and arguments: invalid ones are rejected before anything is sent."""

import ipaddress
import math
import operator
import os
import threading
from dataclasses import dataclass
from typing import Any, Self, SupportsIndex, get_args
from urllib.request import getproxies, proxy_bypass

import httpx

from ._credentials import ApiKey, Credentials, OAuthToken
from ._errors import ConfigurationError, InvalidRequestError
from ._limits import parse_number

DEFAULT_BASE_URL = "https://api.partner.market.yandex.ru"
DEFAULT_TIMEOUT = httpx.Timeout(15.0, connect=5.0)
"""Seconds. The server gives up after 10: a shorter read timeout would only turn late answers into UNKNOWN."""

ID_MAX = 2**63 - 1
"""The largest int64. A test compares this constant and the next one with the contract."""
MESSAGE_MAX_LENGTH = 4096
"""Characters."""

API_KEY = "YANDEX_MARKET_API_KEY"
OAUTH_TOKEN = "YANDEX_MARKET_OAUTH_TOKEN"  # noqa: S105 -- the name of a variable
BUSINESS_ID = "YANDEX_MARKET_BUSINESS_ID"
BASE_URL = "YANDEX_MARKET_BASE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How often, and for how long, a failed call is retried.

    The wait before a retry is what the API asks for, or else a random fraction ("full jitter") of
    `backoff * 2 ** (attempts - 1)`.

    Attributes:
        max_attempts: How many attempts a call makes at most.
        deadline: Seconds for the whole call, waits included. No wait is started that would exceed it, and no
            attempt in its last second (or last tenth, if shorter): the response would hardly arrive in time.
            In a thread the deadline bounds the wait for a slot, connecting to each address, each read, and
            the body between chunks; DNS resolution, and a response head that arrives byte by byte, can
            exceed it.
        backoff: The longest wait after the first attempt, in seconds.
        max_backoff: The longest wait after any attempt, in seconds, unless the API asks for more.
        resend_unknown: Retry even if the message may have been sent already: set it if a duplicate message
            is better than a lost one.

    Raises:
        ConfigurationError: A value is invalid.
    """

    max_attempts: int = 10
    deadline: float = 60.0
    backoff: float = 0.5
    max_backoff: float = 8.0
    resend_unknown: bool = False

    def __post_init__(self) -> None:
        """Validate the values; above all, a truthy string for `resend_unknown` would cause duplicates."""
        check_count("max_attempts", self.max_attempts)
        for name in ("deadline", "backoff", "max_backoff"):
            check_seconds(name, getattr(self, name))
        check_instance("resend_unknown", self.resend_unknown, bool)
        if not 0 < self.deadline <= threading.TIMEOUT_MAX:
            raise ConfigurationError(f"deadline must be a positive number of seconds, not {self.deadline}.")
        if not 0 <= self.backoff <= self.max_backoff < math.inf:
            raise ConfigurationError("backoff and max_backoff must be seconds, 0 <= backoff <= max_backoff.")

    @classmethod
    def disabled(cls) -> Self:
        """Return a policy that never retries."""
        return cls(max_attempts=1)


def find_credentials(auth: Credentials | None) -> Credentials:
    """Return `auth`, or else the Api-Key token of the environment, or else its OAuth token."""
    if isinstance(auth, Credentials):
        return auth
    if auth is not None:
        received = type(auth).__name__
        del auth  # it may be a bare token, which a traceback would show
        raise ConfigurationError(f"auth must be ApiKey(token) or OAuthToken(token), not {received}.")
    for variable, kind in ((API_KEY, ApiKey), (OAUTH_TOKEN, OAuthToken)):
        if os.environ.get(variable):
            try:
                return kind(os.environ[variable])
            except ConfigurationError as error:
                raise ConfigurationError(f"{variable} is invalid: {error.args[0]}") from None
    raise ConfigurationError(f"No credentials: set {API_KEY} (or {OAUTH_TOKEN}), or pass auth=ApiKey(token).")


def find_business_id(business_id: int | None) -> int:
    """Return `business_id`, or else the id from the environment."""
    if business_id is not None:
        try:
            return check_id("business_id", business_id)
        except InvalidRequestError as error:
            raise ConfigurationError(error.args[0]) from None
    text = os.environ.get(BUSINESS_ID)
    if not text:
        raise ConfigurationError(f"No business id: set {BUSINESS_ID}, or pass business_id=….")
    number = parse_number(text)
    if number is None or not 1 <= number <= ID_MAX:
        raise ConfigurationError(f"{BUSINESS_ID} must be an integer from 1 to 2**63 - 1.")
    return number


def find_base_url(base_url: str | None) -> httpx.URL:
    """Return `base_url`, or else the URL from the environment, or else the vendor's: https, or loopback."""
    name, value = "base_url", base_url
    if value is None and os.environ.get(BASE_URL):
        name, value = BASE_URL, os.environ[BASE_URL]
    try:
        url = httpx.URL(DEFAULT_BASE_URL if value is None else value)
    except (httpx.InvalidURL, TypeError, ValueError):
        url = httpx.URL()
    text = str(value)
    if not url.host or url.userinfo or text != text.strip() or set("?#") & set(text):
        raise ConfigurationError(
            f"{name} must be a URL that consists of a scheme, a host and, optionally, a path."
        )
    if url.scheme != "https" and not (url.scheme == "http" and _is_loopback(url.host)):
        raise ConfigurationError(f"{name} must start with https://, unless it is loopback.")
    return url


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def transport_options(base_url: httpx.URL) -> dict[str, Any]:
    """Return the arguments of httpx's transports: certificates, and the proxy of the environment.

    Plain HTTP goes to loopback only: it needs no certificates, and no proxy may see its token.
    """
    encrypted = base_url.scheme == "https"
    try:
        context = httpx.create_ssl_context(verify=encrypted)
    except (OSError, ValueError):  # `from None`, here and below: the cause would quote the value
        raise ConfigurationError(
            "No certificates could be read: correct SSL_CERT_FILE or SSL_CERT_DIR."
        ) from None
    options: dict[str, Any] = {
        "verify": context,
        "trust_env": False,
        # The API does not support keep-alive: a pooled connection may be dead, and a POST that fails on it
        # is indistinguishable from a lost answer.
        "limits": httpx.Limits(max_keepalive_connections=0),
    }
    proxies = getproxies() if encrypted and not proxy_bypass(base_url.host) else {}
    scheme = next((scheme for scheme in ("https", "all") if proxies.get(scheme)), None)
    if scheme is not None and (defect := _set_proxy(options, proxies[scheme])):
        del proxies  # a traceback would show the password
        raise ConfigurationError(f"{scheme.upper()}_PROXY {defect}.")
    return options


def _set_proxy(options: dict[str, Any], url: str) -> str | None:
    """Add a proxy to the arguments of a transport, or return what is wrong with it, without quoting it."""
    url = url if "://" in url else f"http://{url}"
    try:
        proxy = httpx.Proxy(url, ssl_context=options["verify"] if url.startswith("https") else None)
        httpx.HTTPTransport(**options, proxy=proxy)
    except ImportError:
        return "names a SOCKS proxy, which needs another package: pip install 'httpx[socks]'"
    except (ValueError, httpx.InvalidURL):
        return "is not a valid proxy URL: correct it, or exempt the host with NO_PROXY"
    options["proxy"] = proxy
    return None


def check_timeout(timeout: float | httpx.Timeout) -> httpx.Timeout:
    """Return the timeouts, all of them positive or `None`."""
    timeout = httpx.Timeout(timeout)
    for seconds in timeout.as_dict().values():
        if seconds is not None:
            check_seconds("timeout", seconds)
            if not seconds > 0:
                raise ConfigurationError(
                    f"timeout must be a positive number of seconds, or None, not {seconds}."
                )
    return timeout


def check_seconds(name: str, value: float) -> None:
    """Raise unless a setting is a number."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise ConfigurationError(f"{name} must be a number of seconds, not {type(value).__name__}.")


def check_instance(name: str, value: object, kind: Any) -> None:
    """Raise if a setting has the wrong type."""
    if not isinstance(value, kind):
        kinds = get_args(kind) or [kind]
        expected = " or ".join("None" if part is type(None) else part.__name__ for part in kinds)
        raise ConfigurationError(f"{name} must be {expected}, not {type(value).__name__}.")


def check_count(name: str, value: int) -> None:
    """Raise unless a setting is a positive integer."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        received = value if isinstance(value, int) else type(value).__name__
        raise ConfigurationError(f"{name} must be a positive integer, not {received}.")


def check_id(name: str, value: SupportsIndex) -> int:
    """Return a valid id as a plain `int`, because an `IntEnum` member would be formatted by name."""
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool):
        raise InvalidRequestError(f"{name} must be an int, not {type(value).__name__}.")
    if not 1 <= number <= ID_MAX:
        raise InvalidRequestError(f"{name} must be an integer from 1 to 2**63 - 1.")
    return number


def check_message(message: str) -> str:
    """Return the message if the API would accept it; raise otherwise."""
    if not isinstance(message, str):
        raise InvalidRequestError(f"message must be a str, not {type(message).__name__}.")
    if not 1 <= len(message) <= MESSAGE_MAX_LENGTH:
        raise InvalidRequestError(
            f"message must have 1 to {MESSAGE_MAX_LENGTH} characters; this one has {len(message)}."
        )
    try:
        message.encode()
    except UnicodeEncodeError:  # `from None`: the cause would show the message
        raise InvalidRequestError(
            "message contains a lone surrogate, which cannot be encoded as UTF-8."
        ) from None
    return message
