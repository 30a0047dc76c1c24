"""The sandbox's public class."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from ssl import SSLContext
from typing import Self, get_args

from ._business import Business
from ._messages import Message, Sender, SentFile
from ._server import HOST, serving
from ._settings import Settings
from ._tokens import API_KEY
from ._wire import Request


class Sandbox:
    """The API on loopback, served in the background while the `with` block lasts.

    It checks credentials, limits and values as the vendor does, with the vendor's error messages.
    `CHATS` lists the chats that misbehave, `TOKENS` the tokens that it knows, and `answer` scripts any other
    chat. The methods can be called from any thread, before the sandbox serves and while it does.

    Attributes:
        base_url: The address, such as `http://127.0.0.1:49152`. Set inside the `with` block only.
    """

    base_url: str

    def __init__(
        self,
        *,
        port: int = 0,
        business_id: int = 123456,
        token: str = API_KEY,
        hourly_limit: int | None = None,
        parallel_limit: int = 4,
        latency: float = 0.0,
        slow: float = 20.0,
        ssl_context: SSLContext | None = None,
        clock: Callable[[], float] = time.time,
        history_delay: float = 0.0,
        newest_first: bool = False,
        alter: Callable[[Message], Message | None] | None = None,
        on_request: Callable[[Request], object] | None = None,
    ) -> None:
        """Create a sandbox; it serves inside the `with` block.

        Args:
            port: The port on 127.0.0.1; 0 picks a free one.
            business_id: The business that it serves; any other is refused with 403.
            token: The valid Api-Key token. Use a made-up token; a real one is never needed.
            hourly_limit: Requests of each operation per clock hour; beyond it the answer is 420. `None` means
                the vendor's limits: 5,000 for `getChats`, 10,000 for `getChatHistory`, else 1,000.
            parallel_limit: Requests at a time; beyond it the answer is 420.
            latency: Seconds between carrying out a request and answering. Refusals are immediate.
            slow: The same for the outcome `slow` and the chat 9003.
            ssl_context: Serve HTTPS with this context; `None` serves HTTP.
            clock: Seconds since the epoch, for all times and for the hourly limit.
            history_delay: Seconds until the API shows a new message.
            newest_first: Whether the API shows the newest message first.
            alter: Returns a message as the API shows it, such as `dataclasses.replace(message, text="…")`, or
                `None` to hide it.
            on_request: Called with each request when its answer is known, in the thread of the sandbox;
                `print` logs a line per request. If the callable raises, the request is answered with 500.
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
                history_delay=history_delay,
                newest_first=newest_first,
                alter=alter,
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

    def __exit__(self, *exc_info: object) -> None:
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
        """The messages that it accepted through the API, in order: what the buyers would have read."""
        return tuple(message for message in self._business.chats.sent if not message.file)

    @property
    def files(self) -> tuple[SentFile, ...]:
        """The files that it accepted through the API, in order."""
        return tuple(message.file for message in self._business.chats.sent if message.file)

    @property
    def requests(self) -> int:
        """The number of requests received, refused ones included."""
        return self._business.requests

    def history(self, chat_id: int) -> tuple[Message, ...]:
        """Return all messages of a chat, in order, from all senders."""
        return self._business.chats.messages(chat_id)

    def say(self, chat_id: int, text: str, *, sender: Sender = "CUSTOMER") -> Message:
        """Write a message into a chat, as the buyer or as another sender.

        Raises:
            ValueError: The sender is unknown.
        """
        if sender not in get_args(Sender):
            raise ValueError(f"Unknown sender {sender!r}: pass one of {', '.join(get_args(Sender))}.")
        with self._business.lock:
            return self._business.chats.add(chat_id, text, sender=sender)

    def fill(self, chat_id: int, count: int) -> None:
        """Fill an empty chat with older messages: one per minute, from all senders in turn.

        Raises:
            ValueError: The chat has messages.
        """
        with self._business.lock:
            self._business.chats.fill(chat_id, count)

    def answer(self, chat_id: int | None, *outcomes: str | int, operation: str | None = None) -> None:
        """Script the next answers of a chat; afterwards it answers as before.

        A script replaces the previous one; without outcomes, the previous one is removed. A new chat belongs
        to the order with the same number, so it can be scripted before a program creates it.

        Args:
            chat_id: The chat; `None` for the operations that name no chat, `getChats` and `createChat`.
            outcomes: Names from `OUTCOMES`, or ints from 400 to 599. A status that is not the name of an
                outcome is answered with the error envelope, and the message is not accepted.
            operation: The operation, by its `operationId`; `None` scripts the messages and files of the chat.

        Raises:
            ValueError: An outcome or the operation is unknown, or `chat_id` does not fit the operation.
        """
        with self._business.lock:
            self._business.script.write(chat_id, outcomes, operation)
            if chat_id is not None:
                self._business.chats.open(chat_id)

    def reset(self) -> None:
        """Forget all chats, messages, files and scripts, and start with full limits."""
        with self._business.lock:
            self._business.reset()

    def wait(self) -> None:
        """Block until the sandbox closes, or until the user interrupts the program.

        Raises:
            KeyboardInterrupt: The user pressed Ctrl-C.
        """
        # On Windows, Ctrl-C does not interrupt a wait without a timeout.
        while not self._closed.wait(timeout=0.5):
            pass
