"""Views of a client, the places that they share, and what closing does."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from calls import PARALLEL
from mock_api import TEXT, Api, Kind, answer, every_client, settings, use
from yandex_market_chats import (
    AsyncMarketChats,
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    MarketChats,
    RateLimitError,
    RetryPolicy,
)
from yandex_market_chats_generated.api.chats import send_message_to_chat
from yandex_market_chats_generated.models import SendMessageToChatRequest

NO_PLACE = r"could begin\. Send less at a time, or set a later deadline\. Nothing was sent"
MESSAGE: dict[str, Any] = {"chat_id": 42, "message": TEXT}


class Transport(httpx.MockTransport):
    """A transport that counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


@every_client
def test_a_view_sends_with_its_own_settings(kind: Kind) -> None:
    """Its time-outs and repeats are other ones, all else is the same."""
    api = Api(answer(420, PARALLEL))
    with pytest.raises(RateLimitError) as caught:
        use(
            kind,
            lambda chats: chats.with_options(timeout=3, retries=RetryPolicy.disabled()).send_message(
                **MESSAGE
            ),
            api,
            business_id=7,
        )
    assert caught.value.attempts == 1
    assert api.requests[0].extensions["timeout"] == dict.fromkeys(("connect", "read", "write", "pool"), 3)
    assert api.requests[0].url.path == "/v2/businesses/7/chats/message"


@every_client
def test_a_view_leaves_its_client_as_it_was(kind: Kind) -> None:
    """The client that it is a view of repeats, and waits as long, as before."""
    api = Api(answer(420, PARALLEL), answer())

    def action(chats: Any) -> Any:
        assert chats.with_options(timeout=3, retries=RetryPolicy.disabled()) is not chats
        return chats.send_message(**MESSAGE)

    assert use(kind, action, api, timeout=8).attempts == 2
    assert [request.extensions["timeout"]["read"] for request in api.requests] == [8, 8]


@every_client
@pytest.mark.parametrize(
    ("options", "read", "attempts"),
    [({}, 8, 2), ({"timeout": 3}, 3, 2), ({"retries": RetryPolicy(max_attempts=3, backoff=0)}, 8, 3)],
    ids=["nothing", "timeout", "retries"],
)
def test_what_a_view_does_not_set_stays(
    kind: Kind, options: dict[str, Any], read: float, attempts: int
) -> None:
    """A view changes only what it is told to, and a view of a view builds on it."""
    api = Api(*(answer(420, PARALLEL) for _ in range(attempts)))
    with pytest.raises(RateLimitError) as caught:
        use(
            kind,
            lambda chats: chats.with_options(**options).with_options().send_message(**MESSAGE),
            api,
            timeout=8,
            retries=RetryPolicy(max_attempts=2, backoff=0),
        )
    assert caught.value.attempts == attempts
    assert api.requests[0].extensions["timeout"]["read"] == read


@every_client
def test_the_generated_client_of_a_view_has_its_settings(kind: Kind) -> None:
    """What goes through `view.client` is sent as the view says."""
    one, other = use(kind, lambda chats: (chats, chats.with_options(timeout=3)), Api())
    assert one.client is not other.client
    assert "https://api.example.test" in repr(other.client)
    assert other._http in {other.client._client, other.client._async_client}
    assert (one._http.timeout, other._http.timeout) == (httpx.Timeout(15, connect=5), httpx.Timeout(3))


@pytest.mark.anyio
async def test_functions_of_the_other_kind_are_refused() -> None:
    """The generated client would make an httpx client for them that has no credentials and raises nothing."""
    arguments: dict[str, Any] = {"chat_id": 42, "body": SendMessageToChatRequest(TEXT)}
    words = r"^MarketChats is for the sync functions and AsyncMarketChats for the async ones"
    with MarketChats(**settings(Api())) as chats, pytest.raises(ConfigurationError, match=words):
        await send_message_to_chat.asyncio_detailed(1, client=chats.client, **arguments)
    async with AsyncMarketChats(**settings(Api())) as async_chats:
        with pytest.raises(ConfigurationError, match=words):
            send_message_to_chat.sync_detailed(1, client=async_chats.client, **arguments)


@every_client
@pytest.mark.parametrize(
    "change",
    [
        lambda client: client.with_headers({"Name": "value"}),
        lambda client: client.with_cookies({"name": "value"}),
        lambda client: client.with_timeout(httpx.Timeout(3)),
    ],
    ids=["headers", "cookies", "timeout"],
)
def test_the_generated_client_does_not_hand_out_one_without_the_stack(
    kind: Kind, change: Callable[[Any], Any]
) -> None:
    """A copy of it would have no credentials and raise nothing."""
    with pytest.raises(ConfigurationError, match=r"other settings come from with_options\. Nothing was sent"):
        use(kind, lambda chats: change(chats.client), Api())


def test_closing_closes_the_connections_once() -> None:
    """Views leave that to their client, however they are closed; after it they are closed as well."""
    transport = Transport(Api(answer(), answer()))
    with MarketChats(**settings(Api(), transport=transport)) as chats:
        view = chats.with_options(timeout=3)
        with view:
            view.send_message(**MESSAGE)
        view.close()
        assert chats.send_message(**MESSAGE).attempts == 1
        assert transport.closed == 0
    chats.close()
    assert transport.closed == 1
    for closed in (chats, view, chats.with_options()):
        with pytest.raises(ConfigurationError, match=r"^This client is closed: make a new one") as caught:
            closed.send_message(**MESSAGE)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)


@pytest.mark.anyio
async def test_closing_closes_the_connections_of_tasks_once() -> None:
    """The same for the async client."""
    transport = Transport(Api(answer(), answer()))
    async with AsyncMarketChats(**settings(Api(), transport=transport)) as chats:
        view = chats.with_options(timeout=3)
        async with view:
            await view.send_message(**MESSAGE)
        await view.aclose()
        assert (await chats.send_message(**MESSAGE)).attempts == 1
        assert transport.closed == 0
    await chats.aclose()
    assert transport.closed == 1
    for closed in (chats, view, chats.with_options()):
        with pytest.raises(ConfigurationError, match=r"^This client is closed: make a new one") as caught:
            await closed.send_message(**MESSAGE)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)


def test_a_block_gives_the_client_itself() -> None:
    """`with MarketChats() as chats` binds what was made."""
    chats = MarketChats(**settings(Api()))
    with chats as bound:
        assert bound is chats


def test_a_call_without_a_place_ends_at_its_deadline() -> None:
    """All places are taken, which those of a view are too, and nothing was tried."""

    def handler(_request: httpx.Request) -> httpx.Response:
        hurried = chats.with_options(retries=RetryPolicy(deadline=0.01))
        with pytest.raises(ConnectionFailedError, match=NO_PLACE) as caught:
            hurried.send_message(**MESSAGE)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
        return answer()

    with MarketChats(**settings(handler), max_parallel=1) as chats:
        assert chats.send_message(**MESSAGE).attempts == 1


@pytest.mark.anyio
async def test_a_call_of_a_task_without_a_place_ends_at_its_deadline() -> None:
    """The same for tasks."""

    async def handler(_request: httpx.Request) -> httpx.Response:
        hurried = chats.with_options(retries=RetryPolicy(deadline=0.01))
        with pytest.raises(ConnectionFailedError, match=NO_PLACE) as caught:
            await hurried.send_message(**MESSAGE)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
        return answer()

    async with AsyncMarketChats(**settings(handler), max_parallel=1) as chats:
        assert (await chats.send_message(**MESSAGE)).attempts == 1
