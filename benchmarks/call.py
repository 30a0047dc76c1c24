"""How much longer does a call take than with bare httpx? In memory and over loopback, sync and async."""

from collections.abc import Iterator
from contextlib import ExitStack

from common import CLIENTS, Pythons, Round, alternate, measure, process, ratio, serving

PROCESSES = 8
"""A process stays some percent faster or slower than another with the same task, so several are measured."""
ROUNDS = 5
MESSAGES = 300
"""A process that was idle while the others ran is slower at first, so a round is long."""


def rounds(pythons: Pythons, way: str, url: str) -> list[Round]:
    """Start a process for each client, and return the microseconds per call; async calls run 4 at a time."""
    with ExitStack() as exits:
        send = {
            client: exits.enter_context(process(pythons, client, way, url, senders=1 if way == "sync" else 4))
            for client in CLIENTS
        }

        def microseconds(client: str) -> float:
            sent = send[client](MESSAGES)
            if sent.lost:
                raise RuntimeError(f"{client}: {sent.lost} sends failed, so the seconds mean nothing")
            return sent.seconds / MESSAGES * 1e6

        return alternate(microseconds, ROUNDS)


def rows(pythons: Pythons) -> Iterator[str]:
    """Yield the rows about the duration of a call."""
    with serving() as url:
        for question, way, target, goal in (
            ("a call in memory, sync, µs", "sync", "memory", 1.25),
            ("a call in memory, async, 4 in flight, µs", "async", "memory", 1.25),
            ("a call over loopback, sync, µs", "sync", url, 1.08),
            ("a call over loopback, async, 4 in flight, µs", "async", url, 0.85),
        ):
            measured = [each for _ in range(PROCESSES) for each in rounds(pythons, way, target)]
            yield ratio(question, measured, goal)


if __name__ == "__main__":
    measure(rows)
