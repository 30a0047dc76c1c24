"""A real Redis server on loopback, which a test may kill and start again."""

import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Self, TextIO, cast

REDIS = shutil.which("redis-server")


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


class RedisServer:
    """Redis on a free port, without persistence: after a restart it is empty.

    Attributes:
        url: Its URL, the same after a restart.
    """

    def __init__(self) -> None:
        """Choose a free port. The system takes the ports of connections from a higher range."""
        self._port = next(
            port for port in iter(lambda: random.randrange(10_000, 30_000), 0) if _is_free(port)
        )
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._exits = ExitStack()

    def __enter__(self) -> Self:
        """Start the server."""
        self._folder = self._exits.enter_context(tempfile.TemporaryDirectory())
        self._exits.callback(self.kill)
        self.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        """Kill the server."""
        self._exits.close()

    def start(self) -> None:
        """Start the server, and wait until it accepts connections."""
        command = [str(REDIS), "--bind", "127.0.0.1", "--port", str(self._port), "--save", ""]
        self._process = subprocess.Popen(command, cwd=self._folder, stdout=subprocess.PIPE, text=True)
        with cast("TextIO", self._process.stdout) as lines:
            if not any("Ready to accept connections" in line for line in lines):
                raise RuntimeError("redis-server did not start")

    def kill(self) -> None:
        """Kill the server with SIGKILL."""
        self._process.kill()
        self._process.wait()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Keep the server from answering within the block."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)
