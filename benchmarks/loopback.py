"""A server on loopback that answers a POST and closes the connection, the same for every client.

`serving()` runs it in a process of its own, so that it shares no interpreter with what is measured. It says
`Connection: close` as a polite server does and closes at once. Unannounced, it does not say so and closes
half a millisecond after its answer: a client that sends its next message before that uses a dying connection.
"""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from answer import BODY, HEADERS


@contextmanager
def serving(*, announced: bool = True) -> Iterator[str]:
    """Serve while the context lasts.

    Yields:
        The URL.
    """
    command = [sys.executable, __file__, "Connection: close" if announced else ""]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout  # noqa: S101 -- a pipe was asked for
            yield server.stdout.readline().strip()
        finally:
            server.terminate()


def main(header: str) -> None:
    """Serve for ever."""
    lines = [
        "HTTP/1.1 200 OK",
        *(f"{name}: {value}" for name, value in HEADERS.items()),
        *filter(None, [header]),
    ]
    answer = "\r\n".join([*lines, "", ""]).encode() + BODY
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                if read_request(connection):
                    connection.sendall(answer)
                    if not header:
                        time.sleep(0.0005)


def read_request(connection: socket.socket) -> bool:
    """Read a request to its end; tell whether there was one."""
    head, body = b"", b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65536)
        if not piece:
            return False
        head += piece
    head, _, body = head.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
    while len(body) < length:
        piece = connection.recv(65536)
        if not piece:
            return False
        body += piece
    return True


if __name__ == "__main__":
    main(sys.argv[1])
