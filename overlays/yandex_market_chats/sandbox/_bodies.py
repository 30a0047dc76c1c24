"""The bodies of requests: JSON and multipart."""

import json
from email import message_from_string
from typing import Any

from ._wire import Call, refusal

_MAX_JSON = 512 * 1024
_MAX_FILE = 5 * 1024 * 1024

MAX_BODY = _MAX_FILE + 64 * 1024
"""Bytes of the largest body: a file, and what multipart adds to it."""

_TOO_LARGE = "The request is too big"


def read_json(call: Call) -> dict[str, Any]:
    """Return the JSON object in the body.

    Raises:
        RefusedError: With 400 or 415 if the body is anything else.
    """
    body = _read_body(call, "application/json", _MAX_JSON)
    try:
        value = json.loads(body.decode())
    # Thousands of brackets are a RecursionError, anything else that is not JSON in UTF-8 a ValueError.
    except (ValueError, RecursionError) as error:
        raise refusal(400, f"JSON: {error}") from error
    if not isinstance(value, dict):
        raise refusal(400, "JSON: an object is expected")
    return value


def read_file(call: Call) -> tuple[str, bytes]:
    """Return the name and the content of the only file in the body, which must be the field `file`.

    Raises:
        RefusedError: With 400 or 415 if the body is anything else, or if the file is too large.
    """
    body = _read_body(call, "multipart/form-data", MAX_BODY)
    boundary = message_from_string(f"Content-Type: {call.headers['Content-Type']}").get_boundary("")
    # A delimiter is a separate line, and the last one ends with two more hyphens (RFC 2046, 5.1.1).
    _, *parts = (b"\r\n" + body).split(f"\r\n--{boundary}".encode())
    is_complete = bool(boundary and parts) and parts.pop().startswith(b"--")
    if not is_complete or not all(part.startswith(b"\r\n") for part in parts):
        raise refusal(400, "Unexpected end of content")
    files = [file for part in parts if (file := _read_part(part))]
    if not files:
        raise refusal(400, "Required request parameter 'file' is not present")
    if len(files) > 1:
        raise refusal(400, "Illegal input at 'file'")
    if len(files[0][1]) > _MAX_FILE:
        raise refusal(400, _TOO_LARGE)
    return files[0]


def _read_part(part: bytes) -> tuple[str, bytes] | None:
    """Return the file in a part; without a file name, it would be a plain form field."""
    head, _, content = part.partition(b"\r\n\r\n")
    headers = message_from_string(head.strip().decode(errors="replace"))
    name = headers.get_filename()
    if not name or headers.get_param("name", header="Content-Disposition") != "file":
        return None
    return name, content


def _read_body(call: Call, content_type: str, limit: int) -> bytes:
    if call.body is None or len(call.body) > limit:
        raise refusal(400, _TOO_LARGE)
    if not call.body:
        raise refusal(400, "Required request body is missing")
    actual = call.headers.get("Content-Type", "")
    if actual.partition(";")[0].strip().lower() != content_type:
        raise refusal(415, f"Content type '{actual}' not supported")
    return call.body
