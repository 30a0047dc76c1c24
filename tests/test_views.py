"""Views of a client, what they share, the generated client, and closing."""

from collections.abc import Callable
from functools import partial
from typing import Any

import anyio
import httpx
import pytest

from mock_api import TEXT, Api, Kind, answer, envelope, every_client, settings, use
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

MESSAGE: dict[str, Any] = {"chat_id": 42, "message": TEXT}
ARGUMENTS: dict[str, Any] = {"business_id": 1, "chat_id": 42, "body": SendMessageToChatRequest(TEXT)}
PARALLEL = envelope("Hit rate limit of 4 parallel requests for businessId 12345")


class Transport(httpx.MockTransport):
    """A transport that counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


def send(kind: Kind, chats: Any) -> None:
    """Send a message from a client that lives on after it."""
    if kind == "sync":
        chats.send_message(**MESSAGE)
    else:
        anyio.run(partial(chats.send_message, **MESSAGE), backend=kind)


@every_client
@pytest.mark.parametrize(
    ("options", "read", "attempts"),
    [({}, 8, 2), ({"timeout": 3}, 3, 2), ({"retries": RetryPolicy(max_attempts=3, backoff=0)}, 8, 3)],
    ids=["nothing", "timeout", "retries"],
)
def test_a_view_changes_only_what_it_names(
    kind: Kind, options: dict[str, Any], read: float, attempts: int
) -> None:
    """Everything else is that of the client, also in a view of the view."""
    api = Api(*(answer(420, PARALLEL) for _ in range(attempts)))
    with pytest.raises(RateLimitError) as caught:
        use(
            kind,
            lambda chats: chats.with_options(**options).with_options().send_message(**MESSAGE),
            api,
            business_id=7,
            timeout=8,
            retries=RetryPolicy(max_attempts=2, backoff=0),
        )
    assert caught.value.attempts == attempts
    assert api.requests[0].extensions["timeout"]["read"] == read
    assert api.requests[0].url.path == "/v2/businesses/7/chats/message"


@every_client
def test_a_view_leaves_its_client_unchanged(kind: Kind) -> None:
    """The client retries and waits as before."""
    api = Api(answer(420, PARALLEL), answer())

    def action(chats: Any) -> Any:
        assert chats.with_options(timeout=3, retries=RetryPolicy.disabled()) is not chats
        return chats.send_message(**MESSAGE)

    assert use(kind, action, api, timeout=8).attempts == 2
    assert [request.extensions["timeout"]["read"] for request in api.requests] == [8, 8]


@every_client
def test_the_generated_client_of_a_view_has_the_settings_of_the_view(kind: Kind) -> None:
    """A generated function that is passed `view.client` sends like the view."""
    api = Api(answer())
    function = send_message_to_chat.sync if kind == "sync" else send_message_to_chat.asyncio
    use(kind, lambda chats: function(client=chats.with_options(timeout=3).client, **ARGUMENTS), api)
    assert api.requests[0].extensions["timeout"]["read"] == 3


@every_client
def test_views_share_the_slots_of_their_client(kind: Kind) -> None:
    """A call that finds no free slot ends at its deadline, and nothing was sent."""
    views: list[Any] = []

    def refused() -> Any:
        expected = (
            r"^The deadline passed before the first attempt could start\. Send fewer requests at once, or"
        )
        return pytest.raises(ConnectionFailedError, match=expected)

    def handler(_request: httpx.Request) -> Any:
        call = views[0].send_message
        if kind != "sync":
            return handle_async(call)
        with refused() as caught:
            call(**MESSAGE)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
        return answer()

    async def handle_async(call: Callable[..., Any]) -> httpx.Response:
        with refused() as caught:
            await call(**MESSAGE)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
        return answer()

    def action(chats: Any) -> Any:
        views.append(chats.with_options(retries=RetryPolicy(deadline=0.01)))
        return chats.send_message(**MESSAGE)

    assert use(kind, action, handler, max_parallel=1).attempts == 1


@every_client
def test_views_share_the_hour_of_their_client(kind: Kind) -> None:
    """Once nothing remains, a call is refused without a request, as the API would refuse it."""
    used_up: dict[str, Any] = {
        "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
        "X_RateLimit_Resource_Until": "Sun, 22 Nov 2026 12:59:00 GMT",
        "X_RateLimit_Resource_Remaining": "0",
    }
    api = Api(answer(**used_up))

    def action(chats: Any) -> Any:
        sent = chats.with_options(timeout=3).send_message(**MESSAGE)
        if kind == "sync":
            return chats.send_message(**MESSAGE)
        return then(sent, chats)

    async def then(sent: Any, chats: Any) -> Any:
        await sent
        await chats.send_message(**MESSAGE)

    with pytest.raises(RateLimitError, match=r"^Hourly limit exceeded: try again after") as caught:
        use(kind, action, api)
    assert (caught.value.status_code, caught.value.attempts, len(api.requests)) == (420, 0, 1)
    assert caught.value.until is not None


@pytest.mark.anyio
async def test_generated_functions_of_the_other_kind_are_refused() -> None:
    """The generated client would create an httpx client without credentials, retries and errors for them."""
    expected = r"^Use MarketChats with the sync functions and AsyncMarketChats with the async ones"
    with MarketChats(**settings(Api())) as chats, pytest.raises(ConfigurationError, match=expected):
        await send_message_to_chat.asyncio_detailed(client=chats.client, **ARGUMENTS)
    async with AsyncMarketChats(**settings(Api())) as async_chats:
        with pytest.raises(ConfigurationError, match=expected):
            send_message_to_chat.sync_detailed(client=async_chats.client, **ARGUMENTS)


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
def test_a_changed_copy_of_the_generated_client_is_refused(kind: Kind, change: Callable[[Any], Any]) -> None:
    """The copy would send without credentials, retries and errors."""
    function = send_message_to_chat.sync if kind == "sync" else send_message_to_chat.asyncio
    with pytest.raises(ConfigurationError, match=r"to change settings, use with_options\.$"):
        use(kind, lambda chats: function(client=change(chats.client), **ARGUMENTS), Api())


@every_client
def test_closing_a_client_closes_its_views_and_its_transport(kind: Kind) -> None:
    """What is closed refuses to send, and says so."""
    api = Api()
    transport = Transport(api)
    closed: list[Any] = []

    use(kind, lambda chats: closed.extend([chats, chats.with_options(timeout=3)]), api, transport=transport)
    assert transport.closed == 1
    for chats in (*closed, closed[0].with_options()):
        with pytest.raises(ConfigurationError, match=r"^This client has been closed\.") as caught:
            send(kind, chats)
        assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
    assert api.requests == []


@every_client
def test_closing_a_view_closes_nothing(kind: Kind) -> None:
    """A function may open and close a view of a client that others still use."""
    api = Api(answer())
    transport = Transport(api)

    def action(chats: Any) -> Any:
        if kind == "sync":
            with chats.with_options(timeout=3):
                pass
            return chats.send_message(**MESSAGE)
        return close_async(chats)

    async def close_async(chats: Any) -> Any:
        async with chats.with_options(timeout=3):
            pass
        assert transport.closed == 0
        return await chats.send_message(**MESSAGE)

    assert use(kind, action, api, transport=transport).attempts == 1


def test_a_with_block_binds_the_client_itself() -> None:
    """`with MarketChats() as chats` binds what was constructed."""
    chats = MarketChats(**settings(Api()))
    with chats as bound:
        assert bound is chats


@every_client
def test_other_settings_of_the_generated_client_leave_the_original_alone(kind: Kind) -> None:
    """The generator's own `with_headers` changes the live client: a header for one call stays for all."""
    api = Api(answer())

    def action(chats: Any) -> Any:
        chats.client.with_headers({"X-Extra": "1"})
        chats.client.with_cookies({"extra": "1"})
        chats.client.with_timeout(httpx.Timeout(1))
        return chats.send_message(**MESSAGE)

    use(kind, action, api, timeout=5)
    headers = api.requests[0].headers
    assert (headers.get("X-Extra"), headers.get("Cookie")) == (None, None)
    assert api.requests[0].extensions["timeout"]["read"] == 5


@every_client
def test_no_cookie_is_kept(kind: Kind) -> None:
    """The API has no sessions: a gateway's cookie must not follow the next message."""
    api = Api(answer(Set_Cookie="session=1"), answer())

    async def twice(chats: Any) -> None:
        await chats.send_message(**MESSAGE)
        await chats.send_message(**MESSAGE)

    def action(chats: Any) -> Any:
        return twice(chats) if kind != "sync" else [chats.send_message(**MESSAGE) for _ in range(2)]

    use(kind, action, api)
    assert "Cookie" not in api.requests[1].headers
