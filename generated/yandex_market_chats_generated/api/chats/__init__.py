"""Contains endpoint functions for accessing the API"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    import httpx

    from ...models.api_response import ApiResponse
    from ...types import Unset

    T = TypeVar("T")


class ChatsOperations:
    """A method for each operation of the tag chats: a client inherits them and sends the requests."""

    business_id: int

    def _call(
        self, request: dict[str, Any], parse: Callable[[httpx.Response], T | Unset]
    ) -> T:
        """Send the request and return the parsed response: the client implements this."""
        raise NotImplementedError

    def send_message_to_chat(
        self,
        *,
        chat_id: int,
        message: str,
    ) -> ApiResponse:
        """Send a message to a chat

        Sends a message to the chat with the buyer. Available for all models of work with the Market.

        An Api-Key token needs one of the accesses `communication` and `all-methods`.

        Limits: 1,000 requests per hour, and 4 requests at a time per cabinet. Past either limit the
        answer is 420.

        Args:
            chat_id: The id of the chat.
            message: The text of the message, in characters.

        Returns:
            The message has been sent. The answer is empty but for its status.

        Raises:
            MarketError: The request failed. Its `delivery` says whether the request may have had an effect.
        """
        from ...models import SendMessageToChatRequest
        from . import send_message_to_chat as _operation

        _request = _operation._get_kwargs(
            self.business_id,
            body=SendMessageToChatRequest(
                message=message,
            ),
            chat_id=chat_id,
        )
        return self._call(_request, _operation._parse_result)


class AsyncChatsOperations:
    """A method for each operation of the tag chats: a client inherits them and sends the requests."""

    business_id: int

    async def _call(
        self, request: dict[str, Any], parse: Callable[[httpx.Response], T | Unset]
    ) -> T:
        """Send the request and return the parsed response: the client implements this."""
        raise NotImplementedError

    async def send_message_to_chat(
        self,
        *,
        chat_id: int,
        message: str,
    ) -> ApiResponse:
        """Send a message to a chat

        Sends a message to the chat with the buyer. Available for all models of work with the Market.

        An Api-Key token needs one of the accesses `communication` and `all-methods`.

        Limits: 1,000 requests per hour, and 4 requests at a time per cabinet. Past either limit the
        answer is 420.

        Args:
            chat_id: The id of the chat.
            message: The text of the message, in characters.

        Returns:
            The message has been sent. The answer is empty but for its status.

        Raises:
            MarketError: The request failed. Its `delivery` says whether the request may have had an effect.
        """
        from ...models import SendMessageToChatRequest
        from . import send_message_to_chat as _operation

        _request = _operation._get_kwargs(
            self.business_id,
            body=SendMessageToChatRequest(
                message=message,
            ),
            chat_id=chat_id,
        )
        return await self._call(_request, _operation._parse_result)
