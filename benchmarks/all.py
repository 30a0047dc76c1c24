"""Run every benchmark except the fleet's, and print one table: `all.py [--write]`."""

import argparse
import re

import call
import delivery
import import_time
import lost_sends
import peak_memory
from common import ROOT, measure

QUESTIONS = (call.rows, import_time.rows, peak_memory.rows, lost_sends.rows, delivery.rows)
PAGE = ROOT / "docs" / "costs.md"


def write(table: str) -> None:
    """Replace the table between the two comments in docs/costs.md."""
    pattern = r"(?s)(?<=<!-- benchmarks -->\n).*(?=\n<!-- /benchmarks -->)"
    page, count = re.subn(pattern, lambda _: table, PAGE.read_text(encoding="utf-8"))
    if count != 1:
        raise SystemExit(f"{PAGE} must contain <!-- benchmarks --> … <!-- /benchmarks --> once.")
    PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the table into docs/costs.md")
    arguments = parser.parse_args()
    table = measure(*QUESTIONS)
    if arguments.write:
        write(table)
