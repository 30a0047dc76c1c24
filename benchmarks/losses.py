"""Send 300 messages in a row and print how many sends failed: `losses.py CLIENT URL`."""

import importlib
import sys

import httpx


def main(name: str, url: str) -> None:
    """Send and count."""
    send = importlib.import_module(f"client_{name}").sender(url)
    lost = 0
    for _ in range(300):
        try:
            send()
        except Exception as error:
            if not isinstance(error, httpx.TransportError) and not isinstance(
                error.__cause__, httpx.TransportError
            ):
                raise
            lost += 1
    print(lost)


if __name__ == "__main__":
    main(*sys.argv[1:])
