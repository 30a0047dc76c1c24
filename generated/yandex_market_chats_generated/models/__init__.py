"""Contains all the data models used in inputs/outputs"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api_error import ApiError
    from .api_error_response import ApiErrorResponse
    from .api_response import ApiResponse
    from .api_response_status_type import ApiResponseStatusType
    from .chat import Chat
    from .chat_context import ChatContext
    from .chat_context_identifiable_type import ChatContextIdentifiableType
    from .chat_context_type import ChatContextType
    from .chat_customer import ChatCustomer
    from .chat_history_page import ChatHistoryPage
    from .chat_message import ChatMessage
    from .chat_message_payload import ChatMessagePayload
    from .chat_message_sender_type import ChatMessageSenderType
    from .chat_status_type import ChatStatusType
    from .chat_type import ChatType
    from .chats_page import ChatsPage
    from .create_chat_request import CreateChatRequest
    from .create_chat_response import CreateChatResponse
    from .created_chat import CreatedChat
    from .full_context import FullContext
    from .get_chat_history_request import GetChatHistoryRequest
    from .get_chat_history_response import GetChatHistoryResponse
    from .get_chat_message_response import GetChatMessageResponse
    from .get_chat_response import GetChatResponse
    from .get_chats_request import GetChatsRequest
    from .get_chats_response import GetChatsResponse
    from .pager import Pager
    from .send_file_to_chat_request import SendFileToChatRequest
    from .send_message_to_chat_request import SendMessageToChatRequest
else:
    _MODULES = {
        "ApiError": ".api_error",
        "ApiErrorResponse": ".api_error_response",
        "ApiResponse": ".api_response",
        "ApiResponseStatusType": ".api_response_status_type",
        "Chat": ".chat",
        "ChatContext": ".chat_context",
        "ChatContextIdentifiableType": ".chat_context_identifiable_type",
        "ChatContextType": ".chat_context_type",
        "ChatCustomer": ".chat_customer",
        "ChatHistoryPage": ".chat_history_page",
        "ChatMessage": ".chat_message",
        "ChatMessagePayload": ".chat_message_payload",
        "ChatMessageSenderType": ".chat_message_sender_type",
        "ChatStatusType": ".chat_status_type",
        "ChatType": ".chat_type",
        "ChatsPage": ".chats_page",
        "CreateChatRequest": ".create_chat_request",
        "CreateChatResponse": ".create_chat_response",
        "CreatedChat": ".created_chat",
        "FullContext": ".full_context",
        "GetChatHistoryRequest": ".get_chat_history_request",
        "GetChatHistoryResponse": ".get_chat_history_response",
        "GetChatMessageResponse": ".get_chat_message_response",
        "GetChatResponse": ".get_chat_response",
        "GetChatsRequest": ".get_chats_request",
        "GetChatsResponse": ".get_chats_response",
        "Pager": ".pager",
        "SendFileToChatRequest": ".send_file_to_chat_request",
        "SendMessageToChatRequest": ".send_message_to_chat_request",
    }

    def __getattr__(name: str) -> object:
        """Import a model when it is first used."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(_MODULES[name], __name__), name)
        return value


__all__ = (
    "ApiError",
    "ApiErrorResponse",
    "ApiResponse",
    "ApiResponseStatusType",
    "Chat",
    "ChatContext",
    "ChatContextIdentifiableType",
    "ChatContextType",
    "ChatCustomer",
    "ChatHistoryPage",
    "ChatMessage",
    "ChatMessagePayload",
    "ChatMessageSenderType",
    "ChatsPage",
    "ChatStatusType",
    "ChatType",
    "CreateChatRequest",
    "CreateChatResponse",
    "CreatedChat",
    "FullContext",
    "GetChatHistoryRequest",
    "GetChatHistoryResponse",
    "GetChatMessageResponse",
    "GetChatResponse",
    "GetChatsRequest",
    "GetChatsResponse",
    "Pager",
    "SendFileToChatRequest",
    "SendMessageToChatRequest",
)
