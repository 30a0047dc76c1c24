"""The headers about limits and waits, and the hourly limits of this process."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from calls import http_date
from mock_api import NOW, Api, Clock, Kind, answer, every_client, send
from yandex_market_chats import ApiKey, Limits, RateLimit
from yandex_market_chats._limits import (
    BRIEF,
    SOON,
    HourlyLimits,
    new_slot,
    parse_date,
    parse_number,
    retry_after,
    seconds_until,
)

MOMENT = datetime(2018, 7, 10, 0, 42, 42, tzinfo=UTC)
DATE = "Tue, 10 Jul 2018 00:42:42 GMT"
PREFIX = "X-RateLimit-Resource-"
READ, SEND = "POST /v2/businesses/7/chats/history", "POST /v2/businesses/7/chats/message"


# Headers.


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(DATE, id="RFC 1123"),
        pytest.param("Thu, 10 Jul 2018 00:42:42 GMT", id="the vendor's example, wrong weekday"),
        pytest.param("Tuesday, 10-Jul-18 00:42:42 GMT", id="RFC 850"),
        pytest.param("Tue Jul 10 00:42:42 2018", id="asctime"),
        pytest.param("10 Jul 2018 00:42:42", id="no weekday, no zone"),
        pytest.param("Tue, 10 Jul 2018 03:42:42 MSK", id="Moscow"),
        pytest.param("Mon, 09 Jul 2018 21:12:42 -0330", id="offset"),
    ],
)
def test_dates_are_read_in_every_form(text: str) -> None:
    """RFC 9110 asks clients to accept three forms; the vendor's own example has a wrong weekday."""
    parsed = parse_date(text)
    assert parsed == MOMENT
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "12",
        "1531183362",
        "soon",
        "12:30",
        "10 Jul 00:42:42",
        "Jul 2018 00:42:42",
        "10 Jul 2018",
        "10 Jul 2018 +03:00",
        "10 Jul 2018 3h +03:00",
        "Tue, 10 Jul 2018 00:42:42 PST",
        "Tue, 10 Jul 2018 00:42:42 XYZ",
        "Tue, 10 Jul 2018 24:00:00 GMT",
        "Tue, 10 Jul 2018 00:42:42 +9999",
        "Fri, 31 Dec 9999 23:59:59 -0100",
        "Tue, 10 Jul 99999999999999999999 00:42:42 GMT",
        f"Tue, 10 Jul 2018 00:{'9' * 30} GMT",
    ],
)
def test_anything_but_a_complete_date_is_rejected(text: str | None) -> None:
    """A guess could cause a wait of hours; an unknown time zone could mean anything."""
    assert parse_date(text) is None


def test_only_decimal_digits_are_a_number() -> None:
    """A counter of up to 19 digits is read; signs, other scripts and endless digits are not."""
    read = {text: parse_number(text) for text in ("0", "007", "9" * 19)}
    assert read == {"0": 0, "007": 7, "9" * 19: 10**19 - 1}
    rejected = (None, "", " 1", "1 ", "1\n", "+1", "-1", "1.0", "1_0", "x", "٣", "²", "9" * 20)
    assert {parse_number(text) for text in rejected} == {None}


def test_a_rate_limit_is_read_from_its_three_headers() -> None:
    """Programs can slow down before the limit is exceeded."""
    headers = {f"{PREFIX}Limit": "1000", f"{PREFIX}Remaining": "998", f"{PREFIX}Until": DATE}
    assert RateLimit.from_headers(headers) == RateLimit(limit=1000, remaining=998, until=MOMENT)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("Limit", "0", RateLimit(0, None, None)),
        ("Remaining", "0", RateLimit(None, 0, None)),
        ("Until", DATE, RateLimit(None, None, MOMENT)),
    ],
)
def test_one_valid_header_is_a_rate_limit(name: str, text: str, expected: RateLimit) -> None:
    """A missing or invalid value is `None`; a valid one, even zero, is kept."""
    invalid = dict.fromkeys([f"{PREFIX}Limit", f"{PREFIX}Remaining", f"{PREFIX}Until"], "?")
    assert RateLimit.from_headers({f"{PREFIX}{name}": text}) == expected
    assert RateLimit.from_headers({**invalid, f"{PREFIX}{name}": text}) == expected


def test_headers_without_a_valid_one_are_no_rate_limit() -> None:
    """A response of a gateway says nothing about the limit."""
    assert RateLimit.from_headers({}) is None
    assert RateLimit.from_headers({f"{PREFIX}Limit": "many", f"{PREFIX}Until": "12"}) is None


def test_seconds_count_from_the_date_of_the_response() -> None:
    """The local clock may be years off, so it counts only if the response has no valid date."""
    assert seconds_until(MOMENT + timedelta(seconds=90), {"Date": DATE}, NOW) == 90
    assert seconds_until(MOMENT - timedelta(hours=1), {"Date": DATE}, NOW) == -3600
    for headers in ({}, {"Date": "12"}):
        assert seconds_until(NOW + timedelta(seconds=7), headers, NOW) == 7
    assert seconds_until(None, {"Date": DATE}, NOW) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "120"}, 120),
        ({"Retry-After": http_date(NOW + timedelta(seconds=30))}, 30),
        ({"Retry-After": http_date(MOMENT + timedelta(seconds=60)), "Date": DATE}, 60),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "1.5"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    """RFC 9110 allows both; a date counts from the date of the response."""
    assert retry_after(headers, NOW) == seconds


# The hour.


def report(remaining: int, *, seconds: float = 600) -> dict[str, str]:
    """Return the headers of a response: what remains of the limit, which resets in some seconds."""
    return {
        f"{PREFIX}Remaining": str(remaining),
        f"{PREFIX}Until": http_date(NOW + timedelta(seconds=seconds)),
        "Date": http_date(NOW),
    }


def test_the_hour_is_unlimited_until_a_response_limits_it() -> None:
    """The first response brings the limit, unless its headers are missing or incomplete."""
    limits = HourlyLimits(Clock())
    for headers in ({}, {f"{PREFIX}Remaining": "0"}, {f"{PREFIX}Until": http_date(NOW)}, None):
        limits.give_back("a", SEND, headers)
        assert limits.take("a", SEND) == 0


def test_no_request_starts_before_the_hour_ends_once_nothing_remains() -> None:
    """The API would refuse the request, and count it."""
    clock = Clock()
    limits = HourlyLimits(clock)
    limits.give_back("a", SEND, report(0))
    assert limits.take("a", SEND) == 600
    clock.sleep(599.5)
    assert limits.take("a", SEND) == 0.5
    clock.sleep(0.5)
    assert [limits.take("a", SEND), limits.take("b", SEND)] == [0, 0]
    limits.give_back("b", SEND, report(1))
    assert limits.take("b", SEND) == SOON


def test_each_resource_has_its_own_hour() -> None:
    """The API counts its operations separately: reading goes on after the last message of the hour."""
    limits = HourlyLimits(Clock())
    limits.give_back("a", SEND, report(0))
    assert limits.take("a", READ) == 0
    limits.give_back("a", READ, report(0, seconds=60))
    assert (limits.take("a", READ), limits.take("a", SEND)) == (60, 600)


def test_requests_in_flight_count() -> None:
    """Calls in four slots must not send four requests if only two remain."""
    limits = HourlyLimits(Clock())
    limits.give_back("a", SEND, report(2))
    assert [limits.take("a", SEND), limits.take("b", SEND)] == [0, 0]
    assert limits.take("c", SEND) == SOON
    limits.give_back("a", SEND, None)
    assert limits.take("c", SEND) == 0
    assert limits.take("a", SEND) == SOON > BRIEF  # a longer wait holds no slot that another operation needs
    limits.give_back("b", SEND, report(0))
    assert limits.take("a", SEND) == 600


def test_the_smaller_remainder_of_an_hour_counts() -> None:
    """Responses may overtake each other."""
    limits = HourlyLimits(Clock())
    for remaining in (5, 0, 1):
        limits.give_back("a", SEND, report(remaining))
    assert limits.take("a", SEND) == 600


def test_the_later_hour_counts() -> None:
    """A late response of the previous hour says nothing about this one."""
    limits = HourlyLimits(Clock())
    limits.give_back("a", SEND, report(0, seconds=1))
    limits.give_back("a", SEND, report(1, seconds=600))
    limits.give_back("a", SEND, report(0, seconds=1))
    assert limits.take("a", SEND) == 0
    assert limits.take("b", SEND) == SOON


def test_an_hour_that_has_ended_limits_nothing() -> None:
    """A server whose clock jumps must not stop the client."""
    limits = HourlyLimits(Clock())
    for seconds in (-600, 0):
        limits.give_back("a", SEND, report(0, seconds=seconds))
        assert limits.take("a", SEND) == 0


def test_a_limit_lasts_an_hour_at_most() -> None:
    """A wrong date must not stop a program forever, nor hide the limits that follow it."""
    clock = Clock()
    limits = HourlyLimits(clock)
    limits.give_back("a", SEND, report(0, seconds=10**9))
    assert limits.take("a", SEND) == 3600
    clock.sleep(3600)
    assert limits.take("a", SEND) == 0
    limits.give_back("a", SEND, report(0))
    assert limits.take("a", SEND) == 600


def test_the_clock_of_the_hour_is_real_by_default() -> None:
    """Without replacements the hour counts from the current time."""
    limits = HourlyLimits()
    headers = report(0)
    headers[f"{PREFIX}Until"] = http_date(datetime.now(UTC) + timedelta(seconds=600))
    del headers["Date"]
    limits.give_back("a", SEND, headers)
    assert 500 < limits.take("a", SEND) <= 600


def test_the_default_limits_follow_the_protocol() -> None:
    """Shared limits replace the default, so both need the same methods."""
    assert isinstance(HourlyLimits(), Limits)


def test_the_name_of_a_slot_is_unique() -> None:
    """Two calls with the same name would count as one."""
    assert len({new_slot() for _ in range(100)}) == 100


class Recorder:
    """Limits that record what they are asked and informed about."""

    def __init__(self) -> None:
        """Start without calls."""
        self.calls: list[tuple[Any, ...]] = []

    def take(self, slot: str, resource: str) -> float:
        """Grant the slot."""
        self.calls.append((slot, resource))
        return 0

    def give_back(self, slot: str, resource: str, headers: Mapping[str, str] | None) -> None:
        """Record the headers."""
        self.calls.append((slot, resource, headers and headers["Date"]))


def test_limits_are_asked_and_informed_about_every_attempt() -> None:
    """Shared limits learn from each response; an attempt without one returns its slot as well."""
    limits = Recorder()
    send("sync", Api(httpx.ConnectError("refused"), answer(Date=DATE)), limits=limits)
    (first, resource), *others = limits.calls
    assert resource == "POST /v2/businesses/123456/chats/message"
    second = others[1][0]
    assert others == [(first, resource, None), (second, resource), (second, resource, DATE)]
    assert first != second


@every_client
def test_a_call_that_raises_returns_its_slot_once(kind: Kind) -> None:
    """Otherwise, limits that count slots would grant one too many."""

    def no_token() -> str:
        raise LookupError

    limits = Recorder()
    with pytest.raises(LookupError):
        send(kind, Api(), limits=limits, auth=ApiKey(no_token))
    taken, returned = limits.calls
    assert returned == (*taken, None)
