"""Shared by the benchmarks: a process for each client, a server on loopback, and the table.

The machine is never quiet, so the clients alternate, round by round, and a round compares what ran at the
same time: a ratio is the median of the ratios of the rounds. The figures depend on the machine, the ratios
hardly do. Nothing fails on a missed goal: these are figures, not tests.
"""

import os
import platform
import socketserver
import subprocess
import sys
import tempfile
import threading
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import NamedTuple

from client import BODY, HEADERS

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = ("bare", "vanilla", "ours")
Pythons = Mapping[str, str]
"""The interpreter of each client's environment."""
Round = dict[str, float]
"""A figure for each client, measured one after the other."""


class Sent(NamedTuple):
    """What a process reports on a round: the seconds, the sends that failed, its peak memory in MiB."""

    seconds: float
    lost: int
    mebibytes: float


@contextmanager
def environments() -> Iterator[Pythons]:
    """Create two environments, as users do, and remove them afterwards.

    One has httpx and the vanilla client, the other the package of this repository with its dependencies, such
    as sniffio. One environment for all would change the figures: httpcore imports sniffio again and again if
    it is missing, and how long that takes depends on what else is installed.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generate = ["-m", "openapi_python_client", "generate", "--meta", "setup"]
        paths = ["--path", str(ROOT / "openapi.yaml"), "--output-path", str(folder / "client")]
        subprocess.run(
            [sys.executable, *generate, "--config", str(ROOT / "generator-config.yml"), *paths],
            check=True,
            stdout=subprocess.DEVNULL,
            # The generator's hooks run the ruff beside this Python.
            env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        )
        plain = _environment(folder / "plain", folder / "client")
        yield {"bare": plain, "vanilla": plain, "ours": _environment(folder / "ours", ROOT)}


def _environment(folder: Path, package: Path) -> str:
    builder = venv.EnvBuilder(with_pip=True)
    builder.create(folder)
    python = str(builder.ensure_directories(folder).env_exe)
    packages = [f"httpx=={version('httpx')}", str(package)]
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages], check=True
    )
    return python


@contextmanager
def process(
    pythons: Pythons, client: str, way: str, url: str, *, senders: int = 1
) -> Iterator[Callable[[int], Sent]]:
    """Start a process for a client; yield the function that makes it send a number of messages."""
    command = [pythons[client], str(ROOT / "benchmarks" / "client.py"), client, way, url, str(senders)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        questions, answers = running.stdin, running.stdout
        assert questions and answers  # noqa: S101, PT018 -- pipes were asked for

        def send(count: int) -> Sent:
            print(count, file=questions, flush=True)
            seconds, lost, kibibytes = answers.readline().split()
            return Sent(float(seconds), int(lost), int(kibibytes) / 1024)

        yield send
        # Leaving the block closes the standard input of the process, which ends it.


@contextmanager
def serving(*, announced: bool = True) -> Iterator[str]:
    """Serve an API on loopback that accepts every message and closes each connection; yield its URL.

    If unannounced, the server omits `Connection: close`, and closes half a millisecond after its answer: a
    client that keeps connections sends its next message over one that is about to close.
    """
    headers = {**HEADERS, **({"Connection": "close"} if announced else {})}
    head = "\r\n".join(["HTTP/1.1 200 OK", *(f"{name}: {value}" for name, value in headers.items())])

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            length = 0
            while (line := self.rfile.readline()) != b"\r\n":
                if not line:
                    return  # the client has left
                if line.lower().startswith(b"content-length:"):
                    length = int(line[15:])
            self.rfile.read(length)
            self.wfile.write(f"{head}\r\n\r\n".encode() + BODY)
            if not announced:
                time.sleep(0.0005)

    with socketserver.TCPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()


def alternate(measure: Callable[[str], float], rounds: int) -> list[Round]:
    """Measure the clients in turn, each round in another order, after one round that does not count."""
    measured = []
    for number in range(rounds + 1):
        turn = number % len(CLIENTS)
        measured.append({client: measure(client) for client in CLIENTS[turn:] + CLIENTS[:turn]})
    return measured[1:]


def medians(rounds: list[Round]) -> list[str]:
    """Return the median of each client, with three digits."""
    figures = [median(each[client] for each in rounds) for client in CLIENTS]
    return [f"{figure:.3g}" if figure < 1000 else f"{figure:.0f}" for figure in figures]  # noqa: PLR2004


def row(question: str, figures: list[str], result: str, goal: str, *, met: bool) -> str:
    """Return a row of the table: what was measured, each client's figure, the result, and the goal."""
    return f"| {' | '.join([question, *figures, result if met else f'{result} ✗', goal])} |"


def ratio(question: str, rounds: list[Round], goal: float) -> str:
    """Return the row that compares this package with bare httpx."""
    ratio = median(each["ours"] / each["bare"] for each in rounds)
    return row(question, medians(rounds), f"× {ratio:.2f}", f"≤ × {goal}", met=ratio <= goal)


def measure(*questions: Callable[[Pythons], Iterator[str]]) -> str:
    """Answer the questions, and print each row as soon as it is known; return the table with its caption."""
    table = [
        "| | httpx | generated, unmodified | this package | result | goal |",
        "|---|---:|---:|---:|---|---|",
    ]
    print(*table, sep="\n")
    with environments() as pythons:
        for question in questions:
            for line in question(pythons):
                print(line, flush=True)
                table.append(line)
    today, python, cores = datetime.now(UTC).date(), platform.python_version(), os.cpu_count()
    where = f"{today}, Python {python}, httpx {version('httpx')}, {cores} cores, {platform.system()}"
    return "\n".join([*table, "", f"{where}; `make bench`."])
