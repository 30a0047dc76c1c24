"""How much more memory does a process need to send one message over loopback? Linux only."""

from collections.abc import Iterator
from statistics import median

from common import Pythons, alternate, measure, medians, process, row, serving

GOAL = 5.0
"""MiB more than with bare httpx."""


def rows(pythons: Pythons) -> Iterator[str]:
    """Yield the row about memory; nothing if the system does not report it."""
    with serving() as url:

        def mebibytes(client: str) -> float:
            with process(pythons, client, "sync", url) as send:
                return send(1).mebibytes

        rounds = alternate(mebibytes, rounds=7)
    if not all(rounds[0].values()):
        return
    more = median(each["ours"] - each["bare"] for each in rounds)
    question = "peak memory after one message, MiB"
    yield row(question, medians(rounds), f"{more:+.1f}", f"≤ +{GOAL:.0f}", met=more <= GOAL)


if __name__ == "__main__":
    measure(rows)
