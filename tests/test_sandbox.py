"""The sandbox, seen from the wire: what a client without the SDK gets from it."""

import importlib
import re
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
import trustme

from yandex_market_chats.sandbox import (
    API_KEY_WITHOUT_ACCESS,
    CHATS,
    EXPIRED_OAUTH,
    OAUTH,
    REVOKED_API_KEY,
    TOKENS,
    Message,
    Request,
    Sandbox,
)

_TEXT = "Заказ уже в пути"
_PARALLEL = "Hit rate limit of '4' parallel requests for businessId 123456"
_HOURLY = (
    "Hit rate limit of '1000' requests per '1 hour' for resource 'businesses/{businessId}/chats/message' "
    "for businessId 123456"
)
_LARGEST_ID = 2**63 - 1
_IMPATIENT = httpx.Timeout(2, read=0.02)
_JSON = {"Content-Type": "application/json"}

Post = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def client() -> Iterator[httpx.Client]:
    """Give one plain client to all tests: making one takes longer than a request."""
    with httpx.Client(trust_env=False) as client:
        yield client


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox with the default settings."""
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def post(client: httpx.Client) -> Post:
    """Give a function that posts a right request but for what its caller changes."""

    def post(sandbox: Sandbox, chat_id: object = 42, **changes: Any) -> httpx.Response:
        business_id = changes.pop("business_id", sandbox.business_id)
        request: dict[str, Any] = {
            "headers": {"Api-Key": sandbox.token},
            "params": {"chatId": chat_id},
            "json": {"message": _TEXT},
            **changes,
        }
        return client.post(f"{sandbox.base_url}/v2/businesses/{business_id}/chats/message", **request)

    return post


def error_of(response: httpx.Response) -> str:
    """Read the message of the only error out of the envelope."""
    envelope = response.json()
    assert envelope["status"] == "ERROR"
    (error,) = envelope["errors"]
    assert error["code"] == ("example" if response.status_code == 420 else error["code"].upper())
    return str(error["message"])


def eventually(condition: Callable[[], bool]) -> bool:
    """Tell whether the condition comes true within two seconds."""
    deadline = time.monotonic() + 2
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.001)
    return condition()


def test_right_request_is_taken(sandbox: Sandbox, post: Post) -> None:
    """The answer is OK, and the message is what the buyer reads."""
    response = post(sandbox)
    assert (response.status_code, response.json()) == (200, {"status": "OK"})
    assert sandbox.messages == (Message(business_id=123456, chat_id=42, text=_TEXT),)


def test_messages_keep_their_order_and_requests_are_counted(sandbox: Sandbox, post: Post) -> None:
    """Refused requests are counted but leave no message."""
    for chat_id in (3, 404, 1, 2):
        post(sandbox, chat_id)
    assert [message.chat_id for message in sandbox.messages] == [3, 1, 2]
    assert sandbox.requests == 4


def test_connection_closes_after_each_answer(sandbox: Sandbox, post: Post) -> None:
    """Keep-alive is not supported, for refusals neither."""
    for chat_id in (42, 404):
        assert post(sandbox, chat_id).headers["Connection"] == "close"


def test_every_answer_has_its_own_trace_id(sandbox: Sandbox, post: Post) -> None:
    """The vendor's support asks for the id in the W3C header, on refusals and on a gateway's pages too."""
    trace_ids = {post(sandbox, chat_id).headers["traceparent"] for chat_id in (42, 404, 5031)}
    assert len(trace_ids) == 3
    assert all(re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", trace_id) for trace_id in trace_ids)


def test_settings_change_the_business_and_the_token(post: Post) -> None:
    """A sandbox serves the business and the token that it was given."""
    with Sandbox(business_id=7, token="ACMA:other") as sandbox:
        assert (sandbox.business_id, sandbox.token) == (7, "ACMA:other")
        assert post(sandbox).status_code == 200
        assert post(sandbox, headers={"Api-Key": next(iter(TOKENS))}).status_code == 401


def test_https_is_served_with_a_context() -> None:
    """With an SSL context the sandbox serves HTTPS and says so in its address."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with Sandbox(ssl_context=context) as sandbox, httpx.Client(verify=trust, trust_env=False) as client:
        assert sandbox.base_url.startswith("https://127.0.0.1:")
        assert client.get(sandbox.base_url).status_code == 404


def test_taken_port_is_an_os_error(sandbox: Sandbox) -> None:
    """A port that is in use fails at the start, with no thread left over."""
    port = int(sandbox.base_url.rpartition(":")[2])
    threads = threading.active_count()
    with pytest.raises(OSError, match="address already in use"), Sandbox(port=port):
        pass
    assert threading.active_count() == threads


def test_wait_ends_when_the_sandbox_closes_and_not_before() -> None:
    """A thread that waits for the sandbox goes on once it has closed, each time that it is served."""
    sandbox = Sandbox()
    for _ in range(2):
        waiting = threading.Thread(target=sandbox.wait, daemon=True)
        with sandbox:
            waiting.start()
            waiting.join(timeout=0.05)
            assert waiting.is_alive()
        waiting.join(timeout=2)
        assert not waiting.is_alive()


def test_wait_gives_ctrl_c_a_chance_on_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait without a time-out would hold the interrupt back there for ever."""
    waits: list[float] = []

    def wait(timeout: float) -> bool:
        waits.append(timeout)
        return len(waits) == 3

    sandbox = Sandbox()
    monkeypatch.setattr(sandbox._closed, "wait", wait)
    sandbox.wait()
    assert len(waits) == 3
    assert max(waits) <= 1


def test_without_aiohttp_the_import_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who installed no extra is told which one to install."""
    for name in [name for name in sys.modules if name.startswith("yandex_market_chats.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "aiohttp", None)
    with pytest.raises(ImportError, match=r"pip install 'yandex-market-chats\[sandbox\]'"):
        importlib.import_module("yandex_market_chats.sandbox")


def test_each_request_is_reported_with_its_status(post: Post) -> None:
    """The command line prints a line for each request, refused and unanswered ones included."""
    requests: list[Request] = []
    with Sandbox(on_request=requests.append) as sandbox:
        post(sandbox)
        post(sandbox, 404)
        with pytest.raises(httpx.RemoteProtocolError):
            post(sandbox, 9001)
    assert [str(request) for request in requests] == [
        "POST /v2/businesses/123456/chats/message?chatId=42 200",
        "POST /v2/businesses/123456/chats/message?chatId=404 404",
        "POST /v2/businesses/123456/chats/message?chatId=9001 no answer",
    ]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer"])
def test_oauth_token_works(sandbox: Sandbox, post: Post, scheme: str) -> None:
    """An OAuth token is as good as an Api-Key."""
    assert post(sandbox, headers={"Authorization": f"{scheme} {OAUTH}"}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status", "message"),
    [
        ({}, 401, "Credentials are not specified"),
        ({"Authorization": f"Basic {OAUTH}"}, 401, "Credentials are not specified"),
        ({"Authorization": "Bearer other"}, 403, "OAuth token is invalid"),
        ({"Authorization": f"Bearer {EXPIRED_OAUTH}"}, 403, "OAuth token is invalid"),
        ({"Api-Key": "other"}, 401, "Api-Key token is invalid"),
        ({"Api-Key": REVOKED_API_KEY}, 401, "Api-Key token is revoked"),
        ({"Api-Key": "Bearer other"}, 401, "Api-Key token prefix invalid"),
        (
            {"Api-Key": API_KEY_WITHOUT_ACCESS},
            403,
            "Token does not have any of the scopes to access the API method",
        ),
    ],
)
def test_wrong_credentials_are_refused(
    sandbox: Sandbox, post: Post, headers: dict[str, str], status: int, message: str
) -> None:
    """Each way of being nobody is told in the vendor's words."""
    response = post(sandbox, headers=headers)
    assert (response.status_code, error_of(response)) == (status, message)
    assert sandbox.messages == ()


def test_other_business_is_denied(sandbox: Sandbox, post: Post) -> None:
    """A token is bound to its cabinet."""
    response = post(sandbox, business_id=654321)
    assert (response.status_code, error_of(response)) == (403, "Access denied")


def test_credentials_are_checked_before_values(sandbox: Sandbox, post: Post) -> None:
    """Who may not ask is not told what is wrong with the question."""
    assert post(sandbox, "x", business_id="x", content=b"", headers={}).status_code == 401


@pytest.mark.parametrize("chat_id", [1, _LARGEST_ID])
def test_chat_id_may_be_any_positive_int64(sandbox: Sandbox, post: Post, chat_id: int) -> None:
    """The smallest and the largest id are good ones."""
    assert post(sandbox, chat_id).status_code == 200


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "'{}' must be greater than or equal to 1 (rejected value: '0')"),
        (str(_LARGEST_ID + 1), f"Type mismatch: '{_LARGEST_ID + 1}'"),
        ("1_0", "Type mismatch: '1_0'"),
        ("٤٢", "Type mismatch: '٤٢'"),
    ],
)
def test_invalid_ids_are_refused(sandbox: Sandbox, post: Post, value: str, message: str) -> None:
    """An id must be an integer from 1 to the largest int64."""
    response = post(sandbox, value)
    assert (response.status_code, error_of(response)) == (400, message.format("chatId"))
    response = post(sandbox, business_id=value)
    assert (response.status_code, error_of(response)) == (400, message.format("businessId"))


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "Required request parameter 'chatId' is not present"),
        ({"chatId": [1, 1]}, "Type mismatch: '1,1'"),
    ],
)
def test_chat_id_must_be_present_once(
    sandbox: Sandbox, post: Post, params: dict[str, list[int]], message: str
) -> None:
    """A request that names no chat or two chats is refused."""
    response = post(sandbox, params=params)
    assert (response.status_code, error_of(response)) == (400, message)


@pytest.mark.parametrize("text", ["x", "x" * 4096, "😀" * 4096])
def test_message_may_have_up_to_4096_characters(sandbox: Sandbox, post: Post, text: str) -> None:
    """Characters are counted, not the bytes or the halves that they take."""
    assert post(sandbox, json={"message": text}).status_code == 200
    assert sandbox.messages[0].text == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "Required request body is missing"),
        (b"{", "JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "JSON: an object is expected"),
        (b"{}", "'message' must not be null (rejected value: null)"),
        (b'{"message": 1}', "Illegal input at 'message'"),
        (rb'{"message": "\ud83d"}', "Illegal input at 'message'"),
        (b'{"message": ""}', "'message' size must be between 1 and 4096 (rejected value: '')"),
        (
            b'{"message": "%s"}' % (b"$" * 4097),
            f"'message' size must be between 1 and 4096 (rejected value: '{'$' * 4097}')",
        ),
        (b'{"message": "x"}'.ljust(512 * 1024 + 1), "The request is too big: the limit is 512 KB"),
        (b'{"message": "x"}'.ljust(1024 * 1024), "The request is too big: the limit is 512 KB"),
    ],
    ids=lambda value: value[:20],
)
def test_wrong_bodies_are_refused(sandbox: Sandbox, post: Post, content: bytes, message: str) -> None:
    """Whatever is not a message of 1 to 4096 characters is refused, in the vendor's words."""
    response = post(sandbox, content=content, headers=_JSON | {"Api-Key": sandbox.token})
    assert (response.status_code, error_of(response)) == (400, message)
    assert sandbox.messages == ()


@pytest.mark.parametrize("content", [b'{"message": "\xff"}', b"[" * 100_000])
def test_what_is_not_json_is_refused(sandbox: Sandbox, post: Post, content: bytes) -> None:
    """Neither another encoding nor endless nesting crashes the sandbox."""
    response = post(sandbox, content=content, headers=_JSON | {"Api-Key": sandbox.token})
    assert response.status_code == 400
    assert error_of(response).startswith("JSON: ")


def test_body_may_have_512_kilobytes(sandbox: Sandbox, post: Post) -> None:
    """The largest body is a good one."""
    content = b'{"message": "x"}'.ljust(512 * 1024)
    assert post(sandbox, content=content, headers=_JSON | {"Api-Key": sandbox.token}).status_code == 200


def test_other_content_type_is_415(sandbox: Sandbox, post: Post) -> None:
    """A form is no JSON."""
    response = post(sandbox, content=b"message=x", headers={"Api-Key": sandbox.token})
    assert (response.status_code, error_of(response)) == (
        415,
        "Content type 'application/octet-stream' not supported",
    )


def test_other_method_is_405_and_tells_the_right_one(sandbox: Sandbox, client: httpx.Client) -> None:
    """The header `Allow` names POST, and nothing was counted as a POST."""
    response = client.get(f"{sandbox.base_url}/v2/businesses/123456/chats/message")
    assert (response.status_code, error_of(response)) == (405, "Request method 'GET' not supported")
    assert (response.headers["Allow"], sandbox.requests) == ("POST", 0)


def test_other_path_is_404(sandbox: Sandbox, client: httpx.Client) -> None:
    """A path of another method of the API is unknown here."""
    response = client.post(f"{sandbox.base_url}/v2/businesses/123456/chats")
    assert (response.status_code, error_of(response)) == (404, "Resource not found")


def test_answers_count_the_limit_down(sandbox: Sandbox, post: Post) -> None:
    """2xx and 4xx answers use the limit up, 5xx ones do not."""
    responses = [post(sandbox, chat_id) for chat_id in (42, 404, 500, 42)]
    remaining = [response.headers["X-RateLimit-Resource-Remaining"] for response in responses]
    assert remaining == ["999", "998", "998", "997"]
    assert {response.headers["X-RateLimit-Resource-Limit"] for response in responses} == {"1000"}


def test_used_up_limit_is_420_until_the_hour_ends(post: Post) -> None:
    """Past the limit no message is taken; in the next hour of the clock it is whole again."""
    now = 1_795_352_400.0
    with Sandbox(hourly_limit=1, clock=lambda: now) as sandbox:
        assert post(sandbox).status_code == 200
        refused = [post(sandbox), post(sandbox)]
        assert [error_of(response) for response in refused] == [_HOURLY.replace("1000", "1")] * 2
        assert {response.status_code for response in refused} == {420}
        assert refused[1].headers["X-RateLimit-Resource-Remaining"] == "0"
        assert refused[1].headers["X-RateLimit-Resource-Until"] == "Sun, 22 Nov 2026 14:00:00 GMT"
        assert len(sandbox.messages) == 1
        now += 3600
        assert post(sandbox).status_code == 200


def test_fifth_request_at_a_time_is_420(post: Post) -> None:
    """Four messages in progress are taken, the fifth is refused; closing does not wait for them."""
    with ThreadPoolExecutor() as pool, Sandbox(latency=20) as sandbox:
        calls = [pool.submit(post, sandbox) for _ in range(4)]
        assert eventually(lambda: len(sandbox.messages) == 4)
        response = post(sandbox)
        assert (response.status_code, error_of(response)) == (420, _PARALLEL)
        assert len(sandbox.messages) == 4
    assert {type(call.exception()) for call in calls} == {httpx.RemoteProtocolError}


def test_client_that_has_its_answer_may_send_the_next_request(post: Post) -> None:
    """The place of a request is free before its answer has left."""
    with Sandbox(parallel_limit=1) as sandbox:
        assert {post(sandbox).status_code for _ in range(50)} == {200}


def test_client_that_left_gives_its_place_back(post: Post) -> None:
    """A timeout of the client does not hold a place for the rest of the delay."""
    with Sandbox(parallel_limit=1) as sandbox:
        with pytest.raises(httpx.ReadTimeout):
            post(sandbox, 9003, timeout=_IMPATIENT)
        assert eventually(lambda: post(sandbox).status_code == 200)


def test_latency_holds_back_taken_messages_only(post: Post) -> None:
    """A refusal comes at once, whatever the latency."""
    with Sandbox(latency=20) as sandbox:
        assert post(sandbox, 404, timeout=2).status_code == 404
        with pytest.raises(httpx.ReadTimeout):
            post(sandbox, timeout=_IMPATIENT)


@pytest.mark.parametrize(
    ("chat_id", "status", "accepted"),
    [
        (302, 302, False),
        (303, 303, True),
        (400, 400, False),
        (401, 401, False),
        (403, 403, False),
        (404, 404, False),
        (405, 405, False),
        (409, 409, False),
        (415, 415, False),
        (420, 420, False),
        (4203, 420, False),
        (423, 423, False),
        (408, 408, False),
        (499, 499, True),
        (500, 500, True),
        (5001, 500, False),
        (5002, 500, True),
        (502, 502, False),
        (5031, 503, True),
        (5032, 503, True),
        (5033, 503, True),
        (504, 504, True),
        (520, 520, True),
        (200, 200, True),
        (2001, 200, True),
        (2002, 200, True),
    ],
)
def test_chat_always_answers_alike(
    sandbox: Sandbox, post: Post, chat_id: int, status: int, *, accepted: bool
) -> None:
    """A chat with one answer gives it each time, and takes the message or not as it says."""
    assert [post(sandbox, chat_id).status_code for _ in range(3)] == [status] * 3
    assert len(sandbox.messages) == 3 * accepted
    assert CHATS[chat_id].startswith(str(status))
    assert ("the message was accepted" in CHATS[chat_id]) == accepted


@pytest.mark.parametrize(
    ("chat_id", "statuses"),
    [(4201, [420, 420, 200]), (4202, [420, 200]), (429, [429, 200]), (503, [503, 200])],
)
def test_chat_that_refuses_first_repeats_its_rehearsal(
    sandbox: Sandbox, post: Post, chat_id: int, statuses: list[int]
) -> None:
    """After its OK the chat starts over, and only the OK took a message."""
    assert [post(sandbox, chat_id).status_code for _ in statuses * 2] == statuses * 2
    assert len(sandbox.messages) == 2


@pytest.mark.parametrize(("chat_id", "message", "seconds"), [(4202, _HOURLY, 2), (4203, _HOURLY, 3600)])
def test_chat_tells_when_the_hourly_limit_ends(
    sandbox: Sandbox, post: Post, chat_id: int, message: str, seconds: int
) -> None:
    """`Until` lies as far ahead of the answer's own `Date` as the chat says."""
    response = post(sandbox, chat_id)
    until, date = (
        parsedate_to_datetime(response.headers[name]) for name in ("X-RateLimit-Resource-Until", "Date")
    )
    assert (error_of(response), (until - date).total_seconds()) == (message, seconds)
    assert response.headers["X-RateLimit-Resource-Remaining"] == "0"


def test_chat_420_names_the_parallel_limit(sandbox: Sandbox, post: Post) -> None:
    """The refusal tells the limit and the business."""
    assert error_of(post(sandbox, 420)) == _PARALLEL


@pytest.mark.parametrize("chat_id", [429, 503])
def test_chat_asks_for_a_second_of_patience(sandbox: Sandbox, post: Post, chat_id: int) -> None:
    """The refusal carries `Retry-After`."""
    assert post(sandbox, chat_id).headers["Retry-After"] == "1"


@pytest.mark.parametrize("chat_id", [2001, 408, 5002, 502, 5031, 5033, 504])
def test_chat_answers_with_html(sandbox: Sandbox, post: Post, chat_id: int) -> None:
    """A gateway's page is no envelope."""
    response = post(sandbox, chat_id)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert response.text.startswith("<html>")


@pytest.mark.parametrize(("chat_id", "body"), [(2002, b"{}"), (302, b""), (303, b""), (499, b""), (520, b"")])
def test_chat_answers_with_nothing(sandbox: Sandbox, post: Post, chat_id: int, body: bytes) -> None:
    """An empty answer is empty."""
    assert post(sandbox, chat_id).content == body


def test_chat_200_is_a_success_that_is_none(sandbox: Sandbox, post: Post) -> None:
    """The status code says yes, the envelope says no."""
    assert error_of(post(sandbox, 200)) == "Internal server error"


def test_redirect_leads_nowhere(sandbox: Sandbox, post: Post) -> None:
    """Who follows the redirect finds no resource, and no message was taken."""
    assert post(sandbox, 302, follow_redirects=True).status_code == 404
    assert sandbox.messages == ()


@pytest.mark.parametrize(
    ("chat_id", "failure"),
    [
        (2003, "peer closed connection without sending complete message body"),
        (9001, "Server disconnected without sending a response"),
        (9002, "reset by peer"),
    ],
)
def test_connection_breaks_after_the_message_was_taken(
    sandbox: Sandbox, post: Post, chat_id: int, failure: str
) -> None:
    """The client has no answer, the buyer has the message."""
    with pytest.raises(httpx.TransportError, match=failure):
        post(sandbox, chat_id)
    assert [message.chat_id for message in sandbox.messages] == [chat_id]


def test_slow_chat_takes_the_message_at_once(post: Post) -> None:
    """The buyer has the message while the client still waits."""
    with ThreadPoolExecutor() as pool, Sandbox() as sandbox:
        call = pool.submit(post, sandbox, 9003)
        assert eventually(lambda: [message.chat_id for message in sandbox.messages] == [9003])
        assert not call.done()


def test_slow_chat_answers_in_the_end(post: Post) -> None:
    """A client that is patient enough gets its OK, no earlier than the delay allows."""
    with Sandbox(slow=0.05) as sandbox:
        started = time.monotonic()
        assert post(sandbox, 9003).status_code == 200
        assert time.monotonic() - started >= 0.05


def test_tables_say_one_sentence_for_each_row() -> None:
    """What the command line prints reads as sentences."""
    for sentence in (*CHATS.values(), *TOKENS.values()):
        assert sentence.endswith(".")
        assert "\n" not in sentence
