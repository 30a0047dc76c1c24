"""The table of outcomes: what happens on the wire, and which outcome the SDK promises.

Each row is run through the default network of a client. No retry really waits: `play` records how long it
would have waited.
"""

import functools
import itertools
import os
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    ca_file,
    close,
    drips,
    envelope,
    floods,
    head,
    mute,
    mute_handshake,
    packed,
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
    ConnectionFailedError,
    ConnectionLostError,
    Delivery,
    LockedError,
    MarketChats,
    MarketError,
    NotFoundError,
    OAuthToken,
    PermissionDeniedError,
    RateLimitError,
    RetryPolicy,
    SentMessage,
    ServerError,
    UnexpectedAnswerError,
)
from yandex_market_chats._limits import HourlyLimits

TASKS = ("asyncio", "trio")
CLIENTS = ("sync", *TASKS)
"""The sync client, and the async one under each event loop."""
MAX_ATTEMPTS = 10
"""The default of `RetryPolicy`."""


class Outcome(NamedTuple):
    """How a call ended.

    Attributes:
        ended: `sent`, or the name of the error's class.
        delivery: The `delivery` of the error.
        attempts: How many attempts the SDK reports.
        posts: How many complete requests the server saw.
        waited: How many seconds the SDK would have waited before retries.
    """

    ended: str
    delivery: str
    attempts: int
    posts: int
    waited: float = 0.0


def sent(attempts: int = 1, **more: Any) -> Outcome:
    """Promise that the message is sent, and that the server sees a request for every attempt."""
    return Outcome("sent", "", attempts, **{"posts": attempts, **more})


def not_sent(error: type[MarketError], attempts: int = 1, **more: Any) -> Outcome:
    """Promise an error that says the message was not sent."""
    return Outcome(error.__name__, Delivery.NOT_SENT.value, attempts, **{"posts": attempts, **more})


def unknown(error: type[MarketError], attempts: int = 1, **more: Any) -> Outcome:
    """Promise an error that says the message may have been sent."""
    return Outcome(error.__name__, Delivery.UNKNOWN.value, attempts, **{"posts": attempts, **more})


Auth = ApiKey | OAuthToken


def static() -> Auth:
    """Return credentials that never change."""
    return ApiKey("token")


def constant() -> Auth:
    """Return credentials whose callable always returns the same token."""
    return ApiKey(lambda: "token")


def rotating(kind: type[Auth] = ApiKey) -> Auth:
    """Return credentials whose token is replaced after the first attempt."""
    tokens = itertools.chain(["old"], itertools.repeat("new"))
    return kind(lambda: next(tokens))


EAGER = RetryPolicy(backoff=0)
"""The default policy without random waits."""
HURRIED = RetryPolicy(backoff=0, deadline=0.5)
RESENDING = RetryPolicy(backoff=0, resend_unknown=True)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: what happens to a message, and what is promised.

    Attributes:
        clients: The clients for which the row matters.
        wires: Whether it is run in plain, over TLS, or both.
        proxy: How a proxy in front of the server serves each connection.
    """

    what: str
    promised: Outcome
    steps: Sequence[Step] = ()
    clients: Sequence[str] = ("sync",)
    wires: Sequence[bool] = (False,)
    door: Door = "open"
    resolves: bool = True
    proxy: Callable[[FaultServer], Step] | None = None
    policy: RetryPolicy = EAGER
    timeout: float | httpx.Timeout = 5.0
    max_connections: int | None = None
    auth: Callable[[], Auth] = static


def row(what: str, promised: Outcome, *steps: Step, **more: Any) -> Row:
    """Return a row for the sync client in plain: client and wire cannot make a difference."""
    return Row(what=what, promised=promised, steps=steps, **more)


def wired(what: str, promised: Outcome, *steps: Step, **more: Any) -> Row:
    """Return a row for all clients in plain."""
    return row(what, promised, *steps, **{"clients": CLIENTS, **more})


def everywhere(what: str, promised: Outcome, *steps: Step, **more: Any) -> Row:
    """Return a row for all clients, in plain and over TLS."""
    return wired(what, promised, *steps, wires=(False, True), **more)


def over_tls(what: str, promised: Outcome, *steps: Step, **more: Any) -> Row:
    """Return a row for all clients, over TLS only."""
    return wired(what, promised, *steps, wires=(True,), **more)


def proxied(what: str, promised: Outcome, step: Step, **more: Any) -> Row:
    """Return a row whose proxy answers before the request could leave."""
    return over_tls(f"proxy: {what}", promised, proxy=lambda _server: step, **more)


def tunnelled(what: str, promised: Outcome, step: Step) -> Row:
    """Return a row whose proxy forwards the connection."""
    return over_tls(f"through a proxy: {what}", promised, step, proxy=lambda server: server.tunnel)


DATE = "Thu, 10 Jul 2018 00:42:40 GMT"
SOON = "Thu, 10 Jul 2018 00:42:42 GMT"
LATE = "Thu, 10 Jul 2018 01:42:40 GMT"
"""An hour after `DATE`; the weekday is wrong, as in the vendor's own example."""

HTML = b"<html><body>Bad gateway</body></html>"
VARNISH = b"<!DOCTYPE html><html><body><h1>Error 503 Backend fetch failed</h1></body></html>"
ENVOY = b"upstream connect error or disconnect/reset before headers. reset reason: connection termination"
PARALLEL = envelope("Hit rate limit of 4 parallel requests for businessId 12345")
HOURLY = envelope("Hit rate limit of 1000 requests per 1 hour for resource businesses/{businessId}/chats")
HEAD_OF_MORE = head(200, {"Content-Length": "1000"})
OK_LENGTH = {"Content-Length": str(len(OK))}
CHUNKED = {"Transfer-Encoding": "chunked"}
TOO_LONG = b'{"status": "OK", "more": "%s"}' % bytes(17 * 2**20)
"""More than the 16 MiB of a response that are read and decoded."""

parallel = answer(420, PARALLEL)
done = answer(200)


def hourly(until: str) -> Step:
    """Answer that the hourly limit is exhausted until then."""
    limit = {"Limit": "1000", "Remaining": "0", "Until": until}
    return answer(
        420, HOURLY, {"Date": DATE, **{f"X-RateLimit-Resource-{name}": limit[name] for name in limit}}
    )


def redirect(status: int) -> Step:
    """Answer with a redirect."""
    return answer(status, b"", {"Location": "/elsewhere"})


def cut(status: int) -> Step:
    """Close the connection in the middle of the envelope."""
    return says(head(status, {"Content-Length": "1000"}), envelope("no")[:-1])


FAILED = not_sent(ConnectionFailedError, attempts=MAX_ATTEMPTS, posts=0)
FAILED_ONCE = not_sent(ConnectionFailedError, posts=0)
LOST = unknown(ConnectionLostError)
UNEXPECTED = unknown(UnexpectedAnswerError)
FAST_CONNECT = httpx.Timeout(5, connect=0.02)
FAST_READ = httpx.Timeout(5, read=0.05)

SENT = [
    everywhere("200", sent(), done),
    everywhere("200 without a length", sent(), says(head(200), OK)),
    wired("200 in chunks", sent(), says(head(200, CHUNKED), b"10\r\n", OK, b"\r\n0\r\n\r\n")),
    wired("200 as gzip", sent(), packed(200, OK)),
    wired("200 with 1 MiB of blanks after it", sent(), answer(200, OK + b" " * 2**20)),
    wired("103, then 200", sent(), says(head(103), head(200, OK_LENGTH), OK)),
]

NO_CONNECTION = [
    wired("name not resolved", FAILED, resolves=False),
    wired("connection refused", FAILED, door="closed"),
    wired("connect timeout", FAILED, door="full", timeout=FAST_CONNECT),
    wired("connecting past the deadline", FAILED_ONCE, door="full", policy=HURRIED),
    wired("pool timeout", FAILED, max_connections=0, timeout=httpx.Timeout(5, pool=0.02)),
    over_tls("TLS: certificate of another host", FAILED, wrong_name),
    over_tls("TLS: certificate of an unknown authority", FAILED, untrusted),
    over_tls("TLS: plain HTTP instead", FAILED, plain_handshake),
    over_tls("TLS: reset in the handshake", FAILED, reset_handshake),
    over_tls("TLS: mute handshake", FAILED, mute_handshake, timeout=FAST_CONNECT),
    over_tls("TLS: mute handshake past the deadline", FAILED_ONCE, mute_handshake, policy=HURRIED),
    over_tls("TLS fails, then done", sent(2, posts=1), reset_handshake, done),
]

PROXY = [
    proxied("403", FAILED_ONCE, answer(403)),
    proxied("407", FAILED_ONCE, answer(407)),
    proxied("502", FAILED, answer(502)),
    proxied("closes", FAILED, close),
    proxied("resets", FAILED, reset),
    proxied("garbage", FAILED, says(b"garbage\r\n\r\n")),
    proxied("mute", FAILED, mute, timeout=FAST_READ),
    proxied("mute past the deadline", FAILED_ONCE, mute, policy=HURRIED),
    tunnelled("200", sent(), done),
    tunnelled("reset", LOST, reset),
]

RETRIED = [
    wired("420 parallel", not_sent(RateLimitError, MAX_ATTEMPTS), parallel),
    row("420 parallel twice, then done", sent(3), parallel, parallel, done),
    wired("420 hourly until soon, then done", sent(2, waited=2), hourly(SOON), done),
    row("420 hourly until past the deadline", not_sent(RateLimitError), hourly(LATE), done),
    row("420 hourly until the past, then done", sent(2), hourly("Thu, 01 Jan 1970 00:00:00 GMT"), done),
    row("420 hourly until nonsense, then done", sent(2), hourly("12"), done),
    row("420 without a text, then done", sent(2), answer(420, b""), done),
    row("429", not_sent(RateLimitError, MAX_ATTEMPTS), answer(429)),
    row("429 Retry-After: 3, then done", sent(2, waited=3), answer(429, headers={"Retry-After": "3"}), done),
    wired("503 with the envelope", not_sent(ServerError, MAX_ATTEMPTS), answer(503)),
    wired("503 with the envelope twice, then done", sent(3), answer(503), answer(503), done),
    row("503 with the envelope as gzip, then done", sent(2), packed(503, envelope("no")), done),
    row(
        "503 with the envelope, Retry-After: a date, then done",
        sent(2, waited=2),
        answer(503, headers={"Retry-After": SOON, "Date": DATE}),
        done,
    ),
    row(
        "503 with the envelope, Retry-After past the deadline",
        not_sent(ServerError),
        answer(503, headers={"Retry-After": "61"}),
        done,
    ),
    row(
        "503 with the envelope, retries disabled",
        not_sent(ServerError),
        answer(503),
        policy=RetryPolicy.disabled(),
    ),
    row("401, another token, done", sent(2), answer(401), done, auth=rotating),
    row("401, another token, 401", not_sent(AuthenticationError, 2), answer(401), auth=rotating),
    row(
        "403, another OAuth token, done",
        sent(2),
        answer(403),
        done,
        auth=functools.partial(rotating, OAuthToken),
    ),
]

REFUSED = [
    row("400", not_sent(BadRequestError), answer(400)),
    row('400 with "status": "OK"', not_sent(BadRequestError), answer(400, OK)),
    row("401", not_sent(AuthenticationError), answer(401)),
    row("401 with HTML", not_sent(AuthenticationError), answer(401, HTML)),
    row("401, the same token again", not_sent(AuthenticationError), answer(401), auth=constant),
    row("403", not_sent(PermissionDeniedError), answer(403)),
    row("403, another Api-Key token", not_sent(PermissionDeniedError), answer(403), auth=rotating),
    row("404", not_sent(NotFoundError), answer(404)),
    *(row(f"{status}", not_sent(ApiError), answer(status)) for status in (405, 409, 415)),
    row("423", not_sent(LockedError), answer(423)),
    *(row(f"{status} redirect", not_sent(ApiError), redirect(status)) for status in (301, 302, 307, 308)),
    wired(
        "302 to an invalid URL", not_sent(ApiError), answer(302, headers={"Location": "http://host:port/"})
    ),
    wired("302 to a mailbox", not_sent(ApiError), answer(302, headers={"Location": "mailto:someone"})),
    everywhere("404, body cut short", not_sent(NotFoundError), cut(404)),
    wired("404, body over 16 MiB", not_sent(NotFoundError), answer(404, TOO_LONG)),
]

LOST_ANSWERS = [
    everywhere("reset before the request was read", LOST._replace(posts=0), reset_unread),
    everywhere("reset after the request was read", LOST, reset),
    everywhere("closed without a response", LOST, close),
    everywhere("no response", LOST, mute, timeout=FAST_READ),
    everywhere("head cut short", LOST, says(b"HTTP/1.1 200 OK\r\nContent-")),
    everywhere("body cut short", LOST, says(HEAD_OF_MORE, OK)),
    everywhere("body reset", LOST, says(HEAD_OF_MORE, OK, then=Wire.reset)),
    everywhere("body stalls", LOST, says(HEAD_OF_MORE, OK, then=Wire.wait_for_end), timeout=FAST_READ),
    everywhere("chunk cut short", LOST, says(head(200, CHUNKED), b"ff\r\n", OK)),
    wired("garbage instead of HTTP", LOST, says(b"\x00\xff garbage\r\n\r\n")),
    over_tls("garbage instead of TLS", LOST, says(then=lambda wire: wire.send_below_tls(bytes(64)))),
    wired("1 MB of headers", LOST, answer(200, OK, {f"X-{n}": "x" * 1000 for n in range(1000)})),
    wired(
        "slow head past the deadline",
        LOST,
        drips(b"HTTP/1.1 200 OK\r\n", b"X-Patience: none\r\nContent-Length: 0\r\n\r\n"),
        policy=HURRIED,
        clients=TASKS,
    ),
    wired("endless 100 Continue", LOST, floods(head(100) * 200), policy=HURRIED, clients=TASKS),
    wired("endless body", LOST, floods(b"2\r\n  \r\n", head(200, CHUNKED)), policy=HURRIED),
    wired(
        "slow body past the deadline",
        LOST,
        drips(head(200, {"Content-Length": "100"}), OK.rjust(100)),
        policy=HURRIED,
    ),
]

UNKNOWN_STATUSES = [
    *(
        row(f"{status}", unknown(error), answer(status), done)
        for status, error in (
            *((status, ApiError) for status in (408, 499)),
            *((status, ServerError) for status in (500, 501, 502, 504, 520)),
        )
    ),
    row("303", unknown(ApiError), redirect(303), done),
    row("500 with nothing", unknown(ServerError), answer(500, b""), done),
    row("502 with HTML", unknown(ServerError), answer(502, HTML), done),
    row("503 with HTML", unknown(ServerError), answer(503, HTML), done),
    wired("503 of Varnish", unknown(ServerError), answer(503, VARNISH, {"Retry-After": "5"}), done),
    wired("503 of Envoy", unknown(ServerError), answer(503, ENVOY), done),
    row(
        "503 with an envelope without errors", unknown(ServerError), answer(503, b'{"status": "ERROR"}'), done
    ),
    everywhere("503 with the envelope, body cut short", unknown(ServerError), cut(503), done),
    everywhere("504, body cut short", unknown(ServerError), cut(504), done),
]

UNEXPECTED_ANSWERS = [
    row('200 with "status": "ERROR"', UNEXPECTED, answer(200, envelope("no")), done),
    row(
        '200 with "status": "OK" and errors',
        UNEXPECTED,
        answer(200, b'{"status": "OK", "errors": [{}]}'),
        done,
    ),
    row("200 with HTML", UNEXPECTED, answer(200, HTML), done),
    row("200 with nothing", UNEXPECTED, answer(200, b""), done),
    row("200 with an empty object", UNEXPECTED, answer(200, b"{}"), done),
    row("200 with truncated JSON", UNEXPECTED, answer(200, OK[:-1]), done),
    row("200 with a list", UNEXPECTED, answer(200, b'["OK"]'), done),
    row("201", UNEXPECTED, answer(201, OK), done),
    row("204", UNEXPECTED, says(head(204)), done),
    wired("200, garbage labelled gzip", UNEXPECTED, answer(200, OK, {"Content-Encoding": "gzip"}), done),
    wired("200 labelled br", UNEXPECTED, answer(200, b"\x0b\x07\x80", {"Content-Encoding": "br"}), done),
    wired("200 with a gzip bomb", UNEXPECTED, packed(200, TOO_LONG), done),
    wired("200, body over 16 MiB", UNEXPECTED, answer(200, TOO_LONG), done),
]

RESENT = [
    row("reset, then done, with resend_unknown", sent(2), reset, done, policy=RESENDING),
    row("500, with resend_unknown", unknown(ServerError, MAX_ATTEMPTS), answer(500), policy=RESENDING),
    row(
        "500, then 400, with resend_unknown",
        unknown(BadRequestError, 2),
        answer(500),
        answer(400),
        policy=RESENDING,
    ),
]

ROWS = [
    *SENT,
    *NO_CONNECTION,
    *PROXY,
    *RETRIED,
    *REFUSED,
    *LOST_ANSWERS,
    *UNKNOWN_STATUSES,
    *UNEXPECTED_ANSWERS,
    *RESENT,
]


CASES = [(row, client, tls) for row in ROWS for client in row.clients for tls in row.wires]
"""Each row with the clients and wires for which it matters."""


class Played(NamedTuple):
    """A row that was played: how the call ended, the server, and the waits that were recorded."""

    ended: SentMessage | MarketError
    server: FaultServer
    waits: list[float]

    @property
    def outcome(self) -> Outcome:
        """The outcome in the form of the table."""
        name, delivery = "sent", ""
        if isinstance(self.ended, MarketError):
            name, delivery = type(self.ended).__name__, self.ended.delivery.value
        return Outcome(name, delivery, self.ended.attempts, self.server.posts, fsum(self.waits))


def play(row: Row, client: str = "sync", *, tls: bool = False) -> Played:
    """Send a message through one of the `CLIENTS` while a row happens."""
    with ExitStack() as stack:
        server = stack.enter_context(FaultServer(row.steps, tls=tls, door=row.door))
        proxy = row.proxy and stack.enter_context(FaultServer([row.proxy(server)]))
        waits = stack.enter_context(_no_waiting())
        stack.enter_context(_environment(row, proxy))
        settings = _settings(row, server, waits)
        ended: SentMessage | MarketError
        try:
            if client == "sync":
                ended = _send(row, settings)
            else:
                ended = anyio.run(_send_async, row, settings, backend=client)
        except MarketError as error:
            ended = error
    return Played(ended, server, waits)


def _send(row: Row, settings: dict[str, Any]) -> SentMessage:
    transport = _pool(row, httpx.HTTPTransport)
    with MarketChats(transport=transport, **settings) as chats:
        return chats.send_message(chat_id=42, message="Заказ уже в пути")


async def _send_async(row: Row, settings: dict[str, Any]) -> SentMessage:
    transport = _pool(row, httpx.AsyncHTTPTransport)
    async with AsyncMarketChats(transport=transport, **settings) as chats:
        return await chats.send_message(chat_id=42, message="Заказ уже в пути")


def _pool(row: Row, kind: Callable[..., Any]) -> Any:
    """Return the user's transport of a row about the pool, which the default network cannot exhaust."""
    if row.max_connections is None:
        return None
    return kind(verify=False, limits=httpx.Limits(max_connections=row.max_connections))


def _settings(row: Row, server: FaultServer, waits: list[float]) -> dict[str, Any]:
    return {
        "business_id": 123456,
        "auth": row.auth(),
        "base_url": server.base_url if row.resolves else server.url_of("localhost"),
        "timeout": row.timeout,
        "retries": row.policy,
        # The clock of the hour must see the waits that are only recorded.
        "limits": HourlyLimits(lambda: time.monotonic() + fsum(waits)),
    }


@contextmanager
def _environment(row: Row, proxy: FaultServer | None) -> Iterator[None]:
    """Trust the servers, set the proxy, and break the resolver, as the row says."""
    variables = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    if proxy:
        variables["HTTPS_PROXY"] = proxy.base_url
    with ExitStack() as stack:
        if any(row.wires):
            variables["SSL_CERT_FILE"] = stack.enter_context(ca_file())
        if not row.resolves:
            no_name = socket.gaierror(socket.EAI_NONAME, "no such name")
            stack.enter_context(mock.patch("socket.getaddrinfo", side_effect=no_name))
        stack.enter_context(mock.patch.dict(os.environ, variables, clear=True))
        yield


@contextmanager
def _no_waiting() -> Iterator[list[float]]:
    """Record the waits instead of waiting."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with mock.patch("time.sleep", waits.append), mock.patch("anyio.sleep", sleep):
        yield waits
