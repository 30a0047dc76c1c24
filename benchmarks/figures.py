"""What is measured: each function gives one number for each client, or the ratios of two of them.

The machine is never quiet, so the clients alternate, round by round, and what is compared is what
stood beside each other: a ratio is the median of the rounds' ratios.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from statistics import median

from environments import Environments
from loopback import serving
from yandex_market_chats.sandbox import Sandbox

CLIENTS = ("bare", "vanilla", "ours")
IMPORTS = {
    "bare": "import httpx",
    "vanilla": "from yandex_market_chats_generated.api.chats import send_message_to_chat",
    "ours": "from yandex_market_chats import MarketChats",
}
TIMED = "import time; began = time.perf_counter(); {}; print(time.perf_counter() - began)"


@dataclass(frozen=True)
class Compared:
    """The median of each client and what it is beside bare httpx.

    Attributes:
        medians: By client.
        ratios: By client, to bare httpx.
        differences: By client, to bare httpx.
    """

    medians: dict[str, float]
    ratios: dict[str, float]
    differences: dict[str, float]


def alternate(measure: Callable[[str], float], rounds: int) -> list[dict[str, float]]:
    """Measure the clients in turn, each round in another order, after one round that does not count."""
    taken = []
    for number in range(rounds + 1):
        turn = number % len(CLIENTS)
        taken.append({client: measure(client) for client in CLIENTS[turn:] + CLIENTS[:turn]})
    return taken[1:]


def compared(taken: list[dict[str, float]]) -> Compared:
    """Compare what stood beside each other."""
    return Compared(
        {client: median(each[client] for each in taken) for client in CLIENTS},
        {client: median(each[client] / each["bare"] for each in taken) for client in CLIENTS},
        {client: median(each[client] - each["bare"] for each in taken) for client in CLIENTS},
    )


def microseconds_a_call(
    where: Environments, way: str, url: str, *, processes: int = 8, rounds: int = 5, count: int = 300
) -> Compared:
    """Time a call, `sync` or `async` with 4 in flight, over loopback or (url "memory") in memory.

    A process is some percent faster or slower than its twin for as long as it lives, so there are several.
    One that has slept while the others had their turn is slower for its first calls, so a round is long.
    """
    taken = []
    for _ in range(processes):
        with ExitStack() as exits:
            workers = {
                client: exits.enter_context(_worker(where.command(client, "rounds.py", client, way, url)))
                for client in CLIENTS
            }
            taken += alternate(lambda client: workers[client](count) / count * 1e6, rounds)  # noqa: B023
    return compared(taken)


def import_milliseconds(where: Environments, *, rounds: int = 25) -> Compared:
    """Time the import, each in an interpreter that has just begun, its files in the cache of the system."""
    taken = alternate(
        lambda client: 1e3 * _number([where.python(client), "-c", TIMED.format(IMPORTS[client])]), rounds
    )
    return compared(taken)


def peak_mebibytes(where: Environments, url: str, *, rounds: int = 7) -> Compared:
    """Look at the greatest memory of a process that makes a client and sends one message over loopback."""
    return compared(
        alternate(lambda client: _number(where.command(client, "peak.py", client, url)) / 1024, rounds)
    )


def losses(where: Environments, *, rounds: int = 3) -> dict[str, int]:
    """Count the sends that fail, of 300 in a row, at a server that closes unannounced: the worst round."""
    with serving(announced=False) as url:
        return {
            client: max(int(_number(where.command(client, "losses.py", client, url))) for _ in range(rounds))
            for client in CLIENTS
        }


def delivery(
    where: Environments, way: str, *, rounds: int = 5, count: int = 200, latency: float = 0.1
) -> tuple[float, float, int]:
    """Deliver through a sandbox: the median seconds, those of an ideal client, and all 420s provoked."""
    with Sandbox(latency=latency, hourly_limit=10 * rounds * count) as sandbox:
        command = where.command("ours", "delivery.py", way, sandbox.base_url, sandbox.token, str(count))
        seconds = median(_number(command) for _ in range(rounds))
        assert len(sandbox.messages) == rounds * count  # noqa: S101 -- else it is no figure
        return seconds, count / 4 * latency, sandbox.requests - rounds * count


@contextmanager
def _worker(command: list[str]) -> Iterator[Callable[[int], float]]:
    """Start a program that sends in rounds; return the function that asks it for one."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        questions, answers = process.stdin, process.stdout
        assert questions and answers  # noqa: S101, PT018 -- pipes were asked for

        def ask(count: int) -> float:
            print(count, file=questions, flush=True)
            return float(answers.readline())

        yield ask
        # Leaving the block closes its standard input, which ends it.


def _number(command: list[str]) -> float:
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
