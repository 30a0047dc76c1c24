"""The history of a chat, as the API returns it."""

import json
from typing import Any

import httpx

from calls import http_date
from mock_api import NOW, TEXT, answer


def message(message_id: int = 7, text: str | None = TEXT, **changes: Any) -> dict[str, Any]:
    """Return a message of the seller; `None` is the text of a file."""
    body = {} if text is None else {"message": text}
    return {"messageId": message_id, "createdAt": NOW.isoformat(), "sender": "PARTNER", **body, **changes}


def history(*messages: dict[str, Any], date: str = http_date(NOW)) -> httpx.Response:
    """Return a response with the only page of a chat."""
    result = {"context": {"type": "ORDER"}, "messages": messages, "paging": {}}
    return answer(body=json.dumps({"status": "OK", "result": result}).encode(), Date=date)
