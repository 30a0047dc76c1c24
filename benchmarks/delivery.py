"""How close to the best time that 4 slots allow are 200 messages delivered? By 16 threads or 200 tasks."""

from collections.abc import Iterator
from statistics import median

from client import TOKEN
from common import Pythons, measure, process, row
from yandex_market_chats.sandbox import Sandbox

ROUNDS, MESSAGES, LATENCY = 5, 200, 0.1
IDEAL = MESSAGES / 4 * LATENCY
"""Seconds that 4 slots need if they are never idle."""
GOAL = 1.1


def rows(pythons: Pythons) -> Iterator[str]:
    """Yield the rows about the delivery of many messages."""
    for way, name, senders in (("sync", "threads", 16), ("async", "tasks", MESSAGES)):
        with (
            Sandbox(token=TOKEN, latency=LATENCY, hourly_limit=10 * ROUNDS * MESSAGES) as sandbox,
            process(pythons, "ours", way, sandbox.base_url, senders=senders) as send,
        ):
            rounds = [send(MESSAGES) for _ in range(ROUNDS)]
            refused = sandbox.requests - len(sandbox.messages)
        seconds = median(sent.seconds for sent in rounds)
        result = f"× {seconds / IDEAL:.3f}, 420: {refused}"
        met = seconds <= GOAL * IDEAL and not refused and not any(sent.lost for sent in rounds)
        question = f"{MESSAGES} messages at {LATENCY * 1000:.0f} ms latency, {name}, s"
        yield row(question, ["–", "–", f"{seconds:.2f}"], result, f"≤ × {GOAL}, 420: 0", met=met)


if __name__ == "__main__":
    measure(rows)
