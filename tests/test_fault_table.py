"""What `make faults` prints, and the exit code that its table comes to."""

import logging
from collections.abc import Callable, Iterator

import pytest

import faults
from fault_rows import FAILED, Row, row, sent
from fault_server import answer

Print = Callable[..., int]


@pytest.fixture
def print_table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Print]:
    """Give a function that plays these rows alone, with one client."""
    logger = logging.getLogger("yandex_market_chats")
    level = logger.level

    def print_table(*rows: Row) -> int:
        monkeypatch.setattr(faults, "ROWS", rows)
        monkeypatch.setattr(faults, "CLIENTS", ("sync",))
        return faults.main()

    yield print_table
    logger.setLevel(level)


def test_rows_that_end_as_promised_exit_with_0(
    print_table: Print, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table has each of them, in plain and over TLS."""
    assert print_table(row("all is well", sent(), answer(200))) == 0
    printed = capsys.readouterr().out
    assert [printed.count(words) for words in ("all is well", " plain ", " TLS ")] == [2, 1, 1]
    assert "promised:" not in printed
    assert printed.endswith("\nAll rows ended as promised.\n")


def test_a_row_that_ends_otherwise_exits_with_1(
    print_table: Print, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is marked with what was promised, and the rows after it are played all the same."""
    assert print_table(row("broken", FAILED, answer(200)), row("all is well", sent(), answer(200))) == 1
    printed = capsys.readouterr().out
    assert printed.count("  <- promised: ConnectionFailedError") == 2
    assert printed.count("all is well") == 2
    assert printed.endswith("\n2 rows did not end as promised.\n")


def test_an_exception_that_is_none_of_the_sdk_is_a_broken_row(
    print_table: Print, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The table shows it, and goes on."""

    def play(*_: object, **__: object) -> None:
        raise LookupError

    monkeypatch.setattr(faults, "play", play)
    assert print_table(row("all is well", sent(), answer(200))) == 1
    assert capsys.readouterr().out.count("builtins.LookupError") == 2
