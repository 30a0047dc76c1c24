"""The outcomes of the sandbox: misbehaving chats and scripts."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from sandbox_calls import TEXT, call, history, refusal, result, send, send_file
from yandex_market_chats.sandbox import CHATS, OUTCOMES, Sandbox


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox that answers at once even where the answer is meant to be slow."""
    with Sandbox(slow=0) as sandbox:
        yield sandbox


def status(sandbox: Sandbox, chat_id: int = 42) -> int | None:
    """Send a message, and return the status of the answer, if one arrives."""
    try:
        return send(sandbox, chat_id).status_code
    except httpx.TransportError:
        return None


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_outcome_is_what_its_summary_says(sandbox: Sandbox, outcome: str) -> None:
    """The summary names the status, if there is one, and says whether the message was accepted."""
    summary = OUTCOMES[outcome]
    sandbox.answer(42, outcome)
    answered = status(sandbox)
    assert summary.endswith(".")
    if answered is None:
        assert summary.startswith(("The connection", "200 whose body breaks off"))
    else:
        assert summary.startswith("OK" if outcome in {"ok", "slow"} else str(answered))
    accepted = "the message was accepted" in summary or outcome == "ok"
    assert len(sandbox.messages) == accepted
    assert accepted == ("accepted" in outcome or outcome[:3] in {"ok", "200", "los", "res", "slo"})


def test_misbehaving_chat_does_what_its_number_and_summary_say(sandbox: Sandbox) -> None:
    """A chat is found by the status that it starts with; 9001 to 9003 are failures of the connection."""
    for chat_id, summary in CHATS.items():
        answered, accepted = status(sandbox, chat_id), bool(sandbox.messages)
        number = {2003: None, 9001: None, 9002: None, 9003: 200}.get(chat_id, int(str(chat_id)[:3]))
        assert (answered, accepted) == (number, "the message was accepted" in summary)
        sandbox.reset()


@pytest.mark.parametrize(
    ("chat_id", "statuses"),
    [(4201, [420, 420, 200]), (4202, [420, 200]), (429, [429, 200]), (503, [503, 200]), (500, [500])],
)
def test_misbehaving_chat_starts_over(sandbox: Sandbox, chat_id: int, statuses: list[int]) -> None:
    """A demonstration can be shown twice without a restart."""
    assert [status(sandbox, chat_id) for _ in statuses * 2] == statuses * 2
    assert len(sandbox.messages) == 2


@pytest.mark.parametrize(("outcome", "seconds"), [("420-hourly-2s", 2), ("420-hourly", 3600)])
def test_hourly_limit_ends_when_the_outcome_says(sandbox: Sandbox, outcome: str, seconds: int) -> None:
    """A client measures the wait from the answer's own `Date`."""
    sandbox.answer(42, outcome)
    headers = send(sandbox).headers
    until, date = (parsedate_to_datetime(headers[name]) for name in ("X-RateLimit-Resource-Until", "Date"))
    assert (until - date).total_seconds() == seconds
    assert headers["X-RateLimit-Resource-Remaining"] == "0"


@pytest.mark.parametrize(
    ("outcome", "retry_after"), [("429", "1"), ("503", "1"), ("503-varnish-accepted", "5")]
)
def test_overloaded_server_says_when_to_retry(sandbox: Sandbox, outcome: str, retry_after: str) -> None:
    """The header alone does not mean a refusal: Varnish sends it after a lost answer."""
    sandbox.answer(42, outcome)
    assert send(sandbox).headers["Retry-After"] == retry_after


@pytest.mark.parametrize(
    ("outcome", "content_type", "start"),
    [
        ("503-html-accepted", "text/html; charset=utf-8", "<html>"),
        ("503-envoy-accepted", "text/plain", "upstream connect error"),
        ("200-empty", "application/json", "{}"),
    ],
)
def test_answer_of_a_gateway_is_not_the_envelope(
    sandbox: Sandbox, outcome: str, content_type: str, start: str
) -> None:
    """A client must not read an error out of such a body."""
    sandbox.answer(42, outcome)
    answer = send(sandbox)
    assert answer.headers["Content-Type"] == content_type
    assert answer.text.startswith(start)


def test_redirects_lead_nowhere(sandbox: Sandbox) -> None:
    """A client that follows a redirect gets an error rather than a second message."""
    for chat_id in (302, 303):
        assert send(sandbox, chat_id, follow_redirects=True).status_code == 404
    assert [message.chat_id for message in sandbox.messages] == [303]


def test_reset_connection_is_no_orderly_end(sandbox: Sandbox) -> None:
    """The two failures differ on the wire, and clients report them differently."""
    with pytest.raises(httpx.ReadError, match="reset by peer"):
        send(sandbox, 9002)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        send(sandbox, 9001)


def test_slow_chat_accepts_at_once_and_answers_late() -> None:
    """A client that gives up has sent the message; a patient one gets its OK."""
    accepted = threading.Event()
    with ThreadPoolExecutor() as pool, Sandbox(slow=0.2, on_request=lambda _: accepted.set()) as sandbox:
        started = time.monotonic()
        answer = pool.submit(send, sandbox, 9003)
        assert accepted.wait(timeout=2)
        assert len(sandbox.messages) == 1
        assert answer.result().status_code == 200
        assert time.monotonic() - started >= 0.2


def test_script_is_followed_once(sandbox: Sandbox) -> None:
    """After its script a chat answers as before; numbers are statuses."""
    sandbox.answer(42, "420-parallel", 500, "ok", 418)
    assert [status(sandbox) for _ in range(5)] == [420, 500, 200, 418, 200]
    assert len(sandbox.messages) == 2


def test_script_is_shared_by_messages_and_files(sandbox: Sandbox) -> None:
    """A retry of either kind gets the next outcome."""
    sandbox.answer(42, "503", "429")
    assert send_file(sandbox, b"receipt").status_code == 503
    assert [status(sandbox), status(sandbox)] == [429, 200]
    assert sandbox.files == ()


def test_script_replaces_the_one_before(sandbox: Sandbox) -> None:
    """Without outcomes the script is removed."""
    sandbox.answer(42, "500", "500")
    sandbox.answer(42, "503")
    assert status(sandbox) == 503
    sandbox.answer(42, "500")
    sandbox.answer(42)
    assert status(sandbox) == 200


def test_reads_are_scripted_by_operation(sandbox: Sandbox) -> None:
    """Retries of reads are tested without touching the messages of the chat."""
    sandbox.answer(42, "502", operation="getChatHistory")
    sandbox.answer(None, "500", operation="createChat")
    assert call(sandbox, "getChatHistory", params={"chatId": 42}).status_code == 502
    assert call(sandbox, "createChat", json={"context": {"type": "ORDER", "id": 1}}).status_code == 500
    assert (status(sandbox), len(history(sandbox))) == (200, 1)


def test_misbehaving_chats_can_be_read(sandbox: Sandbox) -> None:
    """The history settles what the answer left open, before the first message and after it."""
    assert history(sandbox, 500) == []
    assert status(sandbox, 500) == 500
    assert [message["message"] for message in history(sandbox, 500)] == [TEXT]


def test_scripted_chat_is_that_of_the_order_of_its_number(sandbox: Sandbox) -> None:
    """A test scripts a chat before the program that it tests creates it."""
    sandbox.answer(42, "dropped")
    created = call(sandbox, "createChat", json={"context": {"type": "ORDER", "id": 42}})
    assert (result(created), status(sandbox), history(sandbox)) == ({"chatId": 42}, None, [])


@pytest.mark.parametrize(
    ("chat_id", "outcome", "operation", "message"),
    [
        (42, "418", None, "Unknown outcome '418': pass a status from 400 to 599 or one of ok, 200-error, "),
        (42, 200, None, "Unknown outcome 200: "),
        (42, "ok", "getMessage", "Unknown operation 'getMessage': pass one of getChats, getChat, "),
        (None, "ok", None, "Pass chat_id=None with getChats and createChat, and with no other operation."),
        (42, "ok", "getChats", "Pass chat_id=None with getChats and createChat"),
        ("42", "ok", None, "chat_id must be an int, not str: no request would match."),
    ],
)
def test_invalid_script_is_an_error(
    chat_id: Any, outcome: str | int, operation: str | None, message: str
) -> None:
    """A mistyped script must not pass as a test."""
    with pytest.raises(ValueError, match=message):
        Sandbox().answer(chat_id, outcome, operation=operation)


def test_error_envelope_of_a_refusal_quotes_the_chat(sandbox: Sandbox) -> None:
    """A scripted 404 is that of the chat it is scripted for."""
    sandbox.answer(42, "404")
    assert refusal(send(sandbox)) == (404, "Can't find chat by id: '42'")


def test_success_with_errors_has_the_envelope(sandbox: Sandbox) -> None:
    """The status code promises a success that the body denies."""
    assert refusal(send(sandbox, 200)) == (200, "Internal server error")
    assert result(call(sandbox, "getChats"))["chats"]
