"""The sandbox as its users see it."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from ssl import SSLContext
from types import TracebackType
from typing import Self

from yandex_market_chats.sandbox._business import Business, Settings
from yandex_market_chats.sandbox._messages import Message
from yandex_market_chats.sandbox._server import HOST, serving
from yandex_market_chats.sandbox._tokens import API_KEY


class Sandbox:
    """The API on loopback, served in the background while the `with` block lasts.

    It checks credentials, limits and values as the vendor does and answers in the vendor's words.
    `CHATS` tells which chats answer in an awkward way, `TOKENS` which tokens it knows.

    Attributes:
        base_url: Where it serves, such as `http://127.0.0.1:49152`. Set inside the `with` block only.
    """

    base_url: str

    def __init__(
        self,
        *,
        port: int = 0,
        business_id: int = 123456,
        token: str = API_KEY,
        hourly_limit: int = 1000,
        parallel_limit: int = 4,
        latency: float = 0.0,
        slow: float = 20.0,
        ssl_context: SSLContext | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a sandbox; nothing is served before the `with` block.

        Args:
            port: The port on 127.0.0.1; 0 takes a free one.
            business_id: The cabinet that it serves; any other is refused with 403.
            token: The Api-Key token that works. A made-up one, please: it needs no real one.
            hourly_limit: Requests per hour of the clock; past it the answer is 420.
            parallel_limit: Requests at a time; past it the answer is 420.
            latency: Seconds from taking a message to the answer. Refusals come at once.
            slow: The same for the chat that is too slow for its client.
            ssl_context: What to serve HTTPS with; `None` serves HTTP.
            clock: Seconds since the epoch, for the dates in the answers and for the hourly limit.
        """
        self._port = port
        self._ssl_context = ssl_context
        self._business = Business(
            Settings(
                business_id=business_id,
                token=token,
                hourly_limit=hourly_limit,
                parallel_limit=parallel_limit,
                latency=latency,
                slow=slow,
                clock=clock,
            ),
        )
        self._exit = ExitStack()
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        """Start to serve.

        Raises:
            OSError: The port is taken.
        """
        self._closed.clear()
        port = self._exit.enter_context(serving(self._business, self._port, self._ssl_context))
        scheme = "https" if self._ssl_context else "http"
        self.base_url = f"{scheme}://{HOST}:{port}"
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop serving; requests in progress are cut off."""
        self._exit.close()
        self._closed.set()

    @property
    def token(self) -> str:
        """The Api-Key token that works here. It is a fake one."""
        return self._business.settings.token

    @property
    def business_id(self) -> int:
        """The cabinet that it serves."""
        return self._business.settings.business_id

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that it took, in order: what the buyers would have read."""
        return tuple(self._business.messages)

    @property
    def requests(self) -> int:
        """How many POSTs it has seen, the refused ones too."""
        return self._business.requests

    def wait(self) -> None:
        """Block until the sandbox closes, or until the user interrupts the program.

        Raises:
            KeyboardInterrupt: The user pressed Ctrl-C.
        """
        # On Windows, Ctrl-C does not end a wait that has no time-out.
        while not self._closed.wait(timeout=0.5):
            pass
