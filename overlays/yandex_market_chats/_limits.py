"""The limits of the API: the headers that report them, the hour of this process, and slots for threads.

Source: the vendor's page "Restrictions on requests".
"""

import math
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from typing import Protocol, Self, runtime_checkable

BRIEF = 1.0
"""The longest wait in seconds that `take` returns for a slot; a longer one means that the hour is used up."""
SOON = 1.05
"""Seconds to wait, without a slot, while the requests in flight may use up the rest of the hour."""
HOUR = 3600.0
"""The longest period in seconds. A limit that claims to last longer is not believed."""


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The hourly limit of a resource, from the `X-RateLimit-Resource-*` headers of a response.

    A header that is missing or invalid is `None`.

    Attributes:
        limit: How many requests the resource accepts per hour.
        remaining: How many of them are left.
        until: When the limit resets, in UTC.
    """

    limit: int | None
    remaining: int | None
    until: datetime | None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """Read the three headers; return `None` if none of them is valid."""
        limit = parse_number(headers.get("X-RateLimit-Resource-Limit"))
        remaining = parse_number(headers.get("X-RateLimit-Resource-Remaining"))
        until = parse_date(headers.get("X-RateLimit-Resource-Until"))
        if limit is None and remaining is None and until is None:
            return None
        return cls(limit, remaining, until)


def parse_number(text: str | None) -> int | None:
    """Parse a decimal number of 1 to 19 ASCII digits, as many as the largest int64 has."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,19}", text) else None


@lru_cache(maxsize=8)  # responses within the hour share the same `Until`
def parse_date(text: str | None) -> datetime | None:
    """Parse an HTTP date (RFC 9110, section 5.6.7) and return it in UTC.

    The weekday is ignored, because the vendor's own example has it wrong. A date without a year, a month, a
    day or a time is invalid, as is an unknown time zone.
    """
    from dateutil import parser  # noqa: PLC0415 -- many programs never see a date

    if not text or ":" not in text:  # dateutil would read a bare number as a date
        return None
    try:
        # dateutil fills gaps from the default, so a date is complete if two defaults yield the same result.
        first, second = (
            parser.parse(text, default=default, tzinfos=_time_zone)
            for default in (datetime(1, 1, 1), datetime(2, 2, 2, 2, 2))  # noqa: DTZ001 -- the text has the zone
        )
        return first.astimezone(UTC) if first == second else None
    except (ArithmeticError, ValueError):  # decimal's errors are not ValueErrors
        return None


def _time_zone(name: str | None, offset: int | None) -> tzinfo:
    if offset is not None:
        return timezone(timedelta(seconds=offset))
    if name not in {None, "MSK"}:
        raise ValueError(name)
    return timezone(timedelta(hours=3)) if name else UTC


def seconds_until(moment: datetime | None, headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds from the response's own `Date` to `moment`, so that a wrong local clock is harmless.

    `now` is the local time, used if there is no valid `Date`.
    """
    if moment is None:
        return None
    return (moment - (parse_date(headers.get("Date")) or now)).total_seconds()


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the seconds of `Retry-After` (RFC 9110, section 10.2.3: a number of seconds, or a date)."""
    text = headers.get("Retry-After")
    seconds = parse_number(text)
    return seconds_until(parse_date(text), headers, now) if seconds is None else float(seconds)


@runtime_checkable
class Limits(Protocol):
    """The limits of a business. A call that holds a local slot asks them before each attempt.

    Slots are counted per business, and requests per hour by resource, such as
    `POST /v2/businesses/7/chats/message`. The methods must not raise; the async client calls them in threads.
    """

    def take(self, slot: str, resource: str) -> float:
        """Take a slot and return 0, or return the seconds to wait: more than 1 if the hour is used up."""

    def give_back(self, slot: str, resource: str, headers: Mapping[str, str] | None) -> None:
        """Return a slot, and report the headers of the response, if any.

        Ignore a slot that was not taken or has already been returned, but not its headers.
        """


_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(slots=True)
class _Hour:
    """The hour of a resource: how much is left of its limit, and when it ends, as a monotonic time."""

    remaining: float = math.inf
    until: datetime = _NEVER
    ends: float = 0.0
    in_flight: list[str] = field(default_factory=list)


class HourlyLimits:
    """The default `Limits`: the hourly limits of this process. It does not limit the slots.

    Once a response says that nothing remains, no attempt starts before the hour ends. There is no lock: an
    exception between two lines could leave it locked, and a race costs one refused request at most.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hours: dict[str, _Hour] = {}

    def take(self, slot: str, resource: str) -> float:
        """Take a slot if enough of the hour is left for the requests in flight and for this one."""
        hour = self._hours.setdefault(resource, _Hour())
        hour.in_flight.append(slot)
        left = hour.ends - self._clock()
        if left <= 0 or hour.in_flight.index(slot) < hour.remaining:
            return 0.0
        hour.in_flight.remove(slot)
        return SOON if hour.remaining else left

    def give_back(self, slot: str, resource: str, headers: Mapping[str, str] | None) -> None:
        """Return a slot, and store what the headers report: the latest hour, and the lowest count."""
        limit = RateLimit.from_headers(headers) if headers is not None else None
        hour = self._hours.setdefault(resource, _Hour())
        if headers is not None and limit and limit.remaining is not None and limit.until is not None:
            now = self._clock()
            if limit.until > hour.until or hour.ends <= now:
                seconds = seconds_until(limit.until, headers, datetime.now(UTC)) or 0.0
                hour.until, hour.ends = limit.until, now + min(seconds, HOUR)
                hour.remaining = limit.remaining
            elif limit.until == hour.until and limit.remaining < hour.remaining:
                hour.remaining = limit.remaining
        with suppress(ValueError):  # it was not taken
            hour.in_flight.remove(slot)


class Slots:
    """Slots for threads, handed over first come, first served.

    A ticket is a locked lock, released when its thread should look at the queue again. All tickets are in one
    list, and the first `size` of them hold the slots: there is no counter that could become wrong when a
    signal handler or a time limit raises an exception between two lines.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._tickets: list[threading.Lock] = []

    def wait(self, ticket: threading.Lock, timeout: float) -> bool:
        """Queue up; return whether the ticket got a slot within `timeout` seconds. Then call `leave`."""
        ticket.acquire()
        self._tickets.append(ticket)
        end = time.monotonic() + timeout
        while ticket not in self._tickets[: self._size]:
            if not ticket.acquire(timeout=max(0.0, end - time.monotonic())):
                return False
        return True

    def leave(self, ticket: threading.Lock) -> None:
        """Leave the queue or free the slot, and wake the threads whose turn it is. Repeating is harmless."""
        with suppress(ValueError):
            self._tickets.remove(ticket)
        for first in self._tickets[: self._size]:
            with suppress(RuntimeError):  # it was awake already
                first.release()


def new_slot() -> str:
    """Return a random name for a slot of `Limits`."""
    return secrets.token_hex(8)
