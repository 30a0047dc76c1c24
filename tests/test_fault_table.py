"""The output of `make faults`, and its exit code."""

import logging
from collections.abc import Callable, Iterator

import pytest

import faults
from fault_rows import FAILED, Row, row, sent
from fault_server import answer

pytestmark = pytest.mark.tooling

Print = Callable[..., int]


@pytest.fixture
def print_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Print]:
    """Return a function that prints the table of these rows alone, for the sync client."""
    logger = logging.getLogger("yandex_market_chats")
    level = logger.level

    def print_table(*rows: Row) -> int:
        monkeypatch.setattr(faults, "CASES", [(row, "sync", tls) for row in rows for tls in row.wires])
        return faults.main()

    yield print_table
    logger.setLevel(level)


def test_kept_promises_exit_with_0(print_table: Print, capsys: pytest.CaptureFixture[str]) -> None:
    """The table shows each row with its client and wire, so that a reader can check what was run."""
    assert print_table(row("all is well", sent(), answer(200), wires=(False, True))) == 0
    printed = capsys.readouterr().out
    assert [printed.count(text) for text in ("all is well", " plain ", " TLS ")] == [2, 1, 1]
    assert "promised:" not in printed
    assert printed.endswith("\nAll rows ended as promised.\n")


def test_broken_promise_exits_with_1(print_table: Print, capsys: pytest.CaptureFixture[str]) -> None:
    """A broken row is marked with its promise, and the rows after it are played all the same."""
    assert print_table(row("broken", FAILED, answer(200)), row("all is well", sent(), answer(200))) == 1
    printed = capsys.readouterr().out
    assert printed.count("  <- promised: ConnectionFailedError") == 1
    assert "all is well" in printed
    assert printed.endswith("\n1 rows did not end as promised.\n")


def test_foreign_exception_is_a_broken_promise(
    print_table: Print, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An exception that is not a `MarketError` must not end the table early."""

    def play(*_: object, **__: object) -> None:
        raise LookupError

    monkeypatch.setattr(faults, "play", play)
    assert print_table(row("all is well", sent(), answer(200))) == 1
    assert "builtins.LookupError" in capsys.readouterr().out
