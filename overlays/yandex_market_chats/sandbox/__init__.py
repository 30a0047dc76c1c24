"""The API on loopback, to reproduce what cannot be provoked on a real account.

```python
from yandex_market_chats.sandbox import Sandbox

with Sandbox() as sandbox:
    ...  # send to sandbox.base_url with sandbox.token
    sandbox.messages  # the messages that it accepted
```

`CHATS` lists the chats that misbehave, `TOKENS` the tokens. Needs the extra `sandbox`.
"""

from typing import TYPE_CHECKING

from yandex_market_chats.sandbox._calls import Request
from yandex_market_chats.sandbox._messages import Message, Sender, SentFile
from yandex_market_chats.sandbox._misbehaving import CHATS
from yandex_market_chats.sandbox._outcomes import OUTCOMES
from yandex_market_chats.sandbox._tokens import (
    API_KEY,
    API_KEY_WITHOUT_ACCESS,
    EXPIRED_OAUTH,
    OAUTH,
    REVOKED_API_KEY,
    TOKENS,
)

__all__ = [
    "API_KEY",
    "API_KEY_WITHOUT_ACCESS",
    "CHATS",
    "EXPIRED_OAUTH",
    "OAUTH",
    "OUTCOMES",
    "REVOKED_API_KEY",
    "TOKENS",
    "Message",
    "Request",
    "Sandbox",
    "Sender",
    "SentFile",
]

if TYPE_CHECKING:
    from yandex_market_chats.sandbox._sandbox import Sandbox
else:

    def __getattr__(name: str) -> object:
        """Import the class on first use, because every run of pytest imports this package for its fixtures.

        Raises:
            ImportError: aiohttp is not installed.
        """
        if name != "Sandbox":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        try:
            from yandex_market_chats.sandbox._sandbox import Sandbox  # noqa: PLC0415 -- it imports aiohttp
        except ModuleNotFoundError as error:
            message = "The sandbox needs aiohttp: pip install 'yandex-market-chats[sandbox]'"
            raise ImportError(message, name=error.name) from error
        return Sandbox
