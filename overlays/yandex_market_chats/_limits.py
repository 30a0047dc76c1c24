"""What the headers of an answer say about limits and waiting."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Self

_DIGITS = 19  # as many as the largest int64 has


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The hourly limit of the resource, as an answer's `X-RateLimit-Resource-*` headers tell it.

    Source: the vendor's page "Restrictions on requests". A header that is missing or cannot be read
    is `None` here.

    Attributes:
        limit: How many requests the resource allows in its period.
        remaining: How many of them are left.
        until: When the count starts anew, in UTC.
    """

    limit: int | None
    remaining: int | None
    until: datetime | None

    @classmethod
    def from_headers(cls, headers: Mapping[str, str]) -> Self | None:
        """Read the three headers; return `None` when not one of them can be read."""
        limit = parse_number(headers.get("X-RateLimit-Resource-Limit"))
        remaining = parse_number(headers.get("X-RateLimit-Resource-Remaining"))
        until = parse_date(headers.get("X-RateLimit-Resource-Until"))
        if limit is None and remaining is None and until is None:
            return None
        return cls(limit, remaining, until)


def parse_number(text: str | None) -> int | None:
    """Read a header that is nothing but ASCII digits, and not more of them than a counter can have."""
    if text is None or not (text.isascii() and text.isdigit()) or len(text) > _DIGITS:
        return None
    return int(text)


@lru_cache(maxsize=8)  # the answers of an hour tell the same `Until`
def parse_date(text: str | None) -> datetime | None:
    """Read a date as in RFC 5322 (the vendor says RFC 822) and give it in UTC.

    The weekday is not looked at: the one in the vendor's own example is wrong.
    """
    try:
        moment = parsedate_to_datetime(text or "")
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (IndexError, OverflowError, TypeError, ValueError):
        return None


def seconds_until(moment: datetime | None, headers: Mapping[str, str], now: datetime) -> float | None:
    """Count the seconds from the answer's own `Date` to `moment`, so that a wrong local clock does no harm.

    `now`, the local time, stands in for a `Date` that is missing or cannot be read.
    """
    if moment is None:
        return None
    return (moment - (parse_date(headers.get("Date")) or now)).total_seconds()


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Read `Retry-After` (RFC 9110, section 10.2.3: seconds or a date) as seconds from now."""
    text = headers.get("Retry-After")
    seconds = parse_number(text)
    return seconds_until(parse_date(text), headers, now) if seconds is None else float(seconds)
