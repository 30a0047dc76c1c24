"""The values that the API accepts in a request, and the vendor's messages for all others."""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from yandex_market_chats.sandbox._replies import refuse

MAX_BODY = 512 * 1024
"""Bytes of the largest JSON body."""

_MAX_MESSAGE = 4096
_MAX_ID = 2**63 - 1
_INTEGER = re.compile(r"-?[0-9]{1,19}")


def read_id(name: str, values: Sequence[str]) -> int:
    """Return an id that must be present exactly once.

    Raises:
        RefusedError: With 400 if it is not one integer from 1 to the largest int64.
    """
    if not values:
        _refuse(f"Required request parameter '{name}' is not present")
    value = ",".join(values)
    if not _INTEGER.fullmatch(value) or int(value) > _MAX_ID:
        _refuse(f"Type mismatch: '{value}'")
    if int(value) < 1:
        _refuse(f"'{name}' must be greater than or equal to 1 (rejected value: '{value}')")
    return int(value)


def read_message(body: bytes | None) -> str:
    """Return the message in a request body; the body is `None` if it was too large.

    Raises:
        RefusedError: With 400 if there is no text of 1 to 4096 characters in it.
    """
    message = _read_object(body).get("message")
    if message is None:
        _refuse("'message' must not be null (rejected value: null)")
    if not isinstance(message, str) or not _is_unicode(message):
        _refuse("Illegal input at 'message'")
    if not 1 <= len(message) <= _MAX_MESSAGE:
        _refuse(f"'message' size must be between 1 and {_MAX_MESSAGE} (rejected value: '{message}')")
    return message


def _read_object(body: bytes | None) -> dict[str, Any]:
    if body is None:
        _refuse(f"The request is too big: the limit is {MAX_BODY // 1024} KB")
    if not body:
        _refuse("Required request body is missing")
    try:
        value = json.loads(body.decode())
    # Thousands of brackets are a RecursionError, anything else that is not JSON in UTF-8 a ValueError.
    except (ValueError, RecursionError) as error:
        _refuse(f"JSON: {error}")
    if not isinstance(value, dict):
        _refuse("JSON: an object is expected")
    return value


def _is_unicode(text: str) -> bool:
    """Return whether the text has no lone surrogate, which JSON can escape but UTF-8 cannot encode."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse(message: str) -> NoReturn:
    refuse(400, message)
