"""The hourly limit, after the vendor's page "Restrictions on requests"."""

from collections import Counter
from collections.abc import Callable
from email.utils import formatdate

_HOUR = 3600


class HourlyLimit:
    """Counts the requests of each clock hour."""

    def __init__(self, limit: int, clock: Callable[[], float]) -> None:
        """Start unused; `clock` returns seconds since the epoch."""
        self.limit = limit
        self._clock = clock
        self._used: Counter[int] = Counter()

    @property
    def left(self) -> int:
        """The number of requests left in this hour."""
        return max(0, self.limit - self._used[self._hour()])

    def use(self) -> None:
        """Count one request."""
        self._used[self._hour()] += 1

    def headers(self, exhausted_for: int | None) -> dict[str, str]:
        """Return the headers that report the limit, with RFC 822 dates.

        Args:
            exhausted_for: Report that nothing is left for this many seconds; `None` reports the actual state.
        """
        if exhausted_for is None:
            left, until = self.left, (self._hour() + 1) * _HOUR
        else:
            left, until = 0, int(self._clock()) + exhausted_for
        return {
            "X-RateLimit-Resource-Limit": str(self.limit),
            "X-RateLimit-Resource-Remaining": str(left),
            "X-RateLimit-Resource-Until": formatdate(until, usegmt=True),
        }

    def _hour(self) -> int:
        return int(self._clock()) // _HOUR
