"""The clients that users make: `MarketChats`, and `AsyncMarketChats` for asyncio and trio."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar, cast

import httpx

from yandex_market_chats._attempts import Attempt
from yandex_market_chats._credentials import Credentials
from yandex_market_chats._errors import ConfigurationError
from yandex_market_chats._exchange import ATTEMPTS
from yandex_market_chats._http import AsyncHTTP, SyncHTTP, view_of
from yandex_market_chats._limits import RateLimit
from yandex_market_chats._policy import RetryPolicy
from yandex_market_chats._settings import (
    DEFAULT_TIMEOUT,
    Settings,
    check_id,
    check_message,
    find_base_url,
    find_business_id,
    find_credentials,
)

# To import the generated client takes a third as long as to import httpx: the first client does it.
if TYPE_CHECKING:
    from yandex_market_chats_generated import Client
    from yandex_market_chats_generated.types import Response

H = TypeVar("H", SyncHTTP, AsyncHTTP)
T = TypeVar("T", httpx.BaseTransport, httpx.AsyncBaseTransport)
R = TypeVar("R", None, Awaitable[None])

_DEFAULT_RETRIES = RetryPolicy()


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that the API has taken.

    Attributes:
        attempts: How many times the request was tried. All but the last sent nothing, unless the policy
            says `resend_unknown`.
        rate_limit: What is left of the hourly limit; `None` when the answer did not say.
    """

    attempts: int
    rate_limit: RateLimit | None


class _NoClient:
    """Stands where the generated client would make an httpx client of its own, without any of this."""

    def _refuse(self, *_: object) -> NoReturn:
        raise ConfigurationError(
            "MarketChats is for the sync functions and AsyncMarketChats for the async ones; other settings"
            " come from with_options."
        )

    __getattr__ = __setattr__ = _refuse


class _Chats(Generic[H, T, R]):
    """What the sync and the async client share."""

    _http_class: ClassVar[type[Any]]

    def __init__(
        self,
        *,
        business_id: int | None = None,
        auth: Credentials | None = None,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy = _DEFAULT_RETRIES,
        max_parallel: int = 4,
        transport: T | None = None,
        on_attempt: Callable[[Attempt], R] | None = None,
    ) -> None:
        """Check the settings; nothing is sent.

        Args:
            business_id: The id of the cabinet. Unset: the variable `YANDEX_MARKET_BUSINESS_ID`.
            auth: `ApiKey` or `OAuthToken`. Unset: the variables `YANDEX_MARKET_API_KEY` and
                `YANDEX_MARKET_OAUTH_TOKEN`.
            base_url: Where the API is: https, or loopback. Unset: the variable
                `YANDEX_MARKET_BASE_URL`, or else `https://api.partner.market.yandex.ru`.
            timeout: Seconds for each phase of an attempt. Unset: 5 to connect, 15 for the others.
            retries: When an attempt is repeated, and how long a call may take.
            max_parallel: How many requests of this client, its views included, are in flight at most.
                The API allows a cabinet 4: share them out when several programs send.
            transport: Replaces the way into the network; unset, the proxies of the environment are
                honoured.
            on_attempt: Called with an `Attempt` after each one; `AsyncMarketChats` awaits it. An
                `Exception` in it is logged and goes no further.

        Raises:
            ConfigurationError: A setting is missing or unusable.
            InvalidRequestError: `business_id` is not an id.
        """
        if not isinstance(auth, Credentials | None):
            del auth  # it may be a bare token, which a traceback would show
            raise ConfigurationError("auth must be ApiKey(token) or OAuthToken(token).")
        self.business_id = find_business_id(business_id)
        settings = Settings(
            base_url=find_base_url(base_url),
            credentials=find_credentials(auth),
            timeout=httpx.Timeout(timeout),
            retries=retries,
            max_parallel=max_parallel,
            on_attempt=on_attempt,
        )
        try:
            self._http: H = self._http_class(settings, transport)
        except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
            told = f"A proxy or a certificate that the environment names is unusable: {error}"
            raise ConfigurationError(told) from error
        self.client = self._generated(self._http)

    def __repr__(self) -> str:
        """Show where the client sends, and nothing secret."""
        if not hasattr(self, "_http"):  # a traceback can show a client whose settings were refused
            return f"{type(self).__name__}(…)"
        return f"{type(self).__name__}(business_id={self.business_id}, base_url={str(self._http.base_url)!r})"

    def with_options(
        self, *, timeout: float | httpx.Timeout | None = None, retries: RetryPolicy | None = None
    ) -> Self:
        """Give a view of this client: other settings over the same connections and places.

        Closing a view does nothing; closing the client that it is a view of ends it too.

        Args:
            timeout: Seconds for each phase of an attempt. Unset: as it was.
            retries: When an attempt is repeated, and how long a call may take. Unset: as it was.
        """
        settings = self._http.settings
        view = copy.copy(self)
        changed = replace(
            settings,
            timeout=settings.timeout if timeout is None else httpx.Timeout(timeout),
            retries=settings.retries if retries is None else retries,
        )
        view._http = view_of(self._http, changed)  # noqa: SLF001 -- another one of this class
        view.client = self._generated(view._http)  # noqa: SLF001
        return view

    @staticmethod
    def _generated(http: SyncHTTP | AsyncHTTP) -> Client:
        from yandex_market_chats_generated import Client  # noqa: PLC0415

        client, other = Client(base_url=str(http.base_url)), cast("Any", _NoClient())
        if isinstance(http, SyncHTTP):
            return client.set_httpx_client(http).set_async_httpx_client(other)
        return client.set_async_httpx_client(http).set_httpx_client(other)


class MarketChats(_Chats[SyncHTTP, httpx.BaseTransport, None]):
    """The chats of a business with its buyers.

    One client serves any number of threads. A process that forks makes its clients after the fork.

    Attributes:
        business_id: The id of the cabinet.
        client: The generated client, to call the generated functions with. Everything that goes through
            it is repeated, limited and reported as `send_message` is.
    """

    _http_class = SyncHTTP

    def send_message(self, *, chat_id: int, message: str) -> SentMessage:
        """Send a message to a chat with a buyer.

        Source: the vendor's page of the method `sendMessageToChat`.

        Args:
            chat_id: The id of the chat.
            message: The text, 1 to 4096 characters.

        Raises:
            InvalidRequestError: An argument is unusable.
            MarketError: The message was not sent, or may have been: see `delivery` of the error.
        """
        from yandex_market_chats_generated.api.chats import send_message_to_chat  # noqa: PLC0415
        from yandex_market_chats_generated.models import SendMessageToChatRequest  # noqa: PLC0415

        answer = send_message_to_chat.sync_detailed(
            self.business_id,
            client=self.client,
            chat_id=check_id("chat_id", chat_id),
            body=SendMessageToChatRequest(check_message(message)),
        )
        return _sent(answer)

    def close(self) -> None:
        """Close the connections. What is sent after that is refused; a call under way may still send."""
        self._http.close()

    def __enter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    def __exit__(self, *raised: object) -> None:
        """Close the client."""
        self.close()


class AsyncMarketChats(_Chats[AsyncHTTP, httpx.AsyncBaseTransport, Awaitable[None]]):
    """The chats of a business with its buyers, for asyncio and trio.

    One client serves any number of tasks of one event loop. A task that is cancelled while it sends leaves
    it unknown whether the message was sent.

    Attributes:
        business_id: The id of the cabinet.
        client: The generated client, to call the generated functions with. Everything that goes through
            it is repeated, limited and reported as `send_message` is.
    """

    _http_class = AsyncHTTP

    async def send_message(self, *, chat_id: int, message: str) -> SentMessage:
        """Send a message to a chat with a buyer, as `MarketChats.send_message` does.

        Args:
            chat_id: The id of the chat.
            message: The text, 1 to 4096 characters.

        Raises:
            InvalidRequestError: An argument is unusable.
            MarketError: The message was not sent, or may have been: see `delivery` of the error.
        """
        from yandex_market_chats_generated.api.chats import send_message_to_chat  # noqa: PLC0415
        from yandex_market_chats_generated.models import SendMessageToChatRequest  # noqa: PLC0415

        answer = await send_message_to_chat.asyncio_detailed(
            self.business_id,
            client=self.client,
            chat_id=check_id("chat_id", chat_id),
            body=SendMessageToChatRequest(check_message(message)),
        )
        return _sent(answer)

    async def aclose(self) -> None:
        """Close the connections. What is sent after that is refused; a call under way may still send."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Close the client."""
        await self.aclose()


def _sent(answer: Response[Any]) -> SentMessage:
    return SentMessage(int(answer.headers[ATTEMPTS]), RateLimit.from_headers(answer.headers))
