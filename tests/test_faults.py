"""The table of outcomes, row by row, over real sockets; and what the table has no column for."""

from datetime import UTC, datetime

import httpx
import pytest

from fault_rows import (
    CASES,
    CLIENTS,
    HURRIED,
    LATE,
    LOST,
    Row,
    hourly,
    play,
    redirect,
    rotating,
    row,
    sent,
)
from fault_server import OK, Wire, answer, head, reset
from yandex_market_chats import ConnectionLostError, RateLimitError

# httpx and httpcore leave the iterators of a broken exchange to the garbage collector, and trio warns.
pytestmark = pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning")
every_client = pytest.mark.parametrize("client", CLIENTS)


def line(case: Row, client: str, *, tls: bool) -> str:
    """Return a line of the table that `make faults` prints."""
    promised = case.promised
    ended = f"{promised.ended} {promised.delivery}".strip()
    counts = f"attempts {promised.attempts}, posts {promised.posts}"
    return f"{case.what} | {client} | {'TLS' if tls else 'plain'} | {ended} | {counts}"


@pytest.mark.parametrize(
    ("case", "client", "tls"),
    [pytest.param(case, client, tls, id=line(case, client, tls=tls)) for case, client, tls in CASES],
)
def test_row_ends_as_promised(case: Row, client: str, *, tls: bool) -> None:
    """A row promises the error, `delivery`, the attempts, the requests that arrive, and the waits."""
    assert play(case, client, tls=tls).outcome == case.promised


@every_client
def test_every_attempt_has_its_own_connection(client: str) -> None:
    """Keep-alive is not supported, so a POST over a used connection could fail like a lost answer."""
    played = play(row("503 twice, then done", sent(3), answer(503), answer(503), answer(200)), client)
    assert played.server.connections == 3
    assert {request.headers["Connection"] for request in played.server.requests} == {"close"}


@every_client
def test_every_attempt_carries_the_current_token(client: str) -> None:
    """A token that is replaced after a 401 is on the wire in the next attempt."""
    played = play(row("401", sent(2), answer(401), answer(200), auth=rotating), client)
    assert [request.headers["Api-Key"] for request in played.server.requests] == ["old", "new"]


@every_client
def test_redirects_are_not_followed(client: str) -> None:
    """Following a redirect could send the token to another host."""
    assert play(row("307", LOST, redirect(307), answer(200)), client).server.connections == 1


@every_client
def test_lost_connection_has_a_cause(client: str) -> None:
    """The exception of httpx is chained, because it says what happened to the connection."""
    error = play(row("reset", LOST, reset), client).ended
    assert isinstance(error, ConnectionLostError)
    assert isinstance(error.__cause__, httpx.NetworkError | httpx.RemoteProtocolError)


@every_client
def test_blanks_after_a_success_do_not_outlast_the_deadline(client: str) -> None:
    """A server that drips blanks behind a complete answer must not hold the call, and its slot, forever."""
    dripped = []

    def drip(wire: Wire) -> None:
        wire.read_request()
        wire.send(head(200, {"Content-Length": "1000"}) + OK)
        for _ in range(100):
            wire.pause(0.02)
            wire.send(b" ")
        dripped.append("all blanks")

    play(row("blanks", sent(), drip, policy=HURRIED), client)
    assert not dripped


def test_hourly_limit_says_when_it_resets() -> None:
    """A program can wait longer than the deadline of a call if it knows until when."""
    error = play(row("420", LOST, hourly(LATE))).ended
    assert isinstance(error, RateLimitError)
    assert error.until == datetime(2018, 7, 10, 1, 42, 40, tzinfo=UTC)
