"""The credentials, as `httpx.Auth`: put on the request afresh for every attempt, and shown nowhere."""

from collections.abc import Callable, Generator
from typing import ClassVar

import httpx

from yandex_market_chats._errors import ConfigurationError

_TOKEN_LENGTH = 8
"""Characters that a real token has at least; what is shorter may stand in any text."""


class Credentials(httpx.Auth):
    """A token in a header: what `ApiKey` and `OAuthToken` share.

    Args:
        token: The token, or a callable that gives it. The callable is asked for every attempt, from
            whichever thread sends, and must not block for long.

    Raises:
        ConfigurationError: The token is empty or has characters that a header cannot carry.
    """

    header: ClassVar[str]
    prefix: ClassVar[str] = ""

    def __init__(self, token: str | Callable[[], str]) -> None:
        # A frame of a traceback shows its arguments to error trackers, so no frame keeps the token.
        if callable(token):
            self._source = token
        elif defect := _defect(token):
            del token
            raise ConfigurationError(f"{type(self).__name__}: the token {defect}.")
        else:
            self._source = lambda: token

    def __repr__(self) -> str:
        """Show the kind of the credentials, not the token."""
        return f"{type(self).__name__}(…)"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Put the token on the request."""
        request.headers[self.header] = self._value()
        yield request

    def renewed(self, request: httpx.Request) -> bool:
        """Tell whether the token is now another than the one that `request` carried."""
        try:
            return request.headers.get(self.header) not in {None, self._value()}
        except ConfigurationError:
            return False

    def masked(self, request: httpx.Request, text: bytes) -> bytes:
        """Return a text of a server without the token that `request` carried, should it quote that."""
        token = self._carried(request).encode()
        return text.replace(token, b"***") if token else text

    def mask(self, request: httpx.Request, failure: BaseException | None) -> None:
        """Take the token out of what an exception and its causes say: httpx quotes what it cannot read."""
        token = self._carried(request)
        while token and failure is not None:
            failure.args = tuple(
                told.replace(token, "***") if isinstance(told, str) else told for told in failure.args
            )
            failure = failure.__cause__ or failure.__context__

    def _carried(self, request: httpx.Request) -> str:
        token = request.headers.get(self.header, "").removeprefix(self.prefix)
        return token if len(token) >= _TOKEN_LENGTH else ""

    def _value(self) -> str:
        try:
            token = self._source()
        except Exception as error:
            raise ConfigurationError(
                f"{type(self).__name__}: the callable that gives the token raised {type(error).__name__}."
            ) from error
        if defect := _defect(token):
            del token
            raise ConfigurationError(f"{type(self).__name__}: the callable gave a token that {defect}.")
        return self.prefix + token


class ApiKey(Credentials):
    """An Api-Key token of the cabinet, sent in the header `Api-Key`.

    Source: the vendor's page "Authorization".
    """

    header = "Api-Key"


class OAuthToken(Credentials):
    """An OAuth 2.0 token, sent in the header `Authorization`.

    The vendor still accepts it and advises `ApiKey` instead. It lives a year: give a callable to a
    program that may live longer. Source: the vendor's page "Authorization".
    """

    header = "Authorization"
    prefix = "Bearer "


def _defect(token: object) -> str | None:
    """Say what is wrong with a token, without its value."""
    if not isinstance(token, str):
        return f"is not a string but {type(token).__name__}"
    if not token:
        return "is empty"
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "has a space, a line break or a character that is not ASCII: give it alone, without a prefix"
    return None
