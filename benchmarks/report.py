"""The figures as text: for the terminal, and as the table of docs/costs.md."""

import os
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Self

from figures import CLIENTS, Compared

LONG = 1000
NAMES = {
    "memory-sync": "a call in memory, sync",
    "memory-async": "a call in memory, async, 4 in flight",
    "loopback-sync": "a call over loopback, sync",
    "loopback-async": "a call over loopback, async, 4 in flight",
    "import": "cold import",
    "peak": "peak memory after one message",
    "losses": "sends lost of 300, server closing unannounced 0.5 ms after",
    "delivery-sync": "200 messages at 100 ms latency, threads",
    "delivery-async": "200 messages at 100 ms latency, tasks",
}
HEAD = "| | httpx | generated, unmodified | this package | result | goal |"


@dataclass(frozen=True)
class Row:
    """One line of the report.

    Attributes:
        name: What was measured: a key of `NAMES`.
        unit: Of the cells.
        cells: A figure for each client, where there is one.
        result: What is held to the goal, in words.
        goal: The goal, in words.
        met: Whether it is met.
    """

    name: str
    unit: str
    cells: Mapping[str, str]
    result: str
    goal: str
    met: bool

    @classmethod
    def ratio(cls, name: str, unit: str, compared: Compared, goal: float) -> Self:
        """Hold the ratio to bare httpx to a goal."""
        ratio = compared.ratios["ours"]
        return cls(name, unit, _cells(compared), f"× {ratio:.2f}", f"≤ × {goal}", ratio <= goal)

    @classmethod
    def difference(cls, name: str, unit: str, compared: Compared, goal: float) -> Self:
        """Hold the difference to bare httpx to a goal."""
        more = compared.differences["ours"]
        return cls(name, unit, _cells(compared), f"{more:+.1f}", f"≤ +{goal:.0f}", more <= goal)

    @classmethod
    def losses(cls, name: str, lost: Mapping[str, int]) -> Self:
        """Lose nothing."""
        cells = {client: str(count) for client, count in lost.items()}
        return cls(name, "", cells, cells["ours"], "0", not lost["ours"])

    @classmethod
    def delivery(cls, name: str, seconds: float, ideal: float, refused: int, goal: float) -> Self:
        """Be nearly as fast as the limit allows, and never hit it."""
        ratio = seconds / ideal
        return cls(
            name,
            "s",
            {"ours": f"{seconds:.2f}"},
            f"× {ratio:.3f}, 420: {refused}",
            f"≤ × {goal}, 420: 0",
            ratio <= goal and not refused,
        )


def _cells(compared: Compared) -> dict[str, str]:
    return {
        client: f"{value:.3g}" if value < LONG else f"{value:.0f}"
        for client, value in compared.medians.items()
    }


def text(row: Row) -> str:
    """Lay a row out for a terminal."""
    name = NAMES[row.name] + (row.unit and f", {row.unit}")
    cells = "".join(f"{row.cells.get(client, '–'):>8}" for client in CLIENTS)
    return f"{name:60}{cells}   {row.result:16} goal {row.goal:16} {'met' if row.met else 'MISSED'}"


def table(rows: list[Row]) -> str:
    """Lay the rows out as Markdown."""
    lines = [HEAD, "|---|---:|---:|---:|---|---|"]
    for row in rows:
        name = NAMES[row.name] + (row.unit and f", {row.unit}")
        cells = " | ".join(row.cells.get(client, "–") for client in CLIENTS)
        lines.append(f"| {name} | {cells} | {row.result}{'' if row.met else ' ✗'} | {row.goal} |")
    caption = (
        f"{datetime.now(UTC).date()}, Python {platform.python_version()}, httpx {version('httpx')},"
        f" {os.cpu_count()} cores, {platform.system()}; `make bench`."
    )
    return "\n".join([*lines, "", caption])


def write(path: Path, table: str) -> None:
    """Replace the table between the two comments."""
    page, count = re.subn(
        r"(<!-- benchmarks -->\n).*?(<!-- /benchmarks -->)",
        lambda found: f"{found[1]}{table}\n{found[2]}",
        path.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if count != 1:
        raise SystemExit(f"{path.name} must contain <!-- benchmarks --> … <!-- /benchmarks --> once.")
    path.write_text(page, encoding="utf-8")
