"""Views of a client: what they change and share; and the generated client below."""

import gc
import weakref
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from mock_api import PARALLEL, TEXT, Api, Kind, answer, done, every_client, run_sync, settings, use
from yandex_market_chats import (
    AsyncMarketChats,
    Attempt,
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    MarketChats,
    RateLimitError,
    RetryPolicy,
    SentMessage,
)
from yandex_market_chats_generated.api.chats import send_message_to_chat
from yandex_market_chats_generated.models import SendMessageToChatRequest

MESSAGE: dict[str, Any] = {"chat_id": 42, "message": TEXT}
ARGUMENTS: dict[str, Any] = {"business_id": 1, "chat_id": 42, "body": SendMessageToChatRequest(TEXT)}


class Transport(httpx.MockTransport):
    """A transport that counts how often it is closed."""

    closed = 0

    def close(self) -> None:
        """Count."""
        self.closed += 1

    async def aclose(self) -> None:
        """Count."""
        self.closed += 1


class Unclosable(httpx.MockTransport):
    """A transport that fails to close."""

    def close(self) -> None:
        """Fail."""
        raise OSError("cannot close")

    async def aclose(self) -> None:
        """Fail."""
        raise OSError("cannot close")


# What a view changes.


@pytest.mark.parametrize(
    ("options", "read", "attempts"),
    [({}, 8, 2), ({"timeout": 3}, 3, 2), ({"retries": RetryPolicy(max_attempts=3, backoff=0)}, 8, 3)],
    ids=["nothing", "timeout", "retries"],
)
def test_a_view_changes_only_what_it_names(options: dict[str, Any], read: float, attempts: int) -> None:
    """A view shares everything else with the client, and so does a view of a view."""
    api, reported = Api(*(answer(420, PARALLEL) for _ in range(attempts))), list[Attempt]()
    with pytest.raises(RateLimitError) as caught:
        use(
            "sync",
            lambda chats: chats.with_options(**options).with_options().send_message(**MESSAGE),
            api,
            business_id=7,
            timeout=8,
            retries=RetryPolicy(max_attempts=2, backoff=0),
            on_attempt=reported.append,
        )
    assert caught.value.attempts == attempts == len(reported)
    assert api.requests[0].extensions["timeout"]["read"] == read
    assert api.requests[0].url.path == "/v2/businesses/7/chats/message"


def test_a_view_leaves_its_client_unchanged() -> None:
    """The client retries, and has the timeouts, as before."""
    api = Api(answer(420, PARALLEL), answer())

    def action(chats: MarketChats) -> SentMessage:
        assert chats.with_options(timeout=3, retries=RetryPolicy.disabled()) is not chats
        return chats.send_message(**MESSAGE)

    assert use("sync", action, api, timeout=8).attempts == 2
    assert [request.extensions["timeout"]["read"] for request in api.requests] == [8, 8]


@pytest.mark.parametrize(("option", "value"), [("retries", False), ("timeout", -1), ("settle_unknown", 1)])
def test_a_view_rejects_invalid_options(option: str, value: Any) -> None:
    """The options of a view are checked like the settings of a client."""
    with pytest.raises(ConfigurationError, match=f"^{option} must be "):
        MarketChats(**settings(Api())).with_options(**{option: value})


# What a view shares.


@every_client
def test_views_share_the_slots_of_their_client(kind: Kind) -> None:
    """A call that finds no free slot ends at its deadline; it sent nothing, and frees no slot."""
    views: list[Any] = []

    async def handle() -> httpx.Response:
        for _ in range(2):
            with pytest.raises(
                ConnectionFailedError, match=r"^The deadline passed before the first"
            ) as caught:
                await done(views[0].send_message(**MESSAGE))
            assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)
        return answer()

    def action(chats: Any) -> Any:
        views.append(chats.with_options(retries=RetryPolicy(deadline=0.01)))
        return chats.send_message(**MESSAGE)

    def handler(_request: httpx.Request) -> Any:
        return run_sync(handle()) if kind == "sync" else handle()

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

    async def action(chats: Any) -> None:
        await done(chats.with_options(timeout=3).send_message(**MESSAGE))
        await done(chats.send_message(**MESSAGE))

    with pytest.raises(RateLimitError, match=r"^Hourly limit exceeded: try again after") as caught:
        use(kind, action, api)
    assert (caught.value.status_code, caught.value.attempts, len(api.requests)) == (420, 0, 1)
    assert caught.value.until is not None


@every_client
def test_closing_a_client_closes_its_views_and_its_transport(kind: Kind) -> None:
    """A closed client refuses to send; closing it twice must not break the user's transport."""
    api = Api()
    transport = Transport(api)

    async def action(chats: Any) -> None:
        view = chats.with_options(timeout=3)
        await done(chats.close() if kind == "sync" else chats.aclose())
        for closed in (chats, view, chats.with_options()):
            with pytest.raises(ConfigurationError, match=r"^This client has been closed\.") as caught:
                await done(closed.send_message(**MESSAGE))
            assert (caught.value.attempts, caught.value.delivery) == (0, Delivery.NOT_SENT)

    use(kind, action, api, transport=transport)
    assert (transport.closed, api.requests) == (1, [])


@every_client
def test_a_client_is_closed_even_if_its_transport_fails_to_close(kind: Kind) -> None:
    """A program that goes on after the error must not send through a transport that is half closed."""

    async def action(chats: Any) -> None:
        with pytest.raises(OSError, match="cannot close"):
            await done(chats.close() if kind == "sync" else chats.aclose())
        with pytest.raises(ConfigurationError, match="closed"):
            await done(chats.send_message(**MESSAGE))

    use(kind, action, Api(), transport=Unclosable(Api()))


def test_a_client_that_is_dropped_is_freed_at_once() -> None:
    """A cycle of references would keep its transport until the garbage collector runs."""
    chats = MarketChats(**settings(Api()))
    dropped = weakref.ref(chats)
    gc.disable()
    try:
        del chats
        assert dropped() is None
    finally:
        gc.enable()


@every_client
def test_closing_a_view_closes_nothing(kind: Kind) -> None:
    """A function may open and close a view of a client that others still use."""
    transport = Transport(Api(answer()))

    async def action(chats: Any) -> SentMessage:
        if kind == "sync":
            with chats.with_options(timeout=3):
                pass
        else:
            async with chats.with_options(timeout=3):
                pass
        assert transport.closed == 0
        sent: SentMessage = await done(chats.send_message(**MESSAGE))
        return sent

    assert use(kind, action, Api(), transport=transport).attempts == 1


def test_a_with_block_binds_the_client_itself() -> None:
    """`with MarketChats() as chats` must not bind a copy."""
    chats = MarketChats(**settings(Api()))
    with chats as bound:
        assert bound is chats


# The generated client.


@every_client
def test_the_generated_client_of_a_view_has_the_settings_of_the_view(kind: Kind) -> None:
    """A generated function that is passed `view.client` sends like the view."""
    api = Api(answer())
    function = send_message_to_chat.sync if kind == "sync" else send_message_to_chat.asyncio
    use(kind, lambda chats: function(client=chats.with_options(timeout=3).client, **ARGUMENTS), api)
    assert api.requests[0].extensions["timeout"]["read"] == 3


@pytest.mark.anyio
async def test_generated_functions_of_the_other_kind_are_refused() -> None:
    """The generated client would create an httpx client without credentials, retries and errors for them."""
    expected = r"^Use MarketChats with the sync functions and AsyncMarketChats with the async ones"
    with MarketChats(**settings(Api())) as chats, pytest.raises(ConfigurationError, match=expected):
        await send_message_to_chat.asyncio_detailed(client=chats.client, **ARGUMENTS)
    async with AsyncMarketChats(**settings(Api())) as async_chats:
        with pytest.raises(ConfigurationError, match=expected):
            send_message_to_chat.sync_detailed(client=async_chats.client, **ARGUMENTS)


CHANGES: list[Callable[[Any], Any]] = [
    lambda client: client.with_headers({"X-Extra": "1"}),
    lambda client: client.with_cookies({"extra": "1"}),
    lambda client: client.with_timeout(httpx.Timeout(1)),
]


@every_client
def test_a_changed_copy_of_the_generated_client_is_refused(kind: Kind) -> None:
    """The copy would send without credentials, retries and errors."""
    function = send_message_to_chat.sync if kind == "sync" else send_message_to_chat.asyncio

    async def action(chats: Any) -> None:
        for change in CHANGES:
            with pytest.raises(ConfigurationError, match=r"to change settings, use with_options\.$"):
                await done(function(client=change(chats.client), **ARGUMENTS))

    use(kind, action, Api())


@every_client
def test_a_changed_copy_of_the_generated_client_leaves_the_original_alone(kind: Kind) -> None:
    """A header that is meant for one call must not be sent with all calls."""
    api = Api(answer())

    def action(chats: Any) -> Any:
        for change in CHANGES:
            change(chats.client)
        return chats.send_message(**MESSAGE)

    use(kind, action, api, timeout=5)
    headers = api.requests[0].headers
    assert (headers.get("X-Extra"), headers.get("Cookie")) == (None, None)
    assert api.requests[0].extensions["timeout"]["read"] == 5
