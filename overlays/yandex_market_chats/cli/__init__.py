"""The program `yandex-market-chats`, with a module for each command. Needs the extra `cli`."""

import sys

try:
    import click as _click  # noqa: F401 -- every module of this package needs it
except ModuleNotFoundError:
    sys.stderr.write("This command needs an extra: pip install 'yandex-market-chats[cli]'\n")
    raise SystemExit(2) from None

from ._main import commands, main

__all__ = ["commands", "main"]
