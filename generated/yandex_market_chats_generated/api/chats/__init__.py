"""Contains endpoint functions for accessing the API"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    import httpx

    from ...models.api_response import ApiResponse
    from ...models.chat import Chat
    from ...models.chat_context import ChatContext
    from ...models.chat_context_type import ChatContextType
    from ...models.chat_history_page import ChatHistoryPage
    from ...models.chat_message import ChatMessage
    from ...models.chat_status_type import ChatStatusType
    from ...models.chat_type import ChatType
    from ...models.chats_page import ChatsPage
    from ...models.created_chat import CreatedChat
    from ...types import UNSET, File, FileTypes, Unset

    T = TypeVar("T")


class ChatsOperations:
    """A method for each operation of the tag chats: a client inherits them and sends the requests."""

    business_id: int

    def _call(
        self,
        get_kwargs: Callable[[], dict[str, Any]],
        parse: Callable[[httpx.Response], T | Unset],
        /,
        **arguments: object,
    ) -> T:
        """Build a request, send it and return the parsed response: the client implements this.

        `arguments` are those of the method: the error for an invalid one names them and their types.
        """
        raise NotImplementedError

    def get_chat_message(
        self,
        *,
        chat_id: int,
        message_id: int,
    ) -> ChatMessage:
        """Get a message

        Returns one message of a chat by its id. This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.
            message_id: The id of the message.

        Returns:
            The message.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from . import get_chat_message as _operation

        return self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                chat_id=chat_id,
                message_id=message_id,
            ),
            _operation._parse_result,
            chat_id=chat_id,
            message_id=message_id,
        )

    def get_chats(
        self,
        *,
        page_token: str | None = None,
        limit: int | None = None,
        contexts: list[ChatContext] | None = None,
        context_types: list[ChatContextType] | None = None,
        types: list[ChatType] | None = None,
        statuses: list[ChatStatusType] | None = None,
    ) -> ChatsPage:
        """Find chats

        Returns the chats of the business that match the filters, page by page; without filters, all of them.
        Filter by the status `WAITING_FOR_PARTNER` to find the chats that wait for the seller's answer.

        This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 5,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            page_token: The token of the page: `nextPageToken` of the previous page. Use the same `limit`
                for all pages. Without a token, the first page is returned.
            limit: The number of chats per page, at most 20. Without it the server returns up to 10.
            contexts: Only chats about these orders and returns.
            context_types: Only chats with these types of context.
            types: Only chats of these types.
            statuses: Only chats with these statuses.

        Returns:
            A page of chats.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import GetChatsRequest
        from ...types import UNSET
        from . import get_chats as _operation

        return self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=GetChatsRequest(
                    contexts=UNSET if contexts is None else contexts,
                    context_types=UNSET if context_types is None else context_types,
                    types=UNSET if types is None else types,
                    statuses=UNSET if statuses is None else statuses,
                ),
                page_token=UNSET if page_token is None else page_token,
                limit=UNSET if limit is None else limit,
            ),
            _operation._parse_result,
            page_token=page_token,
            limit=limit,
            contexts=contexts,
            context_types=context_types,
            types=types,
            statuses=statuses,
        )

    def get_chat(
        self,
        *,
        chat_id: int,
    ) -> Chat:
        """Get a chat

        Returns a chat by its id. This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.

        Returns:
            The chat.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from . import get_chat as _operation

        return self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                chat_id=chat_id,
            ),
            _operation._parse_result,
            chat_id=chat_id,
        )

    def get_chat_history(
        self,
        *,
        chat_id: int,
        page_token: str | None = None,
        limit: int | None = None,
        message_id_from: int | None = None,
    ) -> ChatHistoryPage:
        """Get the messages of a chat

        Returns the messages of a chat, page by page. Pass `messageIdFrom` to read only what is new.

        This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 10,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.
            page_token: The token of the page: `nextPageToken` of the previous page. Use the same `limit`
                for all pages. Without a token, the first page is returned.
            limit: The number of messages per page, at most 100. Without it the server returns up to 50.
            message_id_from: The id of the first message to return; all later messages follow. The vendor
                does not document whether this message itself is included: expect either.

        Returns:
            A page of messages.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import GetChatHistoryRequest
        from ...types import UNSET
        from . import get_chat_history as _operation

        return self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=GetChatHistoryRequest(
                    message_id_from=UNSET
                    if message_id_from is None
                    else message_id_from,
                ),
                chat_id=chat_id,
                page_token=UNSET if page_token is None else page_token,
                limit=UNSET if limit is None else limit,
            ),
            _operation._parse_result,
            chat_id=chat_id,
            page_token=page_token,
            limit=limit,
            message_id_from=message_id_from,
        )

    def create_chat(
        self,
        *,
        context: ChatContext,
    ) -> CreatedChat:
        """Find or create a chat

        Returns the id of the chat about an order or a return, and creates the chat if it does not exist yet.
        A chat about an order can be created for all fulfilment models, a chat about a return for FBY, FBS and
        Express. No one answers in the chat of a test order.

        Repeating this operation is safe: it returns the same chat.

        An Api-Key token needs one of the scopes `communication` or `all-methods`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            context: The order or return that a chat is about.

        Returns:
            The chat exists.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import CreateChatRequest
        from . import create_chat as _operation

        return self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=CreateChatRequest(
                    context=context,
                ),
            ),
            _operation._parse_result,
            context=context,
        )

    def send_file_to_chat(
        self,
        *,
        chat_id: int,
        file: File,
    ) -> ApiResponse:
        """Send a file to a chat

        Sends a file to the chat with the buyer: one file of at most 5 MB per request.

        An Api-Key token needs one of the scopes `communication` or `all-methods`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.
            file: The content of the file, at most 5 MB.

        Returns:
            The file has been sent. The answer contains nothing but the status.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import SendFileToChatRequest
        from . import send_file_to_chat as _operation

        return self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=SendFileToChatRequest(
                    file=file,
                ),
                chat_id=chat_id,
            ),
            _operation._parse_result,
            chat_id=chat_id,
            file=file,
        )


class AsyncChatsOperations:
    """A method for each operation of the tag chats: a client inherits them and sends the requests."""

    business_id: int

    async def _call(
        self,
        get_kwargs: Callable[[], dict[str, Any]],
        parse: Callable[[httpx.Response], T | Unset],
        /,
        **arguments: object,
    ) -> T:
        """Build a request, send it and return the parsed response: the client implements this.

        `arguments` are those of the method: the error for an invalid one names them and their types.
        """
        raise NotImplementedError

    async def get_chat_message(
        self,
        *,
        chat_id: int,
        message_id: int,
    ) -> ChatMessage:
        """Get a message

        Returns one message of a chat by its id. This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.
            message_id: The id of the message.

        Returns:
            The message.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from . import get_chat_message as _operation

        return await self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                chat_id=chat_id,
                message_id=message_id,
            ),
            _operation._parse_result,
            chat_id=chat_id,
            message_id=message_id,
        )

    async def get_chats(
        self,
        *,
        page_token: str | None = None,
        limit: int | None = None,
        contexts: list[ChatContext] | None = None,
        context_types: list[ChatContextType] | None = None,
        types: list[ChatType] | None = None,
        statuses: list[ChatStatusType] | None = None,
    ) -> ChatsPage:
        """Find chats

        Returns the chats of the business that match the filters, page by page; without filters, all of them.
        Filter by the status `WAITING_FOR_PARTNER` to find the chats that wait for the seller's answer.

        This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 5,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            page_token: The token of the page: `nextPageToken` of the previous page. Use the same `limit`
                for all pages. Without a token, the first page is returned.
            limit: The number of chats per page, at most 20. Without it the server returns up to 10.
            contexts: Only chats about these orders and returns.
            context_types: Only chats with these types of context.
            types: Only chats of these types.
            statuses: Only chats with these statuses.

        Returns:
            A page of chats.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import GetChatsRequest
        from ...types import UNSET
        from . import get_chats as _operation

        return await self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=GetChatsRequest(
                    contexts=UNSET if contexts is None else contexts,
                    context_types=UNSET if context_types is None else context_types,
                    types=UNSET if types is None else types,
                    statuses=UNSET if statuses is None else statuses,
                ),
                page_token=UNSET if page_token is None else page_token,
                limit=UNSET if limit is None else limit,
            ),
            _operation._parse_result,
            page_token=page_token,
            limit=limit,
            contexts=contexts,
            context_types=context_types,
            types=types,
            statuses=statuses,
        )

    async def get_chat(
        self,
        *,
        chat_id: int,
    ) -> Chat:
        """Get a chat

        Returns a chat by its id. This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.

        Returns:
            The chat.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from . import get_chat as _operation

        return await self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                chat_id=chat_id,
            ),
            _operation._parse_result,
            chat_id=chat_id,
        )

    async def get_chat_history(
        self,
        *,
        chat_id: int,
        page_token: str | None = None,
        limit: int | None = None,
        message_id_from: int | None = None,
    ) -> ChatHistoryPage:
        """Get the messages of a chat

        Returns the messages of a chat, page by page. Pass `messageIdFrom` to read only what is new.

        This operation only reads: repeating it is safe.

        An Api-Key token needs one of the scopes `communication`, `all-methods` or `all-methods:read-only`.

        Limits: 10,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.
            page_token: The token of the page: `nextPageToken` of the previous page. Use the same `limit`
                for all pages. Without a token, the first page is returned.
            limit: The number of messages per page, at most 100. Without it the server returns up to 50.
            message_id_from: The id of the first message to return; all later messages follow. The vendor
                does not document whether this message itself is included: expect either.

        Returns:
            A page of messages.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import GetChatHistoryRequest
        from ...types import UNSET
        from . import get_chat_history as _operation

        return await self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=GetChatHistoryRequest(
                    message_id_from=UNSET
                    if message_id_from is None
                    else message_id_from,
                ),
                chat_id=chat_id,
                page_token=UNSET if page_token is None else page_token,
                limit=UNSET if limit is None else limit,
            ),
            _operation._parse_result,
            chat_id=chat_id,
            page_token=page_token,
            limit=limit,
            message_id_from=message_id_from,
        )

    async def create_chat(
        self,
        *,
        context: ChatContext,
    ) -> CreatedChat:
        """Find or create a chat

        Returns the id of the chat about an order or a return, and creates the chat if it does not exist yet.
        A chat about an order can be created for all fulfilment models, a chat about a return for FBY, FBS and
        Express. No one answers in the chat of a test order.

        Repeating this operation is safe: it returns the same chat.

        An Api-Key token needs one of the scopes `communication` or `all-methods`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            context: The order or return that a chat is about.

        Returns:
            The chat exists.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import CreateChatRequest
        from . import create_chat as _operation

        return await self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=CreateChatRequest(
                    context=context,
                ),
            ),
            _operation._parse_result,
            context=context,
        )

    async def send_file_to_chat(
        self,
        *,
        chat_id: int,
        file: File,
    ) -> ApiResponse:
        """Send a file to a chat

        Sends a file to the chat with the buyer: one file of at most 5 MB per request.

        An Api-Key token needs one of the scopes `communication` or `all-methods`.

        Limits: 1,000 requests per hour, and 4 parallel requests per business for all operations
        together. A request over either limit is answered with 420.

        Args:
            chat_id: The id of the chat.
            file: The content of the file, at most 5 MB.

        Returns:
            The file has been sent. The answer contains nothing but the status.

        Raises:
            MarketError: The request failed; `delivery` says whether the request may have had an effect.
        """
        from ...models import SendFileToChatRequest
        from . import send_file_to_chat as _operation

        return await self._call(
            lambda: _operation._get_kwargs(
                self.business_id,
                body=SendFileToChatRequest(
                    file=file,
                ),
                chat_id=chat_id,
            ),
            _operation._parse_result,
            chat_id=chat_id,
            file=file,
        )
