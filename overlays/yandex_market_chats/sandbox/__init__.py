"""The API on loopback, to reproduce what cannot be provoked on a real account.

```python
from yandex_market_chats.sandbox import Sandbox

with Sandbox() as sandbox:
    ...  # send to sandbox.base_url with sandbox.token
    sandbox.messages  # the messages that it accepted
```

`CHATS` lists the chats that misbehave, `TOKENS` the tokens. Needs the extra `sandbox`.
"""

try:
    from ._sandbox import Sandbox
except ModuleNotFoundError as _error:
    raise ImportError(
        "The sandbox needs aiohttp: pip install 'yandex-market-chats[sandbox]'", name=_error.name
    ) from _error

from ._messages import Message, Sender, SentFile
from ._outcomes import CHATS, OUTCOMES
from ._tokens import (
    API_KEY,
    API_KEY_WITHOUT_ACCESS,
    EXPIRED_OAUTH,
    OAUTH,
    REVOKED_API_KEY,
    TOKENS,
)
from ._wire import Request

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
