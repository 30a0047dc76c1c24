"""Credentials: set on the request for each attempt, and never shown."""

import inspect
from collections.abc import Callable
from typing import ClassVar

from ._errors import ConfigurationError


class Credentials:
    """A token that is sent in a header: the base class of `ApiKey` and `OAuthToken`.

    Args:
        token: The token, or a callable that returns it. The callable is called in the sending thread, before
            each attempt and once more after the API rejected the token. It must not block for long. Its
            exceptions reach the caller unchanged.

    Raises:
        ConfigurationError: The token is empty, or contains characters that a header cannot carry.
    """

    header: ClassVar[str]
    prefix: ClassVar[str] = ""
    rejected: ClassVar[frozenset[int]] = frozenset({401})
    """The statuses with which the API rejects a token that has expired or was revoked."""

    def __init__(self, token: str | Callable[[], str]) -> None:
        # Error trackers record the local variables of each frame, so no frame that raises may hold the token.
        if inspect.iscoroutinefunction(token):
            raise ConfigurationError(
                f"{type(self).__name__}: the callable must not be a coroutine function: pass a plain one."
            )
        if callable(token):
            self._source = token
        elif defect := _defect(token):
            del token
            raise ConfigurationError(f"{type(self).__name__}: the token {defect}.")
        else:
            self._source = lambda: token

    def __repr__(self) -> str:
        """Return the class, but not the token."""
        return f"{type(self).__name__}(…)"

    def value(self) -> str:
        """Return the value of the header, with the current token.

        Raises:
            ConfigurationError: The callable returned an invalid token.
        """
        token = self._source()
        if defect := _defect(token):
            del token
            raise ConfigurationError(f"{type(self).__name__}: the token that the callable returned {defect}.")
        return self.prefix + token


class ApiKey(Credentials):
    """An Api-Key token of the business, sent in the `Api-Key` header.

    Source: the vendor's page "Authorization".
    """

    header = "Api-Key"


class OAuthToken(Credentials):
    """An OAuth 2.0 token, sent in the `Authorization` header.

    The vendor still accepts it, but recommends `ApiKey`. It expires after a year: pass a callable in
    long-running programs. Source: the vendor's page "Authorization".
    """

    header = "Authorization"
    prefix = "Bearer "
    rejected: ClassVar[frozenset[int]] = frozenset({401, 403})


def _defect(token: object) -> str | None:
    """Return what is wrong with a token, without quoting it."""
    if not isinstance(token, str):
        return f"must be a str, not {type(token).__name__}"
    if not token:
        return "is empty"
    if token[0] in "\"'" or token[-1] in "\"'":
        return "is in quotes: remove them (docker --env-file keeps quotes)"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "contains whitespace or non-ASCII characters: pass the bare token, without a prefix"
    return None
