"""What the generated operations need: requests are built, responses are parsed, and pages are followed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import httpx

from yandex_market_chats_generated.api.chats import AsyncChatsOperations, ChatsOperations

from ._errors import Delivery, UnexpectedAnswerError
from ._retry import is_repeatable

# Importing the generated models takes a third as long as importing httpx: the first call does it.
if TYPE_CHECKING:
    from yandex_market_chats_generated.models import Pager
    from yandex_market_chats_generated.types import Unset

P = ParamSpec("P")
R = TypeVar("R")
PageT = TypeVar("PageT", bound="Page")


class Page(Protocol):
    """A page of results, as the operations with a `page_token` return it."""

    @property
    def paging(self) -> Pager | Unset:
        """Where the next page is."""


class Operations(ChatsOperations):
    """The generated operations for threads."""

    _http: httpx.Client

    def pages(self, operation: Callable[P, PageT], *args: P.args, **kwargs: P.kwargs) -> Iterator[PageT]:
        """Iterate over all pages, such as `chats.pages(chats.get_chat_history, chat_id=42, limit=100)`.

        Args:
            operation: A method with the argument `page_token`.
            args: Its positional arguments: none.
            kwargs: Its other arguments; with `page_token`, iteration starts at that page.

        Raises:
            MarketError: A page could not be read.
        """
        while True:
            page = operation(*args, **kwargs)
            yield page
            if not page.paging or not page.paging.next_page_token:
                return
            kwargs["page_token"] = page.paging.next_page_token

    def _call(self, request: dict[str, Any], parse: Callable[[httpx.Response], R | Unset]) -> R:
        return _parsed(self._http.send(build(self._http, request)), parse)


class AsyncOperations(AsyncChatsOperations):
    """The generated operations for tasks."""

    _http: httpx.AsyncClient

    async def pages(
        self, operation: Callable[P, Awaitable[PageT]], *args: P.args, **kwargs: P.kwargs
    ) -> AsyncIterator[PageT]:
        """Iterate over all pages, like `Operations.pages`, with `async for`.

        Args:
            operation: A method with the argument `page_token`.
            args: Its positional arguments: none.
            kwargs: Its other arguments; with `page_token`, iteration starts at that page.

        Raises:
            MarketError: A page could not be read.
        """
        while True:
            page = await operation(*args, **kwargs)
            yield page
            if not page.paging or not page.paging.next_page_token:
                return
            kwargs["page_token"] = page.paging.next_page_token

    async def _call(self, request: dict[str, Any], parse: Callable[[httpx.Response], R | Unset]) -> R:
        return _parsed(await self._http.send(build(self._http, request)), parse)


def build(http: httpx.Client | httpx.AsyncClient, arguments: dict[str, Any]) -> httpx.Request:
    """Return the request for the arguments that a generated function would pass to httpx.

    httpx would parse the base URL, the path and the parameters one by one, a quarter of a call in memory.
    """
    query = httpx.QueryParams(arguments.pop("params", None))
    url = f"{str(http.base_url).rstrip('/')}{arguments.pop('url')}"
    return http.build_request(url=_parse_url(f"{url}?{query}" if query else url), **arguments)


_parse_url = lru_cache(maxsize=128)(httpx.URL)  # a conversation takes several messages


def _parsed(response: httpx.Response, parse: Callable[[httpx.Response], R | Unset]) -> R:
    from yandex_market_chats_generated.types import Unset  # noqa: PLC0415

    failure = None
    try:
        result = parse(response)
        if not isinstance(result, Unset):
            return result
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        failure = error
    unreadable = UnexpectedAnswerError(
        "200 without a readable result: update this package if the API has changed.",
        Delivery.NOT_SENT if is_repeatable(response.request) else Delivery.UNKNOWN,
        status_code=response.status_code,
        headers=response.headers,
        body=response.content,
    )
    unreadable.attempts = response.extensions["attempts"]
    raise unreadable from failure
