"""The values that the API accepts in a request, after the vendor's page of the method."""

import json
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from yandex_market_chats.sandbox._replies import RefusedError, error

MAX_BODY = 512 * 1024
"""Bytes of the largest request body."""

_MAX_MESSAGE = 4096
_MAX_ID = 2**63 - 1
# Python converts no more than 4300 digits.
_INTEGER = re.compile(r"-?[0-9]{1,4300}")


def read_id(name: str, values: Sequence[str]) -> int:
    """Return an id that must be present exactly once.

    Raises:
        RefusedError: With 400 if it is not one integer from 1 to the largest int64.
    """
    if not values:
        _refuse(f"{name}: must not be null")
    if len(values) > 1:
        _refuse(f"{name}: must be given once")
    if not _INTEGER.fullmatch(values[0]):
        _refuse(f"{name}: must be an integer")
    number = int(values[0])
    if number < 1:
        _refuse(f"{name}: must be greater than or equal to 1")
    if number > _MAX_ID:
        _refuse(f"{name}: must be less than or equal to {_MAX_ID}")
    return number


def read_message(body: bytes | None) -> str:
    """Return the message in a request body; the body is `None` if it was too large.

    Raises:
        RefusedError: With 400 if there is no text of 1 to 4096 characters in it.
    """
    if body is None:
        _refuse("body: size must be at most 512 KB")
    message = _read_object(body).get("message")
    if message is None:
        _refuse("message: must not be null")
    if not isinstance(message, str):
        _refuse("message: must be a string")
    if not 1 <= len(message) <= _MAX_MESSAGE:
        _refuse(f"message: size must be between 1 and {_MAX_MESSAGE}")
    if not _is_unicode(message):
        _refuse("message: must be Unicode text")
    return message


def _read_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body.decode())
    # Thousands of brackets are a RecursionError, anything else that is not JSON in UTF-8 a ValueError.
    except (ValueError, RecursionError):
        _refuse("body: must be JSON")
    if not isinstance(value, dict):
        _refuse("body: must be a JSON object")
    return value


def _is_unicode(text: str) -> bool:
    """Return whether the text has no lone surrogate, which JSON can escape but UTF-8 cannot encode."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _refuse(message: str) -> NoReturn:
    raise RefusedError(error(400, "BAD_REQUEST", message))
