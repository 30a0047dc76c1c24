"""Whatever comes: properties that hold for any header, any body, any text and any run of outcomes."""

import json
from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from calls import NOW, Clock, attempt, lost, refused
from mock_api import SUCCESS, Api, Kind, answer, every_client, send
from yandex_market_chats import (
    AnswerError,
    ApiKey,
    ConfigurationError,
    ConnectionFailedError,
    Delivery,
    InvalidRequestError,
    MarketError,
    RetryPolicy,
    SentMessage,
)
from yandex_market_chats._policy import Call
from yandex_market_chats._settings import find_base_url

fixed = settings(derandomize=True, database=None, deadline=None, max_examples=200)

DATES = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(
    lambda offset: format_datetime(NOW + offset, usegmt=True)
)
SHREDS = st.lists(
    st.sampled_from(
        [
            "Sun,",
            "22",
            "Nov",
            "2026",
            "-1",
            "12:00:30",
            "99:99",
            "GMT",
            "+9999",
            "-0000",
            "(",
            ",",
            "99999999999",
        ]
    )
).map(" ".join)
HEADER = DATES | SHREDS | st.integers(-5, 10**20).map(str) | st.text() | st.none()
ERRORS = (
    st.builds(refused, st.integers(300, 599), st.sampled_from([b"", SUCCESS]))
    | st.builds(ConnectionFailedError, st.just("Refused."))
    | st.builds(lost)
)
POLICIES = st.builds(
    RetryPolicy,
    max_attempts=st.integers(1, 8),
    deadline=st.floats(0.001, 100),
    backoff=st.floats(0, 5),
    max_backoff=st.floats(5, 50),
    resend_unknown=st.booleans(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "errors", "code", "message"]), inner, max_size=4)
    ),
    max_leaves=8,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.just(SUCCESS)
CHARACTERS = st.characters(exclude_categories=["Cs"])


def outcome_of(kind: Kind, response: httpx.Response) -> SentMessage | AnswerError:
    """Send a message, and give what is returned or raised."""
    try:
        return send(kind, Api(response), retries=RetryPolicy.disabled())
    except AnswerError as error:
        return error


@fixed
@given(status=st.sampled_from([420, 429, 503]), until=HEADER, date=HEADER, after=HEADER, remaining=HEADER)
def test_no_header_makes_a_call_crash_or_wait_past_its_deadline(
    status: int, until: str | None, date: str | None, after: str | None, remaining: str | None
) -> None:
    """Whatever the headers say, the wait is a sensible one or none."""
    texts = {
        "X-RateLimit-Resource-Until": until,
        "X-RateLimit-Resource-Remaining": remaining,
        "Date": date,
        "Retry-After": after,
    }
    headers = httpx.Headers(
        [(k.encode(), v.encode(errors="replace")) for k, v in texts.items() if v is not None]
    )
    error = refused(status)
    error = type(error)("Refused.", status_code=status, headers=headers)
    wait = attempt(Call(RetryPolicy(), clock=Clock(), now=lambda: NOW), error)
    assert wait is None or 0 <= wait < 60
    assert str(error)


@fixed
@given(
    policy=POLICIES, run=st.lists(st.tuples(ERRORS, st.booleans(), st.floats(0, 20)), min_size=1, max_size=12)
)
def test_no_run_of_outcomes_breaks_the_promise(
    policy: RetryPolicy, run: list[tuple[MarketError, bool, float]]
) -> None:
    """UNKNOWN is not repeated unasked, attempts and deadline are kept, and nothing unknown is forgotten."""
    clock = Clock()
    call, begun, unknown = Call(policy, clock=clock), clock.seconds, False
    for error, renewed, took in run:
        clock.sleep(took)
        unknown |= error.delivery is Delivery.UNKNOWN
        wait = attempt(call, error, renewed=renewed)
        assert error.attempts == call.attempts <= policy.max_attempts
        assert error.delivery is (Delivery.UNKNOWN if unknown else Delivery.NOT_SENT)
        if wait is None:
            return
        assert not unknown or policy.resend_unknown
        assert wait >= 0
        clock.sleep(wait)
        assert clock.seconds - begun < policy.deadline + 1e-9
    assert len(run) < policy.max_attempts


@every_client
@fixed
@given(status=st.integers(200, 599), body=BODIES)
def test_every_answer_has_a_typed_outcome(kind: Kind, status: int, body: bytes) -> None:
    """Whatever bytes come under whatever status: a message that was sent, or an error with its words."""
    outcome = outcome_of(kind, answer(status, body))
    if isinstance(outcome, SentMessage):
        assert outcome == SentMessage(1, None)
        assert status < 300
        assert json.loads(body)["status"] == "OK"
    else:
        assert (outcome.status_code, outcome.body, outcome.attempts) == (status, body, 1)
        assert str(outcome)
        assert all(isinstance(item.code, str) for item in outcome.errors)


@every_client
@fixed
@given(message=st.text(CHARACTERS, min_size=1, max_size=4096))
@example("𝄞" * 4096)
@example('\x00\r\n"\\\u2028\ufeff')
def test_every_text_arrives_as_it_was(kind: Kind, message: str) -> None:
    """What the API decodes is what the caller wrote."""
    api = Api(answer())
    send(kind, api, message=message)
    assert json.loads(api.requests[0].content) == {"message": message}


@fixed
@given(before=st.text(CHARACTERS), surrogate=st.characters(categories=["Cs"]), after=st.text())
def test_no_text_with_a_surrogate_is_sent(before: str, surrogate: str, after: str) -> None:
    """It is refused clearly, wherever it stands, and not by an encoder."""
    api = Api()
    with pytest.raises(InvalidRequestError, match="has a lone surrogate"):
        send("sync", api, message=before + surrogate + after)
    assert api.requests == []


@fixed
@given(token=st.text() | st.text(st.characters(codec="ascii")))
def test_every_token_is_refused_or_sent_as_it_is(token: str) -> None:
    """No token breaks a header or reaches an encoder that it breaks."""
    api = Api(answer())
    try:
        auth = ApiKey(token)
    except ConfigurationError:
        assert not token or not token.isascii() or not token.isprintable() or " " in token
    else:
        send("sync", api, auth=auth)
        assert api.requests[0].headers.raw.count((b"Api-Key", token.encode())) == 1


@fixed
@given(text=st.text() | st.text(st.sampled_from("htps:/localx-127.0@#?%[]")))
def test_every_base_url_is_refused_or_safe(text: str) -> None:
    """What is taken is https or loopback; what is refused is refused by our error."""
    try:
        url = find_base_url(text or "-")
    except ConfigurationError:
        return
    assert url.scheme == "https" or url.host in {"localhost", "127.0.0.1"} or url.host.startswith("127.")
    assert not url.userinfo
