"""A terminal in memory."""

import io


class Terminal(io.StringIO):
    """Standard error on a terminal."""

    def __init__(self, descriptor: int = -1) -> None:
        """Write to memory; `descriptor` is the terminal's."""
        super().__init__()
        self._descriptor = descriptor

    def isatty(self) -> bool:
        """Return that this is a terminal."""
        return True

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor
