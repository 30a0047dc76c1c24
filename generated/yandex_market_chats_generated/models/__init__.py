"""Contains all the data models used in inputs/outputs"""

from .api_error import ApiError
from .api_error_response import ApiErrorResponse
from .api_response import ApiResponse
from .api_response_status_type import ApiResponseStatusType
from .send_message_to_chat_request import SendMessageToChatRequest

__all__ = (
    "ApiError",
    "ApiErrorResponse",
    "ApiResponse",
    "ApiResponseStatusType",
    "SendMessageToChatRequest",
)
