"""The generated operations through the clients: retried, limited, parsed, and typed."""

import io
from typing import Any, BinaryIO, cast

import httpx
import pytest

from mock_api import PARALLEL, TEXT, Api, Kind, answer, every_client, use
from yandex_market_chats import (
    ConnectionLostError,
    Delivery,
    InvalidRequestError,
    MarketChats,
    RetryPolicy,
    UnexpectedAnswerError,
)
from yandex_market_chats._operations import parse_result
from yandex_market_chats.sandbox import Sandbox
from yandex_market_chats_generated.models import (
    ChatContext,
    ChatContextIdentifiableType,
    ChatMessageSenderType,
)
from yandex_market_chats_generated.types import UNSET, File

CREATED = b'{"status": "OK", "result": {"chatId": 7}}'
PAGES = (
    b'{"status": "OK", "result": {"chats": [], "paging": {"nextPageToken": "2"}}}',
    b'{"status": "OK", "result": {"chats": [], "paging": {}}}',
)
ORDER = ChatContext(type_=ChatContextIdentifiableType.ORDER, id=555)


def test_an_order_leads_to_the_buyers_answer(market_sandbox: Sandbox, market_chats: MarketChats) -> None:
    """Sellers hold order ids: the chat, the message and the answer are found from there."""
    chat = market_chats.create_chat(context=ORDER)
    market_chats.send_message(chat_id=chat.chat_id, message=TEXT)
    market_sandbox.say(chat.chat_id, "Спасибо")
    history = market_chats.get_chat_history(chat_id=chat.chat_id)
    assert [(message.sender, message.message) for message in history.messages] == [
        (ChatMessageSenderType.PARTNER, TEXT),
        (ChatMessageSenderType.CUSTOMER, "Спасибо"),
    ]


@every_client
def test_a_lost_answer_of_a_repeatable_operation_is_retried(kind: Kind) -> None:
    """`createChat` returns the chat that exists already, so calling it twice does no harm."""
    api = Api(httpx.ReadTimeout("late"), answer(502, b"<html>"), answer(200, CREATED))
    created = use(kind, lambda chats: chats.create_chat(context=ORDER), api)
    assert (created.chat_id, len(api.requests)) == (7, 3)


@every_client
def test_a_repeatable_operation_that_fails_sent_nothing(kind: Kind) -> None:
    """The error of a read must not make anyone look for a message that was never written."""
    api = Api(*[httpx.ReadTimeout("late")] * 2)
    with pytest.raises(ConnectionLostError) as caught:
        use(
            kind,
            lambda chats: chats.get_chat(chat_id=42),
            api,
            retries=RetryPolicy(max_attempts=2, backoff=0),
        )
    assert (caught.value.delivery, caught.value.attempts) == (Delivery.NOT_SENT, 2)
    assert "message" not in str(caught.value)


@every_client
def test_a_lost_file_is_not_sent_again(kind: Kind) -> None:
    """Only the contract's mark makes an operation repeatable."""
    api = Api(httpx.ReadTimeout("late"))
    with pytest.raises(ConnectionLostError) as caught:
        use(kind, lambda chats: chats.send_file_to_chat(chat_id=42, file=File(io.BytesIO(b"x"))), api)
    assert (caught.value.delivery, len(api.requests)) == (Delivery.UNKNOWN, 1)


@pytest.mark.parametrize(
    ("method", "arguments", "text"),
    [
        ("create_chat", {"context": {"type": "ORDER", "id": 555}}, "(context: dict; "),
        ("send_file_to_chat", {"chat_id": 42, "file": b"x"}, "(chat_id: int, file: bytes; "),
        ("get_chats", {"statuses": ["NEW"]}, "(statuses: list; 'str' object has no attribute 'value')."),
        ("get_chat_history", {"chat_id": 42, "message_id_from": b"7"}, "(chat_id: int, message_id_from: "),
    ],
)
@every_client
def test_an_argument_of_a_wrong_type_is_rejected_by_name(
    kind: Kind, method: str, arguments: dict[str, Any], text: str
) -> None:
    """The generated models check nothing: without this the caller would get an error from inside them."""
    api = Api()
    with pytest.raises(InvalidRequestError) as caught:
        use(kind, lambda chats: getattr(chats, method)(**arguments), api)
    assert text in str(caught.value)
    assert api.requests == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"status": "OK"}',
        b'{"status": "OK", "result": null}',
        b'{"status": "OK", "result": {"chatId": {}}}',
        b'{"status": "OK", "result": []}',
    ],
)
@every_client
def test_a_result_that_cannot_be_read_raises_at_once(kind: Kind, body: bytes) -> None:
    """A `None` instead of a result would fail somewhere else; another attempt would return the same."""
    api = Api(answer(200, body))
    with pytest.raises(UnexpectedAnswerError) as caught:
        use(kind, lambda chats: chats.get_chat(chat_id=42), api)
    assert (caught.value.delivery, caught.value.attempts, caught.value.body) == (Delivery.NOT_SENT, 1, body)


def test_an_unreadable_result_of_an_operation_that_sends_is_unknown() -> None:
    """The API says OK but not what it did, so the caller must check the chat."""
    request = httpx.Request("POST", "https://api.example.test")
    response = httpx.Response(200, request=request, extensions={"attempts": 1})
    with pytest.raises(UnexpectedAnswerError, match="check the chat before sending it again") as caught:
        parse_result(response, lambda _: UNSET)
    assert caught.value.delivery is Delivery.UNKNOWN


def pages_of(kind: Kind, api: Api) -> list[Any]:
    """Return all pages of the list of chats."""

    async def collect(chats: Any) -> list[Any]:
        return [page async for page in chats.pages(chats.get_chats, limit=5)]

    pages: list[Any] = use(
        kind,
        lambda chats: list(chats.pages(chats.get_chats, limit=5)) if kind == "sync" else collect(chats),
        api,
    )
    return pages


@every_client
def test_pages_follow_the_token_with_the_same_arguments(kind: Kind) -> None:
    """The vendor asks for the same `limit` on every page."""
    api = Api(*(answer(200, page) for page in PAGES))
    assert len(pages_of(kind, api)) == 2
    assert [dict(request.url.params) for request in api.requests] == [
        {"limit": "5"},
        {"limit": "5", "pageToken": "2"},
    ]


@every_client
def test_an_empty_page_token_ends_the_pages(kind: Kind) -> None:
    """Some servers write an empty token on the last page."""
    api = Api(answer(200, PAGES[1].replace(b"{}", b'{"nextPageToken": ""}')))
    assert len(pages_of(kind, api)) == 1


class Pipe(io.RawIOBase):
    """A stream that can be read once, as from a pipe."""

    left = b"%PDF-1.7"

    def read(self, _size: int = -1) -> bytes:
        """Return what is left."""
        left, self.left = self.left, b""
        return left


def test_a_retry_sends_the_whole_file_again() -> None:
    """After 420 the stream has been read: an empty file would count as sent."""
    api = Api(answer(420, PARALLEL), answer())
    use(
        "sync",
        lambda chats: chats.send_file_to_chat(
            chat_id=42, file=File(cast("BinaryIO", Pipe()), file_name="a.pdf")
        ),
        api,
    )
    first, second = api.requests
    assert first.content == second.content
    assert b"%PDF-1.7" in first.content
