"""Do 8 processes share the limits of one business through Redis? `make fleet` answers in three minutes.

Each line is a run against a sandbox that answers after 0.2 s. The line counts the requests that the sandbox
refused (420) and the messages that it received twice. Half of the processes send from threads, the others
from tasks. These are figures, not tests.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import TextIO, cast

from redis import Redis

from yandex_market_chats.redis import RedisLimits
from yandex_market_chats.sandbox import Sandbox

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from redis_server import RedisServer

PROCESSES, COUNT = 8, 50
LATENCY, SLOTS = 0.2, 4
TOTAL = PROCESSES * COUNT
IDEAL = TOTAL * LATENCY / SLOTS
"""Seconds that a fleet needs if no slot is ever idle."""
WORKER = Path(__file__).with_name("fleet_worker.py")
LINE = "{:40} {:>9} {:>5} {:>6} {:>8} {:>8} {:>6}"
Process = subprocess.Popen[str]


def start(
    sandbox: Sandbox, redis_url: str, *, processes: int = PROCESSES, count: int = COUNT, slots: int = SLOTS
) -> list[Process]:
    """Start processes and wait until they are ready; without `redis_url` they do not share their limits."""
    fleet = []
    for number in range(processes):
        names = [f"process {number} of {processes}", "async" if number % 2 else "sync"]
        settings = [sandbox.base_url, sandbox.token, redis_url, str(slots), str(count)]
        command = [sys.executable, str(WORKER), *names, *settings]
        fleet.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for process in fleet:
        cast("TextIO", process.stdout).readline()
    return fleet


def run(
    what: str,
    sandbox: Sandbox,
    fleet: list[Process],
    *,
    expected: int = TOTAL,
    ideal: float = IDEAL,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Make the processes send, call `meanwhile`, and print a line about the run."""
    started = time.perf_counter()
    for process in fleet:
        print(file=process.stdin, flush=True)
    meanwhile()
    sent = sum(int(cast("TextIO", process.stdout).readline() or 0) for process in fleet)  # killed: no line
    seconds = time.perf_counter() - started
    for process in fleet:
        process.communicate()
    texts = [message.text for message in sandbox.messages]
    counts = f"{sent}/{expected}", sandbox.requests - len(texts), len(texts) - len(set(texts))
    times = f"{seconds:.1f} s", f"{ideal:.1f} s", f"{seconds / ideal:.2f}"
    print(LINE.format(what, *counts, *times), flush=True)


def without_shared_limits() -> None:
    """Send everything from one process; then from all processes, each of which counts alone."""
    with Sandbox(latency=LATENCY) as sandbox:
        run("one process", sandbox, start(sandbox, "", processes=1, count=TOTAL))
    with Sandbox(latency=LATENCY) as sandbox:
        run("each process counts alone", sandbox, start(sandbox, ""))


def with_shared_limits() -> None:
    """Share the limits, without a disturbance."""
    with RedisServer() as redis, Sandbox(latency=LATENCY) as sandbox:
        run("RedisLimits", sandbox, start(sandbox, redis.url))


def killed_processes() -> None:
    """Kill half of the processes. Their slots are free again when their leases have expired."""
    with RedisServer() as redis, Sandbox(latency=LATENCY) as sandbox:
        fleet = start(sandbox, redis.url)

        def kill() -> None:
            time.sleep(4.0)
            for process in fleet[: PROCESSES // 2]:
                process.kill()

        ideal = (4.0 + IDEAL) / 2  # in the first 4 s, the killed processes send half of the messages
        what = "4 of 8 processes killed, 30 s leases"
        run(what, sandbox, fleet, expected=TOTAL // 2, ideal=ideal, meanwhile=kill)


def killed_redis() -> None:
    """Kill Redis, and start it again without its data."""
    with RedisServer() as redis, Sandbox(latency=LATENCY) as sandbox:

        def restart() -> None:
            time.sleep(5.0)
            redis.kill()
            time.sleep(7.0)
            redis.start()

        what = "Redis killed for 7 s, back empty"
        run(what, sandbox, start(sandbox, redis.url), ideal=IDEAL + 7.0, meanwhile=restart)


def used_up_hour() -> None:
    """Use up an hour that ends after 25 s, together with another program that does not share its limits."""
    limit, window, offset = 300, 25.0, 0.0
    with (
        RedisServer() as redis,
        Sandbox(latency=LATENCY, hourly_limit=limit, clock=lambda: time.time() + offset) as sandbox,
    ):
        fleet = start(sandbox, redis.url, slots=3) + start(sandbox, "", processes=1, slots=1)
        offset = -window - time.time() % 3600
        ideal = window + (TOTAL + COUNT - limit) * LATENCY / 3
        run(f"hour of {limit} used up, another program", sandbox, fleet, expected=TOTAL + COUNT, ideal=ideal)


def cost() -> None:
    """Compare the time to take and return a free slot with the time of a PING."""
    with RedisServer() as redis:
        limits, client = RedisLimits(redis.url, 123456), Redis.from_url(redis.url)

        def take_and_give_back() -> None:
            limits.take("slot", "POST /")
            limits.give_back("slot", "POST /", None)

        def microseconds(action: Callable[[], object]) -> float:
            started = time.perf_counter()
            action()
            return (time.perf_counter() - started) * 1e6

        pairs = [(microseconds(take_and_give_back), microseconds(client.ping)) for _ in range(3000)]
        ours, ping = (median(column) for column in zip(*pairs, strict=True))
        print(f"\ntake and return: {ours:.0f} µs; PING: {ping:.0f} µs; ratio {ours / ping:.1f}")


def main() -> None:
    """Print the table."""
    print(f"{PROCESSES} processes, {COUNT} messages each, latency {LATENCY} s, {SLOTS} slots\n")
    print(LINE.format("", "sent", "420s", "twice", "time", "ideal", "ratio"))
    without_shared_limits()
    with_shared_limits()
    killed_processes()
    killed_redis()
    used_up_hour()
    cost()


if __name__ == "__main__":
    main()
