"""What is read out of the headers about limits and waiting."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from yandex_market_chats import RateLimit
from yandex_market_chats._limits import parse_date, parse_number, retry_after, seconds_until

MOMENT = datetime(2018, 7, 10, 0, 42, 42, tzinfo=UTC)
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
PREFIX = "X-RateLimit-Resource-"
NONSENSE = ["", " ", "12", "12 34", "soon", "10 Jul", "10 Jul 2018", "1531183362", "2018-07-10T00:42:42Z"]


@pytest.mark.parametrize(("text", "number"), [("0", 0), ("12", 12), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_digits_are_a_number(text: str, number: int) -> None:
    """A counter of up to 19 digits, which the largest id has, is read."""
    assert parse_number(text) == number


@pytest.mark.parametrize(
    "text", [None, "", " 1", "1 ", "+1", "-1", "1.0", "1e3", "1_0", "x", "٣", "²", "9" * 20]
)
def test_anything_but_digits_is_no_number(text: str | None) -> None:
    """Signs, fractions, digits of other scripts and endless ones are no counter."""
    assert parse_number(text) is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Tue, 10 Jul 2018 00:42:42 GMT", id="right weekday"),
        pytest.param("Thu, 10 Jul 2018 00:42:42 GMT", id="the vendor's own example, wrong weekday"),
        pytest.param("10 Jul 2018 00:42:42 GMT", id="no weekday"),
        pytest.param("Tue, 10 Jul 2018 03:42:42 +0300", id="offset"),
        pytest.param("Mon, 09 Jul 2018 16:42:42 PST", id="named zone"),
        pytest.param("Tue, 10 Jul 2018 00:42:42 -0000", id="unknown offset"),
        pytest.param("Tue, 10 Jul 2018 00:42:42", id="no zone"),
        pytest.param("Tue Jul 10 00:42:42 2018", id="asctime"),
    ],
)
def test_dates_are_read_in_utc(text: str) -> None:
    """Every way to write the moment gives the moment, in UTC."""
    parsed = parse_date(text)
    assert parsed == MOMENT
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        None,
        *NONSENSE,
        "Tue, 10 Jul 2018 24:00:00 GMT",
        "Tue, 10 Jul 2018 00:42:42 +9999",
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "Tue, 10 Jul 99999999999999999999 00:42:42 GMT",
    ],
)
def test_what_is_no_date_is_none(text: str | None) -> None:
    """Nothing, numbers, other formats and moments outside of the calendar neither crash nor mean a date."""
    assert parse_date(text) is None


def test_rate_limit_is_read_from_its_three_headers() -> None:
    """Each header comes into its own field."""
    headers = httpx.Headers(
        {
            f"{PREFIX}Limit": "1000",
            f"{PREFIX}Remaining": "998",
            f"{PREFIX}Until": "Thu, 10 Jul 2018 00:42:42 GMT",
        }
    )
    assert RateLimit.from_headers(headers) == RateLimit(limit=1000, remaining=998, until=MOMENT)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Limit", "0", RateLimit(0, None, None)),
        ("Remaining", "0", RateLimit(None, 0, None)),
        ("Until", "Thu, 10 Jul 2018 00:42:42 GMT", RateLimit(None, None, MOMENT)),
    ],
)
def test_one_readable_header_is_enough(name: str, text: str, expected: RateLimit) -> None:
    """What is missing or cannot be read is `None`; what can be read, a zero too, is kept."""
    unreadable = dict.fromkeys([f"{PREFIX}Limit", f"{PREFIX}Remaining", f"{PREFIX}Until"], "?")
    assert RateLimit.from_headers({f"{PREFIX}{name}": text}) == expected
    assert RateLimit.from_headers(unreadable | {f"{PREFIX}{name}": text}) == expected


@pytest.mark.parametrize("headers", [{}, {f"{PREFIX}Limit": "many", f"{PREFIX}Until": "12"}])
def test_no_readable_header_is_no_rate_limit(headers: dict[str, str]) -> None:
    """An answer that says nothing of the limit has none."""
    assert RateLimit.from_headers(headers) is None


@pytest.mark.parametrize("offset", [-3600, 0, 90.0])
def test_seconds_are_counted_from_the_answers_date(offset: float) -> None:
    """The local clock, years away, has no say where the answer has its own."""
    date = {"Date": "Tue, 10 Jul 2018 00:42:42 GMT"}
    assert seconds_until(MOMENT + timedelta(seconds=offset), date, NOW) == offset


@pytest.mark.parametrize("headers", [{}, *({"Date": text} for text in NONSENSE)])
def test_the_local_clock_stands_in_for_an_unreadable_date(headers: dict[str, str]) -> None:
    """Without a date of the answer's own the seconds are counted from now."""
    assert seconds_until(NOW + timedelta(seconds=7), headers, NOW) == 7


def test_no_moment_is_no_wait() -> None:
    """Where there is nothing to wait for, there is no number."""
    assert seconds_until(None, {}, NOW) is None


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30),
        ("Sun, 22 Nov 2026 11:59:00 GMT", -60),
        *((text, None) for text in ("", "soon", "-1", "1.5", "9" * 20)),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str, seconds: float | None) -> None:
    """Both forms of RFC 9110 are read as seconds from now; garbage is none of them."""
    assert retry_after({"Retry-After": text}, NOW) == seconds


def test_retry_after_counts_its_date_from_the_answers_own() -> None:
    """A wrong local clock does no harm here either."""
    headers = {"Retry-After": "Tue, 10 Jul 2018 00:43:42 GMT", "Date": "Tue, 10 Jul 2018 00:42:42 GMT"}
    assert retry_after(headers, NOW) == 60


def test_no_retry_after_asks_for_nothing() -> None:
    """An answer without the header gives no number."""
    assert retry_after({}, NOW) is None
