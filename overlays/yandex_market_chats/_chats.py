"""The clients: `MarketChats` for threads, `AsyncMarketChats` for asyncio and trio."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn, Self, TypeVar

import httpx

from ._credentials import Credentials
from ._errors import ConfigurationError
from ._limits import Limits
from ._operations import AsyncOperations, Operations, Sending, SentMessage, build, sent_message
from ._retry import Attempt
from ._settings import (
    DEFAULT_TIMEOUT,
    RetryPolicy,
    check_count,
    check_id,
    check_instance,
    check_message,
    check_timeout,
    find_base_url,
    find_business_id,
    find_credentials,
)
from ._settle import Outgoing, send_and_settle
from ._steps import arun, run
from ._transport import AsyncRetryingTransport, RetryingTransport
from ._version import __version__

# Importing the generated client takes time, so it is imported when a client is created.
if TYPE_CHECKING:
    from yandex_market_chats_generated import Client

TransportT = TypeVar("TransportT", httpx.BaseTransport, httpx.AsyncBaseTransport)
HookT = TypeVar("HookT", None, Awaitable[None])

_HEADERS = {
    "Accept-Encoding": "gzip",
    "Connection": "close",
    "User-Agent": f"yandex-market-chats/{__version__}",
}


class _Chats(Generic[TransportT, HookT]):
    """The part that both clients share."""

    business_id: int
    client: Client
    _http: Any
    _is_view = False
    _http_class: ClassVar[type]
    _transport_class: ClassVar[type]
    _base_class: ClassVar[type]

    def __init__(
        self,
        *,
        business_id: int | None = None,
        auth: Credentials | None = None,
        base_url: str | None = None,
        timeout: float | httpx.Timeout = DEFAULT_TIMEOUT,
        retries: RetryPolicy = RetryPolicy(),
        max_parallel: int = 4,
        limits: Limits | None = None,
        settle_unknown: bool = False,
        transport: TransportT | None = None,
        on_attempt: Callable[[Attempt], HookT] | None = None,
    ) -> None:
        """Check the settings. Nothing is sent yet.

        Args:
            business_id: The id of the business. Default: `YANDEX_MARKET_BUSINESS_ID`.
            auth: `ApiKey` or `OAuthToken`. Default: `YANDEX_MARKET_API_KEY`, else
                `YANDEX_MARKET_OAUTH_TOKEN`.
            base_url: The address of the API: https, or loopback. Default: `YANDEX_MARKET_BASE_URL`, else
                `https://api.partner.market.yandex.ru`.
            timeout: Seconds for each phase of an attempt. Default: 5 to connect, 15 for the others.
            retries: When a call is retried, and how long it may take.
            max_parallel: How many requests this client and its views may have in flight. The API accepts
                4 per business: divide them among your programs, or pass shared `limits`.
            limits: Limits shared with other programs. Default: the hourly limits, for this client alone.
            settle_unknown: Whether `send_message` reads the chat to settle `UNKNOWN`: see docs/settling.md.
            transport: An httpx transport to use instead of the network. Default: the network, through the
                environment's proxies. A transport that retries or falls back makes `delivery` unreliable.
            on_attempt: Called with an `Attempt` after each attempt; `AsyncMarketChats` awaits the result. If
                the callable raises an exception, the exception is logged and the call goes on.

        Raises:
            ConfigurationError: A setting is missing or invalid.
        """
        self.business_id = find_business_id(business_id)
        self._base_url = find_base_url(base_url)
        try:
            credentials = find_credentials(auth)
        finally:
            del auth  # it may be a bare token, which error trackers would record with this frame
        check_instance("transport", transport, self._base_class | None)
        check_instance("limits", limits, Limits | None)
        check_instance("settle_unknown", settle_unknown, bool)
        check_instance("on_attempt", on_attempt, Callable | None)
        check_instance("retries", retries, RetryPolicy)
        check_count("max_parallel", max_parallel)
        self._settle_unknown = settle_unknown
        self._transport = self._transport_class(
            transport=transport,
            base_url=self._base_url,
            credentials=credentials,
            policy=retries,
            max_parallel=max_parallel,
            limits=limits,
            on_attempt=on_attempt,
        )
        self._build_clients(timeout)

    def __repr__(self) -> str:
        """Return the class, the business and the base URL, and nothing secret."""
        if not hasattr(self, "_transport"):  # a traceback can show a client whose settings were rejected
            return f"{type(self).__name__}(…)"
        return f"{type(self).__name__}(business_id={self.business_id}, base_url={str(self._base_url)!r})"

    def with_options(
        self,
        *,
        timeout: float | httpx.Timeout | None = None,
        retries: RetryPolicy | None = None,
        settle_unknown: bool | None = None,
    ) -> Self:
        """Return a view of this client: different settings, same slots and limits.

        Closing a view does nothing; closing the original client also closes its views.

        Args:
            timeout: Seconds for each phase of an attempt. Default: unchanged.
            retries: When a call is retried, and how long it may take. Default: unchanged.
            settle_unknown: Whether `send_message` settles `UNKNOWN` outcomes. Default: unchanged.
        """
        view = copy.copy(self)
        view._is_view = True  # noqa: SLF001 -- another instance of this class
        if settle_unknown is not None:
            check_instance("settle_unknown", settle_unknown, bool)
            view._settle_unknown = settle_unknown  # noqa: SLF001
        if retries is not None:
            check_instance("retries", retries, RetryPolicy)
            view._transport = self._transport.view(retries)  # noqa: SLF001
        view._build_clients(self._http.timeout if timeout is None else timeout)  # noqa: SLF001
        return view

    def _build_clients(self, timeout: float | httpx.Timeout) -> None:
        from yandex_market_chats_generated import Client  # noqa: PLC0415

        self._http = self._http_class(
            transport=self._transport,
            base_url=self._base_url,
            timeout=check_timeout(timeout),
            headers=_HEADERS,
            cookies=_NoCookies(),
        )
        # For functions of the other kind, the generated client would create an httpx client without retries.
        refusing = httpx.MockTransport(_refuse)
        self.client = self._bind(Client(base_url=str(self._base_url), httpx_args={"transport": refusing}))

    def _bind(self, client: Client) -> Client:
        raise NotImplementedError

    def _prepare(self, chat_id: int, text: str, after: int | None) -> tuple[Outgoing, httpx.Request, Sending]:
        from yandex_market_chats_generated.api.chats import send_message_to_chat  # noqa: PLC0415
        from yandex_market_chats_generated.models import SendMessageToChatRequest  # noqa: PLC0415

        chat_id, after = check_id("chat_id", chat_id), None if after is None else check_id("after", after)
        request = send_message_to_chat._get_kwargs(  # noqa: SLF001 -- generated for exactly this
            self.business_id, chat_id=chat_id, body=SendMessageToChatRequest(check_message(text))
        )
        outgoing = Outgoing(
            self._http, self.business_id, chat_id, text, after, self._transport.policy.deadline
        )
        sending = Sending(self._base_url, self.business_id, chat_id, text.strip())
        return outgoing, build(self._http, request), sending


class MarketChats(_Chats[httpx.BaseTransport, None], Operations):
    """The chats of a business with its buyers.

    A client may be shared by threads. Create clients after forking, not before.

    Attributes:
        business_id: The id of the business.
        client: The generated client, which the generated functions need. Their calls are retried, limited and
            reported like `send_message`. Closing the generated client closes this one and its views.
    """

    _http_class = httpx.Client
    _transport_class = RetryingTransport
    _base_class = httpx.BaseTransport

    def _bind(self, client: Client) -> Client:
        return client.set_httpx_client(self._http)

    def send_message(self, *, chat_id: int, message: str, after: int | None = None) -> SentMessage:
        """Send a message to a chat with a buyer.

        Source: the vendor's page of the method `sendMessageToChat`.

        Args:
            chat_id: The id of the chat.
            message: The text, 1 to 4096 characters.
            after: The id of a message: with `settle_unknown`, the chat is read from this message on.

        Raises:
            InvalidRequestError: An argument is invalid.
            MarketError: The message was not sent, or may have been sent: see `delivery`.
        """
        outgoing, request, sending = self._prepare(chat_id, message, after)
        with sending:
            if self._settle_unknown:
                return run(send_and_settle(outgoing, request, sending), self._http)
            return sent_message(self._http.send(request))

    def close(self) -> None:
        """Close the client: new calls are refused, calls in progress may still send."""
        if not self._is_view:
            self._transport.close()

    def __enter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Close the client."""
        self.close()


class AsyncMarketChats(_Chats[httpx.AsyncBaseTransport, Awaitable[None]], AsyncOperations):
    """The chats of a business with its buyers, for asyncio and trio.

    A client may be shared by the tasks of one event loop. If a task is cancelled while it sends, the message
    may or may not have been sent: a note on the exception says what is known.

    Attributes:
        business_id: The id of the business.
        client: The generated client, which the generated functions need. Their calls are retried, limited and
            reported like `send_message`. Closing the generated client closes this one and its views.
    """

    _http_class = httpx.AsyncClient
    _transport_class = AsyncRetryingTransport
    _base_class = httpx.AsyncBaseTransport

    def _bind(self, client: Client) -> Client:
        return client.set_async_httpx_client(self._http)

    async def send_message(self, *, chat_id: int, message: str, after: int | None = None) -> SentMessage:
        """Send a message to a chat with a buyer, like `MarketChats.send_message`.

        Args:
            chat_id: The id of the chat.
            message: The text, 1 to 4096 characters.
            after: The id of a message: with `settle_unknown`, the chat is read from this message on.

        Raises:
            InvalidRequestError: An argument is invalid.
            MarketError: The message was not sent, or may have been sent: see `delivery`.
        """
        outgoing, request, sending = self._prepare(chat_id, message, after)
        with sending:
            if self._settle_unknown:
                return await arun(send_and_settle(outgoing, request, sending), self._http)
            return sent_message(await self._http.send(request))

    async def aclose(self) -> None:
        """Close the client: new calls are refused, calls in progress may still send."""
        if not self._is_view:
            await self._transport.aclose()

    async def __aenter__(self) -> Self:
        """Return the client, which is closed at the end of the block."""
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        """Close the client."""
        await self.aclose()


class _NoCookies(CookieJar):
    """A jar that keeps no cookies. The standard one stays locked if a signal handler raises while it is."""

    def extract_cookies(self, response: Any, request: Any) -> None:
        """Do nothing."""


def _refuse(_request: httpx.Request) -> NoReturn:
    raise ConfigurationError(
        "Use MarketChats with the sync functions and AsyncMarketChats with the async ones; to change"
        " settings, use with_options."
    )
