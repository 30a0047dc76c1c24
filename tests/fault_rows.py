"""The table of repeats: what happens on the wire, and what the SDK promises to make of it.

The tests and `make faults` play the same rows. Nobody waits before a repeat: `play` writes down how long
the SDK would have.
"""

import gzip
import itertools
import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import fsum
from typing import Any, NamedTuple
from unittest import mock

import anyio
import httpx

from fault_server import (
    OK,
    Door,
    FaultServer,
    Step,
    Wire,
    answer,
    bomb,
    close,
    drips,
    envelope,
    floods,
    head,
    mute,
    mute_handshake,
    plain_handshake,
    reset,
    reset_handshake,
    reset_unread,
    says,
    untrusted,
    wrong_name,
)
from yandex_market_chats import (
    ApiError,
    ApiKey,
    AsyncMarketChats,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    InvalidRequestError,
    LockedError,
    MarketChats,
    MarketError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    SentMessage,
    ServerError,
    UnexpectedAnswerError,
)

CLIENTS = ("sync", "asyncio", "trio")
"""The sync client, and the async one under each event loop."""


class Outcome(NamedTuple):
    """How a call ended."""

    ended: str
    """`sent`, or the name of the error's class."""
    delivery: str
    """The error's word on the message."""
    attempts: int
    """How many attempts the SDK says it made."""
    posts: int
    """How many complete requests the server saw."""
    waited: float = 0.0
    """How many seconds the SDK would have waited before repeats."""


def sent(attempts: int = 1, **more: Any) -> Outcome:
    """Promise that the message is sent, and that the server sees a request for every attempt."""
    return Outcome("sent", "", attempts, **{"posts": attempts, **more})


def not_sent(error: type[MarketError], attempts: int = 1, **more: Any) -> Outcome:
    """Promise an error that says the message was not sent."""
    return Outcome(error.__name__, Delivery.NOT_SENT.value, attempts, **{"posts": attempts, **more})


def unknown(error: type[MarketError], attempts: int = 1, **more: Any) -> Outcome:
    """Promise an error that says the message may have been sent."""
    return Outcome(error.__name__, Delivery.UNKNOWN.value, attempts, **{"posts": attempts, **more})


def static_key() -> ApiKey:
    """Give credentials that never change."""
    return ApiKey("token")


def rotating_key() -> ApiKey:
    """Give credentials whose token is replaced after the first attempt."""
    tokens = itertools.chain(["old"], itertools.repeat("new"))
    return ApiKey(lambda: next(tokens))


def constant_key() -> ApiKey:
    """Give credentials that ask a callable, which gives the same token each time."""
    return ApiKey(lambda: "token")


EAGER = RetryPolicy(backoff=0)
"""The default policy, but for the waits of chance."""
HURRIED = RetryPolicy(backoff=0, deadline=0.3)
RESENDING = RetryPolicy(backoff=0, resend_unknown=True)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: what happens to a message, and what is promised."""

    what: str
    promised: Outcome
    steps: Sequence[Step] = ()
    door: Door = "open"
    resolves: bool = True
    policy: RetryPolicy = EAGER
    connect: float = 5
    read: float = 5
    pool: float = 5
    max_connections: int | None = None
    key: Callable[[], ApiKey | None] = static_key
    chat_id: int = 42
    message: str = "Заказ уже в пути"
    only_tls: bool = False


def row(what: str, promised: Outcome, *steps: Step, **more: Any) -> Row:
    """Write a row in one line."""
    return Row(what=what, promised=promised, steps=steps, **more)


DATE = "Thu, 10 Jul 2018 00:42:40 GMT"
SOON = "Thu, 10 Jul 2018 00:42:42 GMT"
LATE = "Thu, 10 Jul 2018 01:42:40 GMT"
"""An hour after `DATE`; the weekday is wrong as in the vendor's own example."""

HTML = b"<html><body>Bad gateway</body></html>"
PARALLEL = envelope("Hit rate limit of 4 parallel requests for businessId 12345")
HOURLY = envelope("Hit rate limit of 1000 requests per 1 hour for resource businesses/{businessId}/chats")
HEAD_OF_MORE = head(200, {"Content-Length": "1000"})
OK_LENGTH = {"Content-Length": str(len(OK))}
CHUNKED = {"Transfer-Encoding": "chunked"}

parallel = answer(420, PARALLEL)
done = answer(200)


def hourly(until: str) -> Step:
    """Answer that the hourly limit is used up until then."""
    limit = {"Limit": "1000", "Remaining": "0", "Until": until}
    return answer(
        420, HOURLY, {"Date": DATE, **{f"X-RateLimit-Resource-{name}": limit[name] for name in limit}}
    )


def redirect(status: int) -> Step:
    """Send the client elsewhere."""
    return answer(status, b"", {"Location": "/elsewhere"})


FAILED = not_sent(ConnectionFailedError, attempts=5, posts=0)
FAILED_ONCE = not_sent(ConnectionFailedError, posts=0)
LOST = unknown(ConnectionLostError)
UNEXPECTED = unknown(UnexpectedAnswerError)
INVALID = not_sent(InvalidRequestError, attempts=0)

NO_CONNECTION = [
    row("name not resolved", FAILED, resolves=False),
    row("connection refused", FAILED, door="closed"),
    row("connect timeout", FAILED, door="full", connect=0.02),
    row("connecting past the deadline", FAILED_ONCE, door="full", policy=HURRIED),
    row("pool timeout", FAILED, max_connections=0, pool=0.02),
    row("TLS: certificate of another host", FAILED, wrong_name, only_tls=True),
    row("TLS: certificate nobody trusts", FAILED, untrusted, only_tls=True),
    row("TLS: plain HTTP instead", FAILED, plain_handshake, only_tls=True),
    row("TLS: reset in the handshake", FAILED, reset_handshake, only_tls=True),
    row("TLS: mute handshake", FAILED, mute_handshake, only_tls=True, connect=0.02),
    row(
        "TLS: mute handshake past the deadline",
        FAILED_ONCE,
        mute_handshake,
        only_tls=True,
        policy=HURRIED,
    ),
    row("TLS fails, then done", sent(2, posts=1), reset_handshake, done, only_tls=True),
]

LIMITS = [
    row("420 parallel", not_sent(RateLimitError, 5), parallel),
    row("420 parallel twice, then done", sent(3), parallel, parallel, done),
    row("420 hourly until soon, then done", sent(2, waited=2), hourly(SOON), done),
    row("420 hourly until past the deadline", not_sent(RateLimitError), hourly(LATE), done),
    row("420 hourly until the past, then done", sent(2), hourly("Thu, 01 Jan 1970 00:00:00 GMT"), done),
    row("420 hourly until nonsense, then done", sent(2), hourly("12"), done),
    row("420 without a word, then done", sent(2), answer(420, b""), done),
    row("429", not_sent(RateLimitError, 5), answer(429)),
    row("429 Retry-After: 3, then done", sent(2, waited=3), answer(429, headers={"Retry-After": "3"}), done),
    row("503", not_sent(ServerError, 5), answer(503)),
    row("503 with HTML twice, then done", sent(3), answer(503, HTML), answer(503, HTML), done),
    row(
        "503 Retry-After: a date, then done",
        sent(2, waited=2),
        answer(503, headers={"Retry-After": SOON, "Date": DATE}),
        done,
    ),
    row(
        "503 Retry-After past the deadline",
        not_sent(ServerError),
        answer(503, headers={"Retry-After": "61"}),
        done,
    ),
    row("503 whose body breaks off, then done", sent(2), says(head(503, {"Content-Length": "9"})), done),
    row("503 with a gzip bomb, then done", sent(2), bomb(503), done),
    row("503, repeating disabled", not_sent(ServerError), answer(503), policy=RetryPolicy.disabled()),
]

REFUSED = [
    row("400", not_sent(BadRequestError), answer(400)),
    row('400 with "status": "OK"', not_sent(BadRequestError), answer(400, OK)),
    row("401", not_sent(AuthenticationError), answer(401)),
    row("401 with HTML", not_sent(AuthenticationError), answer(401, HTML)),
    row("403", not_sent(PermissionDeniedError), answer(403)),
    row("404", not_sent(NotFoundError), answer(404)),
    *(row(f"{status}", not_sent(ApiError), answer(status)) for status in (405, 409, 415)),
    row("423", not_sent(LockedError), answer(423)),
    *(
        row(f"{status} redirect", not_sent(ApiError), redirect(status))
        for status in (301, 302, 303, 307, 308)
    ),
    row("302 to no URL", not_sent(ApiError), answer(302, headers={"Location": "http://host:port/"})),
    row("302 to a mailbox", not_sent(ApiError), answer(302, headers={"Location": "mailto:somebody"})),
    row("401, another token, done", sent(2), answer(401), done, key=rotating_key),
    row("401, another token, 401", not_sent(AuthenticationError, 2), answer(401), key=rotating_key),
    row("401, the same token again", not_sent(AuthenticationError), answer(401), key=constant_key),
]

NEVER_BEGUN = [
    row("message empty", INVALID, message=""),
    row("message of 4097 characters", INVALID, message="ы" * 4097),
    row("chat id 0", INVALID, chat_id=0),
    row("no credentials", not_sent(ConfigurationError, attempts=0), key=lambda: None),
]

BROKEN = [
    row("reset before the request was read", LOST._replace(posts=0), reset_unread),
    row("reset after the request was read", LOST, reset),
    row("closed without an answer", LOST, close),
    row("mute", LOST, mute, read=0.05),
    row("head breaks off", LOST, says(b"HTTP/1.1 200 OK\r\nContent-")),
    row("body breaks off", LOST, says(HEAD_OF_MORE, OK)),
    row("body is reset", LOST, says(HEAD_OF_MORE, OK, then=Wire.reset)),
    row("body stops coming", LOST, says(HEAD_OF_MORE, OK, then=Wire.wait_for_end), read=0.05),
    row("chunk breaks off", LOST, says(head(200, CHUNKED), b"ff\r\n", OK)),
    row("garbage instead of HTTP", LOST, says(b"\x00\xff garbage\r\n\r\n")),
    row(
        "garbage instead of TLS", LOST, says(then=lambda wire: wire.send_below_tls(bytes(64))), only_tls=True
    ),
    row("garbage that is said to be gzip", LOST, answer(200, b"garbage", {"Content-Encoding": "gzip"})),
    row("1 MB of headers", LOST, answer(200, OK, {f"X-{n}": "x" * 1000 for n in range(1000)})),
    row(
        "slow head past the deadline",
        LOST,
        drips(b"HTTP/1.1 200 OK\r\n", b"X-Patience: none\r\nContent-Length: 0\r\n\r\n"),
        policy=HURRIED,
    ),
    row("100 Continue without end", LOST, floods(head(100) * 200), policy=HURRIED),
    row("body without end", LOST, floods(b"2\r\n  \r\n", head(200, CHUNKED)), policy=HURRIED),
    row(
        "slow body past the deadline",
        LOST,
        drips(head(200, {"Content-Length": "40"}), OK.ljust(40)),
        policy=HURRIED,
    ),
    *(
        row(f"{status}", unknown(error), answer(status), done)
        for status, error in (
            *((status, ApiError) for status in (408, 499)),
            *((status, ServerError) for status in (500, 501, 502, 504, 520)),
        )
    ),
    row("500 with nothing", unknown(ServerError), answer(500, b""), done),
    row("502 with HTML", unknown(ServerError), answer(502, HTML), done),
    row("504 whose body breaks off", unknown(ServerError), says(head(504, {"Content-Length": "9"})), done),
]

NOT_THE_ENVELOPE = [
    row('200 with "status": "ERROR"', UNEXPECTED, answer(200, envelope("no")), done),
    row("200 with HTML", UNEXPECTED, answer(200, HTML), done),
    row("200 with nothing", UNEXPECTED, answer(200, b""), done),
    row("200 with an empty object", UNEXPECTED, answer(200, b"{}"), done),
    row("200 with half a JSON", UNEXPECTED, answer(200, OK[:-1]), done),
    row("200 with a list", UNEXPECTED, answer(200, b'["OK"]'), done),
    row("200 with a gzip bomb", UNEXPECTED, bomb(200), done),
    row("204", UNEXPECTED, says(head(204)), done),
]

RESENT = [
    row("reset, then done, as resend_unknown says", sent(2), reset, done, policy=RESENDING),
    row("500, as resend_unknown says", unknown(ServerError, 5), answer(500), policy=RESENDING),
    row(
        "500, then 400, as resend_unknown says",
        unknown(BadRequestError, 2),
        answer(500),
        answer(400),
        policy=RESENDING,
    ),
]

DONE = [
    row("200", sent(), done),
    row("200 without a length", sent(), says(head(200), OK)),
    row(
        "200 in chunks",
        sent(),
        says(head(200, CHUNKED), b"10\r\n", OK, b"\r\n0\r\n\r\n"),
    ),
    row("200 as gzip", sent(), answer(200, gzip.compress(OK), {"Content-Encoding": "gzip"})),
    row("200 with 1 MB of blanks behind it", sent(), answer(200, OK + b" " * 1024 * 1024)),
    row("103, then 200", sent(), says(head(103), head(200, OK_LENGTH), OK)),
]

ROWS = [*DONE, *NO_CONNECTION, *LIMITS, *REFUSED, *NEVER_BEGUN, *BROKEN, *NOT_THE_ENVELOPE, *RESENT]


class Played(NamedTuple):
    """What is left of a row that was played."""

    ended: SentMessage | MarketError
    server: FaultServer
    waits: list[float]

    @property
    def outcome(self) -> Outcome:
        """The facts that the table is about."""
        name, delivery = "sent", ""
        if isinstance(self.ended, MarketError):
            name, delivery = type(self.ended).__name__, self.ended.delivery.value
        return Outcome(name, delivery, self.ended.attempts, self.server.posts, fsum(self.waits))


def play(row: Row, client: str, *, tls: bool) -> Played:
    """Send the message of a row through one of the `CLIENTS`."""
    with (
        _nobody_waits() as waits,
        _environment(row),
        FaultServer(row.steps, tls=tls, door=row.door) as server,
    ):
        ended: SentMessage | MarketError
        try:
            if client == "sync":
                ended = _send(row, server)
            else:
                ended = anyio.run(_send_async, row, server, backend=client)
        except MarketError as error:
            ended = error
    return Played(ended, server, waits)


def _send(row: Row, server: FaultServer) -> SentMessage:
    transport = httpx.HTTPTransport(
        verify=server.ca, limits=httpx.Limits(max_connections=row.max_connections)
    )
    with MarketChats(transport=transport, **_settings(row, server)) as chats:
        return chats.send_message(chat_id=row.chat_id, message=row.message)


async def _send_async(row: Row, server: FaultServer) -> SentMessage:
    transport = httpx.AsyncHTTPTransport(
        verify=server.ca, limits=httpx.Limits(max_connections=row.max_connections)
    )
    async with AsyncMarketChats(transport=transport, **_settings(row, server)) as chats:
        return await chats.send_message(chat_id=row.chat_id, message=row.message)


def _settings(row: Row, server: FaultServer) -> dict[str, Any]:
    return {
        "business_id": 123456,
        "auth": row.key(),
        "base_url": server.base_url if row.resolves else server.url_of("localhost"),
        "timeout": httpx.Timeout(5, connect=row.connect, read=row.read, pool=row.pool),
        "retries": row.policy,
    }


@contextmanager
def _environment(row: Row) -> Iterator[None]:
    """Set no variable of ours, and break the resolver where the row says so."""
    broken = mock.patch("socket.getaddrinfo", side_effect=socket.gaierror(socket.EAI_NONAME, "no such name"))
    with mock.patch.dict(os.environ), nullcontext() if row.resolves else broken:
        for variable in [name for name in os.environ if name.startswith("YANDEX_MARKET_")]:
            del os.environ[variable]
        yield


@contextmanager
def _nobody_waits() -> Iterator[list[float]]:
    """Write the waits down instead of waiting."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with mock.patch("time.sleep", waits.append), mock.patch("anyio.sleep", sleep):
        yield waits
