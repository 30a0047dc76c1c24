"""The sandbox's public class."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from ssl import SSLContext
from types import TracebackType
from typing import Self

from yandex_market_chats.sandbox._business import Business, Settings
from yandex_market_chats.sandbox._calls import Request
from yandex_market_chats.sandbox._messages import Message
from yandex_market_chats.sandbox._server import HOST, serving
from yandex_market_chats.sandbox._tokens import API_KEY


class Sandbox:
    """The API on loopback, served in the background while the `with` block lasts.

    It checks credentials, limits and values as the vendor does, with the vendor's error messages.
    `CHATS` lists the chats that misbehave, `TOKENS` the tokens that it knows.

    Attributes:
        base_url: Its address, such as `http://127.0.0.1:49152`. Set inside the `with` block only.
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
        on_request: Callable[[Request], object] | None = None,
    ) -> None:
        """Create a sandbox; it serves inside the `with` block.

        Args:
            port: The port on 127.0.0.1; 0 picks a free one.
            business_id: The business that it serves; any other is refused with 403.
            token: The valid Api-Key token. Use a made-up token; a real one is never needed.
            hourly_limit: Requests per clock hour; beyond it the answer is 420.
            parallel_limit: Requests at a time; beyond it the answer is 420.
            latency: Seconds between accepting a message and answering. Refusals are immediate.
            slow: The same for the chat that answers too late.
            ssl_context: Serve HTTPS with this context; `None` serves HTTP.
            clock: Seconds since the epoch, for the dates in the answers and for the hourly limit.
            on_request: Called with each request when its answer is known, in the thread of the sandbox;
                `print` logs a line per request. If it fails, so does the request, with a 500.
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
                on_request=on_request,
            ),
        )
        self._exit = ExitStack()
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        """Start serving.

        Raises:
            OSError: The port is in use.
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
        """The valid Api-Key token, which is fake."""
        return self._business.settings.token

    @property
    def business_id(self) -> int:
        """The business that it serves."""
        return self._business.settings.business_id

    @property
    def messages(self) -> tuple[Message, ...]:
        """The messages that it accepted, in order: what the buyers would have read."""
        return tuple(self._business.messages)

    @property
    def requests(self) -> int:
        """The number of POST requests received, refused ones included."""
        return self._business.requests

    def wait(self) -> None:
        """Block until the sandbox closes, or until the user interrupts the program.

        Raises:
            KeyboardInterrupt: The user pressed Ctrl-C.
        """
        # On Windows, Ctrl-C does not interrupt a wait without a timeout.
        while not self._closed.wait(timeout=0.5):
            pass
