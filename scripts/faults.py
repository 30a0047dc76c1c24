"""Run the table of outcomes over real sockets and print how each row ended: `make faults`.

Each row goes through the clients and wires for which it matters, against a server on loopback that counts the
requests it saw. A row that does not end as promised is marked, and makes the exit code 1.
"""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fault_rows import CASES, Outcome, Row, play

COLUMNS = ("what happened", "client", "wire", "outcome", "delivery", "attempts", "posts", "waited")


def outcome_of(row: Row, client: str, *, tls: bool) -> Outcome:
    """Play a row; an exception that is not a `MarketError` is an outcome too, but never a promised one."""
    try:
        return play(row, client, tls=tls).outcome
    except Exception as error:  # noqa: BLE001 -- the table shows any exception
        return Outcome(f"{type(error).__module__}.{type(error).__name__}", "", 0, 0)


def lines() -> Iterator[tuple[bool, str]]:
    """Play all rows; for each, return whether it ended as promised, and its line."""
    widths = [max(len(row.what) for row, *_ in CASES), 7, 5, 22, 8, 8, 5, 6]

    def line(cells: tuple[object, ...]) -> str:
        return "  ".join(f"{cell!s:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()

    yield True, line(COLUMNS)
    for row, client, tls in CASES:
        outcome = outcome_of(row, client, tls=tls)
        text = line((row.what, client, "TLS" if tls else "plain", *outcome))
        kept = outcome == row.promised
        yield kept, text if kept else f"{text}  <- promised: {line(('', '', '', *row.promised)).strip()}"


def main() -> int:
    """Print the table and a verdict."""
    logging.getLogger("yandex_market_chats").setLevel(logging.CRITICAL)  # the table says it all
    broken = 0
    for kept, text in lines():
        print(text, flush=True)
        broken += not kept
    print(f"\n{broken} rows did not end as promised." if broken else "\nAll rows ended as promised.")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
