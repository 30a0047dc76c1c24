"""The script of a sandbox: which request has which outcome."""

from collections import deque
from collections.abc import Sequence
from itertools import cycle

from ._operations import OPERATIONS
from ._outcomes import MISBEHAVING, OK, outcome_reply
from ._wire import Reply

_NAMES = [operation.name for operation in OPERATIONS.values()]
_WITHOUT_CHAT = ("getChats", "createChat")
_SENDS = ("sendMessageToChat", "sendFileToChat")


class Script:
    """The replies of the chats of one sandbox, in turn."""

    def __init__(self) -> None:
        """Start each misbehaving chat at its first reply."""
        self._chats = {chat_id: cycle(map(outcome_reply, names)) for chat_id, names in MISBEHAVING.items()}
        self._scripts: dict[tuple[str, int | None], deque[Reply]] = {}

    def write(self, chat_id: int | None, outcomes: Sequence[str | int], operation: str | None) -> None:
        """Script the next replies of an operation in a chat; `Sandbox.answer` documents the arguments.

        Raises:
            ValueError: An outcome or the operation is unknown, or `chat_id` does not fit the operation.
        """
        if operation is not None and operation not in _NAMES:
            raise ValueError(f"Unknown operation {operation!r}: pass one of {', '.join(_NAMES)}.")
        if (chat_id is None) != (operation in _WITHOUT_CHAT):
            raise ValueError(
                f"Pass chat_id=None with {' and '.join(_WITHOUT_CHAT)}, and with no other operation."
            )
        if not isinstance(chat_id, int | None):
            raise ValueError(f"chat_id must be an int, not {type(chat_id).__name__}: no request would match.")  # noqa: TRY004 -- like the others
        replies = deque(outcome_reply(outcome) for outcome in outcomes)
        for name in _SENDS if operation is None else (operation,):
            self._scripts[name, chat_id] = replies

    def next_reply(self, operation: str, chat_id: int | None) -> Reply:
        """Return the next reply of an operation in a chat; `None` stands for no chat."""
        scripted = self._scripts.get((operation, chat_id))
        if scripted:
            return scripted.popleft()
        if operation in _SENDS and chat_id in self._chats:
            return next(self._chats[chat_id])
        return OK
