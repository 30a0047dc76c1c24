"""How many of 300 messages in a row are lost if the server closes unannounced? The worst of three rounds."""

from collections.abc import Iterator

from common import CLIENTS, Pythons, measure, process, row, serving


def rows(pythons: Pythons) -> Iterator[str]:
    """Yield the row about lost messages."""
    with serving(announced=False) as url:

        def lost(client: str) -> int:
            with process(pythons, client, "sync", url) as send:
                return max(send(300).lost for _ in range(3))

        figures = [str(lost(client)) for client in CLIENTS]
    question = "sends lost of 300, server closing unannounced 0.5 ms after"
    yield row(question, figures, figures[-1], "0", met=figures[-1] == "0")


if __name__ == "__main__":
    measure(rows)
