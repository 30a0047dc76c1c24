"""`RedisLimits` as several programs of one business have them, and the responses that they report."""

from collections.abc import Mapping
from typing import Any

import pytest

from redis_server import REDIS, RedisServer
from yandex_market_chats.redis import RedisLimits

needs_redis = pytest.mark.skipif(
    REDIS is None, reason="redis-server is not on the path: apt-get install redis-server"
)

BUSINESS_ID = 123456
"""As in `mock_api.settings`."""
SEND = f"POST /v2/businesses/{BUSINESS_ID}/chats/message"
CREATE = f"POST /v2/businesses/{BUSINESS_ID}/chats/new"
BRIEF = 1.0
"""Seconds of the longest wait that a client does not mistake for a used-up hour."""


def program(server: RedisServer, **settings: Any) -> RedisLimits:
    """Return the limits as one of several programs has them."""
    return RedisLimits(server.url, BUSINESS_ID, **settings)


def hour(remaining: object, until: str = "00:10:00", date: str = "00:00:00") -> dict[str, str]:
    """Return the headers of a response, on a day long ago: the local clock must not count."""
    return {
        "Date": f"Tue, 10 Jul 2018 {date} GMT",
        "X-RateLimit-Resource-Remaining": str(remaining),
        "X-RateLimit-Resource-Until": f"Tue, 10 Jul 2018 {until} GMT",
    }


def report(limits: RedisLimits, headers: Mapping[str, str]) -> None:
    """Report a response, as a call does that is over."""
    limits.take("reporter", SEND)
    limits.give_back("reporter", SEND, headers)
