"""Play the table of repeats over real sockets and print how each row ended: `make faults`.

Every row goes through the sync client, and through the async one under asyncio and trio, in plain and over
TLS, against a server on loopback that counts the requests it saw. A row that does not end as promised is
marked, and makes the exit code 1.
"""

import itertools
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from fault_rows import CLIENTS, ROWS, Outcome, Row, play

COLUMNS = ("what happened", "client", "wire", "outcome", "delivery", "attempts", "posts", "waited")


def outcome_of(row: Row, client: str, *, tls: bool) -> Outcome:
    """Play a row; an exception that is not of the SDK is an outcome too, and no promised one."""
    try:
        return play(row, client, tls=tls).outcome
    except Exception as error:  # noqa: BLE001 -- the table shows whatever comes
        return Outcome(f"{type(error).__module__}.{type(error).__name__}", "", 0, 0)


def lines() -> Iterator[tuple[bool, str]]:
    """Play all the rows; tell of each whether it ended as promised, and its line."""
    widths = [max(len(row.what) for row in ROWS), 7, 5, 22, 8, 8, 5, 6]

    def line(cells: tuple[object, ...]) -> str:
        return "  ".join(f"{cell!s:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()

    yield True, line(COLUMNS)
    for row, client, tls in itertools.product(ROWS, CLIENTS, (False, True)):
        if tls or not row.only_tls:
            outcome = outcome_of(row, client, tls=tls)
            told = line((row.what, client, "TLS" if tls else "plain", *outcome))
            kept = outcome == row.promised
            yield kept, told if kept else f"{told}  <- promised: {line(('', '', '', *row.promised)).strip()}"


def main() -> int:
    """Print the table and a verdict."""
    logging.getLogger("yandex_market_chats").setLevel(logging.CRITICAL)  # the table tells it all
    broken = 0
    for kept, told in lines():
        print(told, flush=True)
        broken += not kept
    print(f"\n{broken} rows did not end as promised." if broken else "\nAll rows ended as promised.")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
