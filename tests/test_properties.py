"""Properties that hold for any header, body, text or sequence of outcomes."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from calls import attempt, http_date, judged, make_call, make_request
from mock_api import NOW, OVERLOADED, PARALLEL, SUCCESS, Api, Clock, answer, send
from yandex_market_chats import (
    AnswerError,
    ApiKey,
    ConfigurationError,
    Delivery,
    InvalidRequestError,
    MarketError,
    RetryPolicy,
)
from yandex_market_chats._exchange import is_success
from yandex_market_chats._limits import parse_date
from yandex_market_chats._settings import find_base_url

fixed = settings(derandomize=True, database=None, deadline=None, max_examples=200)

RFC_1123 = "%a, %d %b %Y %H:%M:%S GMT"
RFC_850 = "%A, %d-%b-%y %H:%M:%S GMT"
ASCTIME = "%a %b %d %H:%M:%S %Y"

DATES = st.timedeltas(timedelta(days=-9000), timedelta(days=9000)).map(lambda offset: http_date(NOW + offset))
SHREDS = st.lists(
    st.sampled_from(
        ["Sun,", "22", "Nov", "2026", "-1", "12:00:30", "99:99", "GMT", "MSK", "+9999", "-0000", "(", ","]
    )
    | st.integers(0, 10**40).map(str)
).map(" ".join)
HEADER = DATES | SHREDS | st.integers(-5, 10**20).map(str) | st.text() | st.none()
OUTCOMES = st.sampled_from(
    [
        *(lambda failure=failure: failure("x") for failure in (httpx.ConnectError, httpx.ReadError)),
        *(
            lambda status=status, body=body: answer(status, body)
            for status in (200, 303, 400, 401, 403, 420, 429, 500, 503)
            for body in (b"", OVERLOADED, PARALLEL)
        ),
    ]
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
        | st.dictionaries(
            st.sampled_from(["status", "errors", "error", "code", "message"]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
BODIES = st.binary() | JSON.map(lambda value: json.dumps(value).encode()) | st.just(SUCCESS)
CHARACTERS = st.characters(exclude_categories=["Cs"])


@fixed
@given(text=SHREDS | st.text())
@example("10 Jul 2018 12:" + "9" * 30)
def test_no_text_makes_the_date_parser_raise_or_warn(text: str) -> None:
    """A header that breaks the parser would hide whether the message was sent."""
    date = parse_date(text)
    assert date is None or (date.tzinfo is UTC and ":" in text)


@fixed
@given(moment=st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))  # noqa: DTZ001 -- strategies want naive ones
def test_every_date_of_rfc_9110_is_read(moment: datetime) -> None:
    """A valid date must not be read as another date."""
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    assert [parse_date(moment.strftime(form)) for form in (RFC_1123, RFC_850, ASCTIME)] == [moment] * 3


@fixed
@given(status=st.sampled_from([420, 429, 503]), until=HEADER, date=HEADER, after=HEADER, remaining=HEADER)
def test_no_header_makes_a_call_crash_or_wait_past_its_deadline(
    status: int, until: str | None, date: str | None, after: str | None, remaining: str | None
) -> None:
    """With any headers, an attempt ends with one of our errors, or a wait that ends before the deadline."""
    texts = {
        "X-RateLimit-Resource-Until": until,
        "X-RateLimit-Resource-Remaining": remaining,
        "Date": date,
        "Retry-After": after,
    }
    response = answer(status, OVERLOADED)
    response.headers = httpx.Headers(
        [(k.encode(), v.encode(errors="replace")) for k, v in texts.items() if v is not None]
    )
    call = make_call()
    wait = attempt(call, response)
    assert wait is None or 0 <= wait < 59
    with pytest.raises(MarketError, match=f"^{status} "):
        call.answer()


@fixed
@given(
    policy=POLICIES,
    repeatable=st.booleans(),
    run=st.lists(st.tuples(OUTCOMES, st.floats(0, 20)), min_size=1, max_size=12),
)
def test_no_sequence_of_outcomes_breaks_the_promise(
    policy: RetryPolicy,
    run: list[tuple[Callable[[], httpx.Response | Exception], float]],
    *,
    repeatable: bool,
) -> None:
    """No message is sent twice unasked, the deadline is kept, and `UNKNOWN` never becomes `NOT_SENT`."""
    clock, tokens = Clock(), iter(map(str, range(1000)))
    request, start, doubt = make_request(repeatable=repeatable), clock.seconds, False
    call = make_call(policy, request=request, auth=ApiKey(lambda: next(tokens)), clock=clock)
    for outcome, seconds in run:
        clock.sleep(seconds)
        assume(call.deadline.slack)
        judgement = judged(call, outcome())
        wait, doubt = judgement.wait, doubt or judgement.delivery is Delivery.UNKNOWN
        assert call.attempts <= policy.max_attempts
        if wait is None:
            break
        assert policy.resend_unknown or not doubt
        assert 0 <= wait < call.deadline.slack
        clock.sleep(wait)
        assert clock.seconds - start < policy.deadline
    with pytest.raises(MarketError) as caught:
        call.answer()
    error = caught.value
    assert error.delivery is (Delivery.UNKNOWN if doubt else Delivery.NOT_SENT)
    assert not (repeatable and doubt)
    assert (error.delivery is Delivery.NOT_SENT) or type(error)(*error.args).delivery is Delivery.UNKNOWN


@fixed
@given(status=st.integers(200, 599), body=BODIES)
@example(404, b'{"status": []}')
def test_every_response_has_a_typed_outcome(status: int, body: bytes) -> None:
    """A gateway may answer anything, and the caller gets a `SentMessage` or an error with a text."""
    if is_success(status, body):
        assert send("sync", Api(answer(status, body))).attempts == 1
        return
    with pytest.raises(AnswerError) as caught:
        send("sync", Api(answer(status, body)), retries=RetryPolicy.disabled())
    error = caught.value
    assert (error.status_code, error.body, error.attempts) == (status, body, 1)
    assert str(error).isprintable()
    assert all(isinstance(text, str | None) for item in error.errors for text in item)


@fixed
@given(message=st.text(CHARACTERS, min_size=1, max_size=4096))
@example("𝄞" * 4096)
@example('\x00\r\n"\\\u2028\ufeff')
def test_every_text_arrives_unchanged(message: str) -> None:
    """The API decodes exactly what the caller wrote."""
    api = Api(answer())
    send("sync", api, message=message)
    assert json.loads(api.requests[0].content) == {"message": message}


@fixed
@given(before=st.text(CHARACTERS), surrogate=st.characters(categories=["Cs"]), after=st.text())
def test_no_text_with_a_surrogate_is_sent(before: str, surrogate: str, after: str) -> None:
    """A text that cannot be encoded must not fail in the middle of a call."""
    api = Api()
    with pytest.raises(InvalidRequestError, match="lone surrogate"):
        send("sync", api, message=before + surrogate + after)
    assert api.requests == []


@fixed
@given(token=st.text() | st.text(st.characters(codec="ascii")))
@example("XX")
def test_every_token_is_rejected_or_sent_unchanged(token: str) -> None:
    """No token breaks a header, or reaches an encoder that would show it in a traceback."""
    api = Api(answer())
    try:
        auth = ApiKey(token)
    except ConfigurationError:
        assert not re.fullmatch(r"[!-~]+", token) or {token[0], token[-1]} & {"'", '"'}
    else:
        send("sync", api, auth=auth)
        assert api.requests[0].headers.raw.count((b"Api-Key", token.encode())) == 1


@fixed
@given(text=st.text() | st.text(st.sampled_from("htps:/localx-127.0@#?%[]")))
def test_every_base_url_is_rejected_or_safe(text: str) -> None:
    """A token is sent encrypted, or does not leave the machine."""
    try:
        url = find_base_url(text)
    except ConfigurationError:
        return
    assert url.scheme == "https" or url.host == "localhost" or url.host.startswith("127.")
    assert not url.userinfo
