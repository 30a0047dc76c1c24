"""The sandbox as a server: its life, its settings and its limits."""

import re
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import trustme

from sandbox_calls import call, refusal, result, send, send_file
from yandex_market_chats.sandbox import API_KEY, Request, Sandbox

_IMPATIENT = httpx.Timeout(2, read=0.02)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox with the default settings."""
    with Sandbox() as sandbox:
        yield sandbox


def test_every_answer_has_a_date_and_its_own_trace_id_and_closes_the_connection(sandbox: Sandbox) -> None:
    """Clients measure waits by `Date` and quote the trace id, and the vendor does not support keep-alive."""
    answers = [
        send(sandbox),
        send(sandbox, 404),
        send(sandbox, 5031),
        httpx.get(sandbox.base_url, trust_env=False),
    ]
    trace_ids = {answer.headers["traceparent"] for answer in answers}
    assert len(trace_ids) == 4
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace_id) for trace_id in trace_ids)
    assert all("Date" in answer.headers for answer in answers)
    assert {answer.headers["Connection"] for answer in answers} == {"close"}


def test_business_and_token_can_be_set() -> None:
    """A program under test may have its own settings."""
    with Sandbox(business_id=7, token="ACMA:other") as sandbox:
        assert (sandbox.business_id, sandbox.token) == (7, "ACMA:other")
        assert send(sandbox).status_code == 200
        assert send(sandbox, headers={"Api-Key": API_KEY}).status_code == 401


def test_dates_follow_the_clock() -> None:
    """Recorded answers must be the same every time."""
    with Sandbox(clock=lambda: 1_795_352_400.9) as sandbox:
        assert send(sandbox).headers["Date"] == "Sun, 22 Nov 2026 13:00:00 GMT"


def test_https_is_served_with_a_context() -> None:
    """Failures of TLS are reproduced with a certificate of a test's own authority."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with Sandbox(ssl_context=context) as sandbox, httpx.Client(verify=trust, trust_env=False) as client:
        assert sandbox.base_url.startswith("https://127.0.0.1:")
        assert client.get(sandbox.base_url).status_code == 404


def test_port_in_use_is_an_os_error(sandbox: Sandbox) -> None:
    """A sandbox that cannot serve says so at the start, and leaves no thread behind."""
    port = int(sandbox.base_url.rpartition(":")[2])
    threads = threading.active_count()
    with pytest.raises(OSError, match="address already in use"), Sandbox(port=port):
        pass
    assert threading.active_count() == threads


def test_wait_ends_when_the_sandbox_closes() -> None:
    """A program that waits for the sandbox goes on after each `with` block, and not before."""
    sandbox = Sandbox()
    for _ in range(2):
        waiting = threading.Thread(target=sandbox.wait, daemon=True)
        with sandbox:
            waiting.start()
            waiting.join(timeout=0.05)
            assert waiting.is_alive()
        waiting.join(timeout=2)
        assert not waiting.is_alive()


def test_wait_can_be_interrupted_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait without a timeout would ignore Ctrl-C there."""
    waits: list[float] = []

    def wait(timeout: float) -> bool:
        waits.append(timeout)
        return len(waits) == 3

    sandbox = Sandbox()
    monkeypatch.setattr(sandbox._closed, "wait", wait)
    sandbox.wait()
    assert len(waits) == 3
    assert max(waits) <= 1


def test_each_request_is_reported_with_its_status() -> None:
    """The command line prints a line for each request, refused and unanswered ones included."""
    requests: list[Request] = []
    with Sandbox(on_request=requests.append) as sandbox:
        send(sandbox)
        call(sandbox, "getChat")
        with pytest.raises(httpx.RemoteProtocolError):
            send(sandbox, 9001)
        assert sandbox.requests == 3
    assert [str(request) for request in requests] == [
        "POST /v2/businesses/123456/chats/message?chatId=42 200",
        "GET /v2/businesses/123456/chat 400",
        "POST /v2/businesses/123456/chats/message?chatId=9001 no answer",
    ]


@pytest.mark.parametrize(
    ("operation", "limit"), [("getChats", "5000"), ("getChatHistory", "10000"), ("createChat", "1000")]
)
def test_each_operation_has_the_hourly_limit_of_the_vendor(
    sandbox: Sandbox, operation: str, limit: str
) -> None:
    """A client keeps one budget for each method and path."""
    send(sandbox)
    headers = call(sandbox, operation).headers
    assert headers["X-RateLimit-Resource-Limit"] == limit
    assert int(headers["X-RateLimit-Resource-Remaining"]) == int(limit) - 1


def test_server_errors_do_not_count_against_the_hourly_limit(sandbox: Sandbox) -> None:
    """The vendor counts 2xx and 4xx answers."""
    answers = [send(sandbox, chat_id) for chat_id in (42, 404, 500, 42)]
    remaining = [answer.headers["X-RateLimit-Resource-Remaining"] for answer in answers]
    assert remaining == ["999", "998", "998", "997"]


def test_exhausted_hourly_limit_is_420_until_the_hour_ends() -> None:
    """The other operations go on, and in the next hour of the clock the limit is full again."""
    now = 1_795_352_400.0
    with Sandbox(hourly_limit=1, clock=lambda: now) as sandbox:
        assert send(sandbox).status_code == 200
        answer = send(sandbox)
        resource = "businesses/{businessId}/chats/message"
        message = (
            f"Hit rate limit of '1' requests per '1 hour' for resource '{resource}' for businessId 123456"
        )
        assert refusal(answer) == (420, message)
        assert answer.json()["errors"][0]["code"] == "example"
        assert answer.headers["X-RateLimit-Resource-Remaining"] == "0"
        assert answer.headers["X-RateLimit-Resource-Until"] == "Sun, 22 Nov 2026 14:00:00 GMT"
        assert result(call(sandbox, "getChats"))
        assert len(sandbox.messages) == 1
        now += 3600
        assert send(sandbox).status_code == 200


def test_fifth_request_at_a_time_is_420() -> None:
    """All operations share the slots of the business; closing the sandbox waits for none of them."""
    arrived = threading.Semaphore(0)
    with ThreadPoolExecutor() as pool, Sandbox(latency=20, on_request=lambda _: arrived.release()) as sandbox:
        calls = [pool.submit(send, sandbox) for _ in range(3)] + [pool.submit(call, sandbox, "getChats")]
        assert all(arrived.acquire(timeout=5) for _ in calls)
        assert refusal(send(sandbox)) == (
            420,
            "Hit rate limit of '4' parallel requests for businessId 123456",
        )
        assert len(sandbox.messages) == 3
    assert {type(call.exception()) for call in calls} == {httpx.RemoteProtocolError}


def test_slot_is_free_once_the_answer_has_arrived() -> None:
    """A client with one slot can send one message after the other."""
    with Sandbox(parallel_limit=1) as sandbox:
        assert {send(sandbox).status_code for _ in range(50)} == {200}


def test_client_that_disconnects_releases_its_slot() -> None:
    """A timeout of the client must not block the slot for the rest of the delay."""
    with Sandbox(parallel_limit=1) as sandbox:
        with pytest.raises(httpx.ReadTimeout):
            send(sandbox, 9003, timeout=_IMPATIENT)
        assert any(send(sandbox).status_code == 200 for _ in range(1000))


def test_latency_delays_what_is_accepted_only() -> None:
    """A refusal is immediate, as it is with the vendor."""
    with Sandbox(latency=20) as sandbox:
        assert send(sandbox, 404, timeout=2).status_code == 404
        with pytest.raises(httpx.ReadTimeout):
            send(sandbox, timeout=_IMPATIENT)


def test_reset_forgets_everything(sandbox: Sandbox) -> None:
    """A test that shares its sandbox with others can start over."""
    send(sandbox)
    send_file(sandbox, b"receipt")
    sandbox.answer(43, "500")
    sandbox.reset()
    assert (sandbox.messages, sandbox.files, sandbox.requests) == ((), (), 0)
    assert result(call(sandbox, "getChats"))["chats"] == []
    assert send(sandbox, 43).headers["X-RateLimit-Resource-Remaining"] == "999"
