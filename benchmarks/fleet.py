"""Send as 8 processes that share the limits of one business through Redis: `make fleet`.

Each line is a run against a sandbox that answers after 0.2 s, and counts what it refused (420) and what it
received twice. Half of the processes send from threads, the others from tasks. These are figures, not tests.
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
LATENCY, PARALLEL = 0.2, 4
IDEAL = PROCESSES * COUNT * LATENCY / PARALLEL
"""Seconds that a fleet takes if the API is never idle."""
OUTAGE = 7.0
"""Seconds until Redis is back."""
WINDOW = 25.0
"""Seconds until the hourly window ends in the last run."""
WORKER = Path(__file__).with_name("fleet_worker.py")
LINE = "{:36} {:>9} {:>5} {:>6} {:>8} {:>8} {:>6}"


class Clock:
    """The clock of a sandbox, whose hour can be made to end soon."""

    offset = 0.0

    def __call__(self) -> float:
        """Return the time."""
        return time.time() + self.offset

    def end_hour_in(self, seconds: float) -> None:
        """Set the clock to `seconds` before the end of an hour."""
        self.offset = -seconds - time.time() % 3600


class Fleet:
    """Processes that are ready to send."""

    def __init__(
        self,
        sandbox: Sandbox,
        redis_url: str,
        *,
        processes: int = PROCESSES,
        count: int = COUNT,
        slots: int = PARALLEL,
    ) -> None:
        """Start the processes, and wait until they are ready."""
        self._processes = []
        for number in range(processes):
            way = "async" if number % 2 else "sync"
            arguments = [f"process {id(self)} {number}", way, sandbox.base_url, sandbox.token, redis_url]
            command = [sys.executable, str(WORKER), *arguments, str(slots), str(count)]
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            self._processes.append(process)
        for process in self._processes:
            cast("TextIO", process.stdout).readline()

    def send(self) -> None:
        """Let all processes send."""
        for process in self._processes:
            print(file=process.stdin, flush=True)

    def kill(self, count: int) -> None:
        """Kill some of the processes with SIGKILL."""
        for process in self._processes[:count]:
            process.kill()

    def wait(self) -> int:
        """Wait until all processes are done; return how many messages they sent, by their own count."""
        return sum(int(cast("TextIO", process.stdout).readline() or 0) for process in self._processes)

    def end(self) -> None:
        """Wait until all processes have ended."""
        for process in self._processes:
            process.communicate()


def run(
    what: str,
    sandbox: Sandbox,
    *fleets: Fleet,
    expected: int = PROCESSES * COUNT,
    ideal: float = IDEAL,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Let the fleets send, do something meanwhile, and print a line about the run."""
    started = time.perf_counter()
    for fleet in fleets:
        fleet.send()
    meanwhile()
    sent = sum(fleet.wait() for fleet in fleets)
    seconds = time.perf_counter() - started
    for fleet in fleets:
        fleet.end()
    texts = [message.text for message in sandbox.messages]
    counts = f"{sent}/{expected}", sandbox.requests - len(texts), len(texts) - len(set(texts))
    print(
        LINE.format(what, *counts, f"{seconds:.1f} s", f"{ideal:.1f} s", f"{seconds / ideal:.2f}"), flush=True
    )


def without_shared_limits() -> None:
    """Let one process send everything; then let each process count alone."""
    with Sandbox(latency=LATENCY) as sandbox:
        run("one process", sandbox, Fleet(sandbox, "", processes=1, count=PROCESSES * COUNT))
    with Sandbox(latency=LATENCY) as sandbox:
        run("each process counts alone", sandbox, Fleet(sandbox, ""))


def with_shared_limits() -> None:
    """Share the limits, and disturb nothing."""
    with RedisServer() as redis, Sandbox(latency=LATENCY) as sandbox:
        run("RedisLimits", sandbox, Fleet(sandbox, redis.url))


def killed_processes() -> None:
    """Kill half of the processes. Their slots are free again when their leases have expired."""
    with RedisServer() as redis, Sandbox(latency=LATENCY) as sandbox:
        fleet = Fleet(sandbox, redis.url)

        def kill() -> None:
            time.sleep(4.0)
            fleet.kill(PROCESSES // 2)

        expected = PROCESSES // 2 * COUNT
        ideal = (4.0 + IDEAL) / 2  # until then, half of what was sent was sent by the others
        run(
            "4 of 8 processes killed, 30 s leases",
            sandbox,
            fleet,
            expected=expected,
            ideal=ideal,
            meanwhile=kill,
        )


def killed_redis() -> None:
    """Kill Redis, and start it again with nothing in it."""
    with RedisServer() as redis, Sandbox(latency=LATENCY) as sandbox:

        def restart() -> None:
            time.sleep(5.0)
            redis.kill()
            time.sleep(OUTAGE)
            redis.start()

        what = f"Redis killed for {OUTAGE:.0f} s, back empty"
        run(what, sandbox, Fleet(sandbox, redis.url), ideal=IDEAL + OUTAGE, meanwhile=restart)


def used_up_hour() -> None:
    """Use up an hour that ends soon, together with another program that does not share its limits."""
    clock, limit = Clock(), 300
    with RedisServer() as redis, Sandbox(latency=LATENCY, hourly_limit=limit, clock=clock) as sandbox:
        fleet, other = Fleet(sandbox, redis.url, slots=3), Fleet(sandbox, "", processes=1, slots=1)
        clock.end_hour_in(WINDOW)
        total = (PROCESSES + 1) * COUNT
        ideal = WINDOW + (total - limit) * LATENCY / 3
        run(f"hour of {limit} used up, another program", sandbox, fleet, other, expected=total, ideal=ideal)


def cost() -> None:
    """Measure a slot that is free, against a PING."""
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
        print(f"\ntake and give back: {ours:.0f} µs; PING: {ping:.0f} µs; ratio {ours / ping:.1f}")


def main() -> None:
    """Print the table."""
    print(f"{PROCESSES} processes, {COUNT} messages each, latency {LATENCY} s, {PARALLEL} slots\n")
    print(LINE.format("", "sent", "420s", "twice", "time", "ideal", "ratio"))
    without_shared_limits()
    with_shared_limits()
    killed_processes()
    killed_redis()
    used_up_hour()
    cost()


if __name__ == "__main__":
    main()
