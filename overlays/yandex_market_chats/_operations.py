"""Helpers of the operations: they build requests, parse responses, follow pages and remember messages."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, Protocol, Self, TypeVar

import httpx

from yandex_market_chats_generated.api.chats import AsyncChatsOperations, ChatsOperations

from ._errors import SENTENCES, Delivery, InvalidRequestError, MarketError, UnexpectedAnswerError
from ._limits import RateLimit
from ._retry import is_repeatable

# Importing the generated models takes a third as long as importing httpx, so the first call imports them.
if TYPE_CHECKING:
    from yandex_market_chats_generated.models import Pager
    from yandex_market_chats_generated.types import Unset

P = ParamSpec("P")
R = TypeVar("R")
PageT = TypeVar("PageT", bound="Page")

MEMORY = 15.0
"""Seconds for which a message that was sent, or may have been, is remembered."""


class Page(Protocol):
    """A page of results, as returned by the operations with a `page_token`."""

    @property
    def paging(self) -> Pager | Unset:
        """How to get the next page."""


class Operations(ChatsOperations):
    """The generated operations for threads."""

    _http: httpx.Client

    def pages(self, operation: Callable[P, PageT], *args: P.args, **kwargs: P.kwargs) -> Iterator[PageT]:
        """Iterate over all pages, such as `chats.pages(chats.get_chat_history, chat_id=42, limit=100)`.

        Args:
            operation: A method with the argument `page_token`.
            args: Always empty, because the arguments of the operations are keyword-only.
            kwargs: The arguments of the operation; with `page_token`, iteration starts at that page.

        Raises:
            MarketError: A page could not be read.
        """
        while True:
            page = operation(*args, **kwargs)
            yield page
            if not page.paging or not page.paging.next_page_token:
                return
            kwargs["page_token"] = page.paging.next_page_token

    def _call(
        self,
        get_kwargs: Callable[[], dict[str, Any]],
        parse: Callable[[httpx.Response], R | Unset],
        /,
        **arguments: object,
    ) -> R:
        return parse_result(self._http.send(_build_checked(self._http, get_kwargs, arguments)), parse)


class AsyncOperations(AsyncChatsOperations):
    """The generated operations for tasks."""

    _http: httpx.AsyncClient

    async def pages(
        self, operation: Callable[P, Awaitable[PageT]], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[PageT]:
        """Iterate over all pages, like `Operations.pages`, with `async for`.

        Args:
            operation: A method with the argument `page_token`.
            args: Always empty, because the arguments of the operations are keyword-only.
            kwargs: The arguments of the operation; with `page_token`, iteration starts at that page.

        Raises:
            MarketError: A page could not be read.
        """
        while True:
            page = await operation(*args, **kwargs)
            yield page
            if not page.paging or not page.paging.next_page_token:
                return
            kwargs["page_token"] = page.paging.next_page_token

    async def _call(
        self,
        get_kwargs: Callable[[], dict[str, Any]],
        parse: Callable[[httpx.Response], R | Unset],
        /,
        **arguments: object,
    ) -> R:
        return parse_result(await self._http.send(_build_checked(self._http, get_kwargs, arguments)), parse)


def _build_checked(
    http: httpx.Client | httpx.AsyncClient,
    get_kwargs: Callable[[], dict[str, Any]],
    arguments: Mapping[str, object],
) -> httpx.Request:
    """Return the request of a method that was called with `arguments`.

    Raises:
        InvalidRequestError: The generated code cannot build a request with one of the arguments.
    """
    try:
        return build(http, get_kwargs())
    except (AttributeError, TypeError, ValueError) as error:
        types = [f"{name}: {type(value).__name__}" for name, value in arguments.items() if value is not None]
        what = f"{', '.join(types)}; {error}".rstrip(".")
        raise InvalidRequestError(
            f"An argument is invalid ({what}). Pass the types in the method's signature."
        ) from error


def build(http: httpx.Client | httpx.AsyncClient, arguments: dict[str, Any]) -> httpx.Request:
    """Return the request for the arguments that a generated function would pass to httpx.

    httpx would parse the base URL, the path and the parameters one by one, which takes a quarter of the time
    of a call in memory.
    """
    query = httpx.QueryParams(arguments.pop("params", None))
    url = f"{str(http.base_url).rstrip('/')}{arguments.pop('url')}"
    request = http.build_request(url=_parse_url(f"{url}?{query}" if query else url), **arguments)
    arguments.clear()  # otherwise the caller's variable keeps a second copy of a file in memory
    return request


_parse_url = lru_cache(maxsize=128)(httpx.URL)  # the messages of a conversation have the same URL


def parse_result(response: httpx.Response, parse: Callable[[httpx.Response], R | Unset]) -> R:
    """Return the result in a successful response.

    Raises:
        UnexpectedAnswerError: The response has no readable result.
    """
    from yandex_market_chats_generated.types import Unset  # noqa: PLC0415

    failure = None
    try:
        result = parse(response)
        if not isinstance(result, Unset):
            return result
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        failure = error
    delivery = Delivery.NOT_SENT if is_repeatable(response.request) else Delivery.UNKNOWN
    doubt = f" {SENTENCES[delivery]}" if delivery is Delivery.UNKNOWN else ""
    unreadable = UnexpectedAnswerError(
        f"200 without a readable result: update this package if the API has changed.{doubt}",
        delivery,
        status_code=response.status_code,
        headers=response.headers,
        body=response.content,
    )
    unreadable.attempts = response.extensions["attempts"]
    raise unreadable from failure


@dataclass(frozen=True, slots=True)
class SentMessage:
    """A message that the API accepted.

    Attributes:
        attempts: How many attempts were made. All but the last sent nothing, unless the policy sets
            `resend_unknown`.
        rate_limit: The state of the hourly limit; `None` if the API did not report it.
        message_id: The id of the message; `None` unless the chat was read because the outcome was unknown.
    """

    attempts: int
    rate_limit: RateLimit | None
    message_id: int | None = None


def sent_message(response: httpx.Response) -> SentMessage:
    """Return what a successful response says about the message."""
    return SentMessage(response.extensions["attempts"], response.extensions["rate_limit"])


class Sending:
    """The context manager of a message that is being sent.

    All clients of a process share `recent`: in a chat, equal messages of two clients are indistinguishable.
    """

    __slots__ = ("end", "number", "start")
    recent: ClassVar[deque[Sending]] = deque(maxlen=4096)  # the API accepts 1,000 messages per hour

    def __init__(self, *message: object) -> None:
        self.number = hash(message)  # without keeping the text
        self.start, self.end = monotonic(), inf

    def __enter__(self) -> Self:
        """Remember the message."""
        self.recent.append(self)
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        """Record when the call ended; disregard the message if it certainly was not sent."""
        refused = isinstance(error, MarketError) and error.delivery is Delivery.NOT_SENT
        self.end = -inf if refused else monotonic()

    @property
    def contested(self) -> bool:
        """Whether this process was sending an equal message at the same time, or in the 15 seconds before."""
        return any(
            other is not self and other.number == self.number and other.end >= self.start - MEMORY
            for other in self.recent.copy()
        )
