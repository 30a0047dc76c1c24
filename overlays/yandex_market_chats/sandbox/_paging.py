"""Pages of a list and the tokens that lead to them."""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from typing import TypeVar

from yandex_market_chats.sandbox._replies import refusal

T = TypeVar("T")


def page(items: Mapping[int, T], token: str | None, limit: int) -> tuple[list[T], dict[str, str]]:
    """Return the items of a page and the field `paging`.

    Args:
        items: All items by their ids, in order.
        token: The token that the previous page returned; `None` for the first page.
        limit: The largest number of items in a page, the same for all pages.

    Raises:
        RefusedError: With 400 if the token does not come from a page of these items with this limit.
    """
    tokens = [_token(item_id, limit) for item_id in items]
    if token is not None and token not in tokens:
        raise refusal(400, "Bad page token")
    start = 0 if token is None else tokens.index(token) + 1
    end = start + limit
    paging = {"nextPageToken": tokens[end - 1]} if end < len(items) else {}
    return list(items.values())[start:end], paging


def _token(item_id: int, limit: int) -> str:
    return urlsafe_b64encode(f"{limit} after {item_id}".encode()).decode()
