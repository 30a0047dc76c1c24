"""Contains all the data models used in inputs/outputs"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .api_error import ApiError
    from .api_error_response import ApiErrorResponse
    from .api_response import ApiResponse
    from .api_response_status_type import ApiResponseStatusType
    from .send_message_to_chat_request import SendMessageToChatRequest
else:
    _MODULES = {
        "ApiError": ".api_error",
        "ApiErrorResponse": ".api_error_response",
        "ApiResponse": ".api_response",
        "ApiResponseStatusType": ".api_response_status_type",
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
    "SendMessageToChatRequest",
)
