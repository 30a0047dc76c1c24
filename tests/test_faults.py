"""The table of repeats, row by row, over real sockets; and what the table has no column for."""

from datetime import UTC, datetime

import httpx
import pytest

from fault_rows import (
    CLIENTS,
    LATE,
    LOST,
    ROWS,
    Row,
    hourly,
    play,
    redirect,
    rotating_key,
    row,
    sent,
)
from fault_server import answer, reset
from yandex_market_chats import ConnectionLostError, RateLimitError

CASES = [
    pytest.param(row, tls, id=f"{row.what}-{'TLS' if tls else 'plain'}")
    for row in ROWS
    for tls in (False, True)
    if tls or not row.only_tls
]

pytestmark = [
    pytest.mark.parametrize("client", CLIENTS),
    # httpx and httpcore leave the iterators of a broken exchange to the garbage collector, and trio minds.
    pytest.mark.filterwarnings("ignore:Async generator 'http:ResourceWarning"),
]
both_wires = pytest.mark.parametrize("tls", [False, True], ids=["plain", "TLS"])


@pytest.mark.parametrize(("case", "tls"), CASES)
def test_row_of_the_table_holds(case: Row, client: str, *, tls: bool) -> None:
    """Each row ends as it promises: error, delivery, attempts, requests that arrived, and waits."""
    assert play(case, client, tls=tls).outcome == case.promised


@both_wires
def test_every_attempt_has_its_own_connection(client: str, *, tls: bool) -> None:
    """The API does not support keep-alive, so nothing is sent over a connection that was used."""
    played = play(
        row("503 twice, then done", sent(3), answer(503), answer(503), answer(200)), client, tls=tls
    )
    assert played.server.connections == 3
    assert {request.headers["Connection"] for request in played.server.requests} == {"close"}


@both_wires
def test_every_attempt_carries_the_credentials_of_its_moment(client: str, *, tls: bool) -> None:
    """A token that is replaced after a 401 is on the wire in the next attempt."""
    played = play(row("401", sent(2), answer(401), answer(200), key=rotating_key), client, tls=tls)
    assert [request.headers["Api-Key"] for request in played.server.requests] == ["old", "new"]


@both_wires
def test_redirect_is_not_followed_by_any_method(client: str, *, tls: bool) -> None:
    """Nothing reaches the server after a redirect, be it a POST or not."""
    played = play(row("303", LOST, redirect(303), answer(200)), client, tls=tls)
    assert played.server.connections == 1


@both_wires
def test_lost_connection_names_its_cause(client: str, *, tls: bool) -> None:
    """The exception of httpx is chained."""
    error = play(row("reset", LOST, reset), client, tls=tls).ended
    assert isinstance(error, ConnectionLostError)
    assert isinstance(error.__cause__, httpx.NetworkError | httpx.RemoteProtocolError)


def test_hourly_limit_tells_until_when(client: str) -> None:
    """A limit that outlasts the deadline is raised at once, and carries the moment it ends."""
    error = play(row("420", LOST, hourly(LATE)), client, tls=False).ended
    assert isinstance(error, RateLimitError)
    assert error.until == datetime(2018, 7, 10, 1, 42, 40, tzinfo=UTC)
