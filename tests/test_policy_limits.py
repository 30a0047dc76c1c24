"""How long the API's limits are waited for: the parallel one, the hourly one, and `Retry-After`."""

from datetime import timedelta
from email.utils import format_datetime

import pytest

from calls import BACKOFF, HOURLY, NOW, PARALLEL, attempt, make_call, refused, shortest
from mock_api import envelope
from yandex_market_chats import MarketError
from yandex_market_chats._errors import AnswerError


def hourly(until: str, **headers: str) -> AnswerError:
    """Make the 420 of the hourly limit that is lifted at `until`."""
    return refused(420, HOURLY, X_RateLimit_Resource_Until=until, **headers)


@pytest.mark.parametrize(
    "error",
    [refused(420, PARALLEL), refused(420, X_RateLimit_Resource_Remaining="7")],
    ids=["prose", "count"],
)
def test_the_parallel_limit_is_waited_for_shortly(error: MarketError) -> None:
    """The wait does not grow, and is never so short that the requests still in flight hold it up."""
    longer, shorter = make_call(), make_call(uniform=shortest)
    assert [attempt(longer, error) for _ in BACKOFF] == [0.5] * 4 + [None]
    assert [attempt(shorter, error) for _ in BACKOFF] == [0.25] * 4 + [None]


@pytest.mark.parametrize(
    ("body", "remaining", "parallel"),
    [
        (PARALLEL, "", True),
        (PARALLEL, "5", True),
        (PARALLEL, "0", False),
        (HOURLY, "", False),
        (HOURLY, "5", False),
        (HOURLY, "0", False),
        (envelope("Hit rate limit of 4 parallel requests per hour"), "5", False),
        (envelope("PARALLEL"), "", True),
        (envelope("1 HOUR"), "5", False),
        (envelope("slower", "parallel"), "", True),
        (envelope("slower"), "", False),
        (envelope("slower"), "5", True),
        (b'{"errors": [{"code": "HOURLY_LIMIT"}]}', "5", False),
        (b'{"errors": [{"message": "1 hour"}]}', "5", False),
        (b"<html>1 hour</html>", "5", False),
        (b"<html>4 parallel requests</html>", "", True),
        (b"", "5", True),
        (b"", "0", False),
        (b"", "", False),
    ],
)
def test_limits_are_told_apart_by_the_safer_reading(body: bytes, remaining: str, parallel: bool) -> None:  # noqa: FBT001
    """Where prose and count disagree or are silent the limit is taken for the hourly one."""
    until = format_datetime(NOW + timedelta(seconds=30), usegmt=True)
    error = refused(420, body, X_RateLimit_Resource_Remaining=remaining, X_RateLimit_Resource_Until=until)
    assert attempt(make_call(), error) == (0.5 if parallel else 30)


@pytest.mark.parametrize("clock_is_off_by", [timedelta(0), timedelta(days=-3000), timedelta(days=3000)])
def test_the_hourly_limit_is_counted_from_the_answers_date(clock_is_off_by: timedelta) -> None:
    """The wait is the one that the server's own clock gives."""
    there = NOW + clock_is_off_by
    error = hourly(format_datetime(there + timedelta(seconds=25)), Date=format_datetime(there))
    assert attempt(make_call(), error) == 25


@pytest.mark.parametrize("date", [{}, {"Date": "12"}, {"Date": "yesterday"}], ids=str)
def test_the_hourly_limit_is_counted_from_now_without_a_date(date: dict[str, str]) -> None:
    """The local clock stands in for a date that is not there or cannot be read."""
    assert attempt(make_call(), hourly("Sun, 22 Nov 2026 12:00:25 GMT", **date)) == 25


@pytest.mark.parametrize(
    "until", ["Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 11:59:59 GMT", "12", "soon", ""]
)
def test_a_limit_lifted_already_or_unreadably_means_backoff(until: str) -> None:
    """A date that is past or no date asks for nothing, so the plain wait follows."""
    assert attempt(make_call(), hourly(until)) == 0.5


@pytest.mark.parametrize("until", ["Sun, 22 Nov 2026 12:01:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"])
def test_a_limit_lifted_past_the_deadline_is_not_waited_for(until: str) -> None:
    """The error is raised at once, and says until when the limit holds."""
    error = hourly(until)
    assert attempt(make_call(), error) is None
    assert until[5:16] in f"{error.rate_limit and error.rate_limit.until:%d %b %Y}"
    assert error.attempts == 1


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("7", 7),
        ("1", 1),
        ("Sun, 22 Nov 2026 12:00:09 GMT", 9),
        ("0", 0.5),
        ("-5", 0.5),
        ("soon", 0.5),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.5),
        ("58", 58),
        ("59", None),
        ("9" * 18, None),
    ],
)
def test_retry_after_is_honoured(status: int, text: str, wait: float | None) -> None:
    """Seconds and dates are waited for up to the deadline; nonsense means backoff."""
    assert attempt(make_call(), refused(status, Retry_After=text)) == wait
