"""A client library for accessing Yandex Market chats"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .client import AuthenticatedClient, Client
else:

    def __getattr__(name: str) -> object:
        """Import a client when it is first used."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from . import client

        value = globals()[name] = getattr(client, name)
        return value


__all__ = (
    "AuthenticatedClient",
    "Client",
)
