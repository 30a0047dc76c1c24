"""How long does the first import take? Each runs in a new interpreter; the files are cached."""

import subprocess
from collections.abc import Iterator

from common import Pythons, alternate, measure, ratio

IMPORTS = {
    "bare": "import httpx",
    "vanilla": "from yandex_market_chats_generated.api.chats import send_message_to_chat",
    "ours": "from yandex_market_chats import MarketChats",
}
TIMED = "import time; started = time.perf_counter(); {}; print(time.perf_counter() - started)"


def rows(pythons: Pythons) -> Iterator[str]:
    """Yield the row about the duration of an import."""

    def milliseconds(client: str) -> float:
        command = [pythons[client], "-c", TIMED.format(IMPORTS[client])]
        return 1e3 * float(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)

    yield ratio("cold import, ms", alternate(milliseconds, rounds=25), 1.3)


if __name__ == "__main__":
    measure(rows)
