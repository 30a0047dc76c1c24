"""Measure this package against bare httpx and against the vanilla generated client: `run.py [--write]`.

The clients run in processes and environments of their own (`environments.py` says why) and alternate round by
round (`figures.py`). The figures are the machine's, the ratios travel. Nothing here fails on a missed goal:
these are figures, not tests. With --write the table replaces the one in docs/costs.md.
"""

import argparse
from collections.abc import Iterator

from environments import ROOT, environments
from figures import delivery, import_milliseconds, losses, microseconds_a_call, peak_mebibytes
from loopback import serving
from report import Row, table, text, write


def measure() -> Iterator[Row]:
    """Take the figures."""
    with environments() as where, serving() as url:
        for way, goal in (("sync", 1.25), ("async", 1.25)):
            yield Row.ratio(f"memory-{way}", "µs", microseconds_a_call(where, way, "memory"), goal)
        for way, goal in (("sync", 1.08), ("async", 0.85)):
            yield Row.ratio(f"loopback-{way}", "µs", microseconds_a_call(where, way, url), goal)
        yield Row.ratio("import", "ms", import_milliseconds(where), 1.3)
        yield Row.difference("peak", "MiB", peak_mebibytes(where, url), 5.0)
        yield Row.losses("losses", losses(where))
        for way in ("sync", "async"):
            yield Row.delivery(f"delivery-{way}", *delivery(where, way), 1.1)


def main() -> None:
    """Measure, print and, when asked to, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0] + ".")
    parser.add_argument("--write", action="store_true", help="write the table into docs/costs.md")
    arguments = parser.parse_args()
    rows = []
    for row in measure():
        print(text(row), flush=True)
        rows.append(row)
    if arguments.write:
        write(ROOT / "docs" / "costs.md", table(rows))


if __name__ == "__main__":
    main()
