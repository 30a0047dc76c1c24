"""Limits that several programs share through Redis. Needs the extra `redis`."""

import random
import threading
import time
import weakref
from collections.abc import Mapping
from typing import Any

from ._errors import ConfigurationError
from ._limits import BRIEF, HOUR, SOON, RateLimit, parse_date
from ._settings import check_count, find_business_id
from ._transport import logger

try:
    from redis import Redis, RedisError
    from redis.backoff import NoBackoff
    from redis.retry import Retry
except ImportError as _error:
    raise ImportError("RedisLimits needs redis: pip install 'yandex-market-chats[redis]'") from _error

POLL = 0.01  # seconds after which the call that is next in line asks again; later calls wait longer
PATIENCE = 3.0  # seconds after which a call that has not asked again loses its turn: its program was killed

# The calls of all programs queue up; the first `parallel` hold the slots, so no program starves the others.
# KEYS: the queue; its calls, by when their lease or turn expires (in Redis's time); the hour of the resource.
_TAKE = """
local queue, leases, hour = unpack(KEYS)
local call, parallel, lease, patience, poll, brief, soon = unpack(ARGV)
local function leave(call) redis.call('LREM', queue, 1, call) redis.call('ZREM', leases, call) end
local time = redis.call('TIME') local now = time[1] + time[2] / 1e6
for _, dead in ipairs(redis.call('ZRANGEBYSCORE', leases, '-inf', now)) do leave(dead) end
local remaining = tonumber(redis.call('HGET', hour, 'remaining')) or math.huge
if remaining == 0 then return tostring(math.max(redis.call('PTTL', hour), 1) / 1000) end
local ahead = redis.call('LPOS', queue, call) or redis.call('RPUSH', queue, call) - 1
redis.call('ZADD', leases, now + (ahead < tonumber(parallel) and lease or patience), call)
if ahead >= tonumber(parallel) then return tostring(math.min(poll * (ahead - parallel + 1), brief)) end
for _, other in ipairs(redis.call('LRANGE', queue, 0, ahead)) do  -- this call included
  if other:match('.* ') == call:match('.* ') then remaining = remaining - 1 end end
if remaining < 0 then leave(call) return soon end return '0'
"""
_GIVE_BACK = """
local call, ends, seconds, remaining = unpack(ARGV)
redis.call('LREM', KEYS[1], 1, call) redis.call('ZREM', KEYS[2], call) if not ends then return end
local known = redis.call('HMGET', KEYS[3], 'until', 'remaining')
local later = ends - (known[1] or 0)
if later > 0 or later == 0 and remaining - known[2] < 0 then
  redis.call('HSET', KEYS[3], 'until', ends, 'remaining', remaining)
  redis.call('EXPIRE', KEYS[3], seconds)
end
"""


class RedisLimits:
    """The limits of a business, shared through Redis. While Redis is unavailable, nothing is sent."""

    def __init__(self, url: str, business_id: int, *, parallel: int = 4, lease: float = 30.0) -> None:
        """Raise `ConfigurationError` if an argument is invalid. No connection is made yet.

        Args:
            url: The URL of Redis, such as `redis://:password@localhost:6379/0`; `rediss://` for TLS.
            business_id: The id of the business.
            parallel: How many requests all programs together may have in flight. The API accepts 4.
            lease: Seconds until the slot of a killed program is free again; must exceed the longest attempt.
        """
        check_count("parallel", parallel)
        if not isinstance(lease, int | float) or not 0 < lease <= threading.TIMEOUT_MAX:
            raise ConfigurationError(f"lease must be a positive number of seconds, not {lease!r}.")
        self._prefix = f"yandex-market-chats:{{{find_business_id(business_id)}}}:"
        self._settings = parallel, lease, PATIENCE, POLL, BRIEF, SOON
        try:
            db = Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=1, socket_connect_timeout=1)
            db.connection_pool.make_connection()  # without connecting: it checks the options in the URL
        except (AttributeError, TypeError, ValueError):
            del url  # a traceback would show the password, as would the cause
            raise ConfigurationError("url must look like redis://:password@localhost:6379/0.") from None
        weakref.finalize(self, db.connection_pool.disconnect)
        self._take, self._give_back = db.register_script(_TAKE), db.register_script(_GIVE_BACK)
        self._lock, self._outage, self._queue = threading.Lock(), "", dict[tuple[str, str], float]()

    def take(self, slot: str, resource: str) -> float:
        """Take a slot. If several calls of this process wait for a resource, only the first asks Redis."""
        call, now = (resource, slot), time.monotonic()
        with self._lock:
            self._queue = {c: t for c, t in self._queue.items() if now - t < PATIENCE} | {call: now}
            ahead = [other for other in self._queue if other[0] == resource].index(call)
        wait = min(2 * POLL * ahead, BRIEF) or self._run(self._take, slot, resource, *self._settings)
        if not wait or wait > BRIEF:
            with self._lock:
                self._queue.pop(call, None)
        return wait if wait > BRIEF else wait * random.uniform(0.5, 1.0)  # noqa: S311

    def give_back(self, slot: str, resource: str, headers: Mapping[str, str] | None) -> None:
        """Return a slot and report the headers. If Redis is unavailable, the lease expires."""
        with self._lock:
            self._queue.pop((resource, slot), None)
        limit, date = RateLimit.from_headers(headers or {}), parse_date((headers or {}).get("Date"))
        report: tuple[float, ...] = ()
        if limit and limit.until and limit.remaining is not None and date:
            seconds = min((limit.until - date).total_seconds(), HOUR)
            report = int(limit.until.timestamp()), int(seconds), limit.remaining
        self._run(self._give_back, slot, resource, *report)

    def _run(self, script: Any, slot: str, resource: str, *arguments: float) -> float:
        """Run a script. If Redis is unavailable, return a brief wait, and log the outage once."""
        keys, outage = [self._prefix + name for name in ("queue", "leases", resource)], ""
        try:
            wait = float(script(keys, [f"{resource} {slot}", *arguments]) or 0)
        except BaseException as error:
            # A failover breaks the idle connections, and an interruption leaves a reply to be read in one.
            script.registered_client.connection_pool.disconnect(inuse_connections=False)
            if not isinstance(error, RedisError):
                raise
            wait, outage = BRIEF, f"unavailable, so nothing is sent: {error}"
        with self._lock:
            changed, self._outage = bool(self._outage) is not bool(outage), outage
        if changed:
            log = logger.warning if outage else logger.info
            log("The shared limits are %s", outage or "available again")
        return wait
