"""The chats that misbehave."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import cycle, repeat
from typing import NamedTuple

from yandex_market_chats.sandbox._replies import (
    HOURLY_LIMIT,
    PARALLEL_LIMIT,
    SERVER_ERROR,
    Ending,
    Reply,
    error,
    html,
)

_OK = Reply(accepted=True)
_UNAVAILABLE = error(503, "Service temporarily unavailable. Please, try again later")
_TOO_MANY = error(429, "Too many requests")


class _Chat(NamedTuple):
    """A chat: its behaviour in one sentence, and its replies, which repeat in turn."""

    summary: str
    replies: tuple[Reply, ...]


def _with_header(reply: Reply, name: str, value: str) -> Reply:
    return replace(reply, headers={**reply.headers, name: value})


_ENVOY = Reply(
    status=503,
    body="upstream connect error or disconnect/reset before headers. reset reason: connection termination",
    headers={"Content-Type": "text/plain"},
    accepted=True,
)
_VARNISH = _with_header(replace(html(503, "503 Backend fetch failed"), accepted=True), "Retry-After", "5")

_CHATS = {
    # A success that says otherwise.
    200: _Chat(
        '200 with "status": "ERROR"; the message was accepted.',
        (replace(SERVER_ERROR, status=200, accepted=True),),
    ),
    2001: _Chat("200 with HTML; the message was accepted.", (replace(html(200, "OK"), accepted=True),)),
    2002: _Chat("200 with {}; the message was accepted.", (replace(_OK, body="{}"),)),
    2003: _Chat(
        "200 whose body breaks off; the message was accepted.",
        (_with_header(replace(_OK, body='{"status": '), "Content-Length", "16"),),
    ),
    302: _Chat(
        "302 to another path.",
        (_with_header(Reply(status=302, body="", headers={}), "Location", "/moved"),),
    ),
    303: _Chat(
        "303 to another path; the message was accepted.",
        (_with_header(Reply(status=303, body="", headers={}, accepted=True), "Location", "/moved"),),
    ),
    # Refusals.
    400: _Chat("400.", (error(400, "Illegal input at 'message'"),)),
    401: _Chat("401, with any token.", (error(401, "Api-Key token is invalid"),)),
    403: _Chat("403.", (error(403, "Access denied"),)),
    404: _Chat("404: there is no such chat.", (error(404, "Can't find chat by id: '404'"),)),
    405: _Chat("405.", (error(405, "Request method 'POST' not supported"),)),
    409: _Chat("409, which the vendor does not document.", (error(409, "Conflict"),)),
    415: _Chat("415.", (error(415, "Content type 'application/json' not supported"),)),
    423: _Chat("423: the business is in migration.", (error(423, "Business is in migration"),)),
    # Limits, and an overloaded server.
    420: _Chat("420 of the parallel limit, always.", (PARALLEL_LIMIT,)),
    4201: _Chat("420 of the parallel limit twice, then OK.", (PARALLEL_LIMIT, PARALLEL_LIMIT, _OK)),
    4202: _Chat(
        "420 of the hourly limit once, which ends in 2 seconds, then OK.",
        (replace(HOURLY_LIMIT, exhausted_for=2), _OK),
    ),
    4203: _Chat(
        "420 of the hourly limit, which ends in an hour, always.",
        (replace(HOURLY_LIMIT, exhausted_for=3600),),
    ),
    429: _Chat(
        "429 with Retry-After of 1 second once, then OK.",
        (_with_header(_TOO_MANY, "Retry-After", "1"), _OK),
    ),
    503: _Chat(
        "503 with Retry-After of 1 second once, then OK.",
        (_with_header(_UNAVAILABLE, "Retry-After", "1"), _OK),
    ),
    # Answers that do not say whether the message was accepted.
    408: _Chat("408 with HTML; the message was not accepted.", (html(408, "408 Request Time-out"),)),
    499: _Chat(
        "499 with an empty body; the message was accepted.",
        (Reply(status=499, body="", headers={}, accepted=True),),
    ),
    500: _Chat("500; the message was accepted.", (replace(SERVER_ERROR, accepted=True),)),
    5001: _Chat("500; the message was not accepted.", (SERVER_ERROR,)),
    5002: _Chat(
        "500 with HTML; the message was accepted.",
        (replace(html(500, "500 Internal Server Error"), accepted=True),),
    ),
    502: _Chat("502 with HTML; the message was not accepted.", (html(502, "502 Bad Gateway"),)),
    # A gateway that lost a server after passing the request on; the first is nginx.
    5031: _Chat(
        "503 with HTML; the message was accepted.",
        (replace(html(503, "503 Service Temporarily Unavailable"), accepted=True),),
    ),
    5032: _Chat("503 with the text of Envoy; the message was accepted.", (_ENVOY,)),
    5033: _Chat("503 with the HTML of Varnish and Retry-After; the message was accepted.", (_VARNISH,)),
    504: _Chat(
        "504 with HTML; the message was accepted.",
        (replace(html(504, "504 Gateway Time-out"), accepted=True),),
    ),
    520: _Chat(
        "520 with an empty body; the message was accepted.",
        (Reply(status=520, body="", headers={}, accepted=True),),
    ),
    # Connections that break.
    9001: _Chat(
        "The connection closes without an answer; the message was accepted.",
        (replace(_OK, ending=Ending.CLOSED),),
    ),
    9002: _Chat(
        "The connection is reset without an answer; the message was accepted.",
        (replace(_OK, ending=Ending.RESET),),
    ),
    9003: _Chat(
        "OK after 20 seconds, too late for most clients; the message was accepted at once.",
        (replace(_OK, slow=True),),
    ),
}

CHATS: Mapping[int, str] = {chat_id: chat.summary for chat_id, chat in _CHATS.items()}
"""What each misbehaving chat does, by its id. Any other chat accepts the message and answers OK.

A chat that first refuses and then accepts starts over after its OK."""


class Script:
    """The replies of the chats of one sandbox, in turn."""

    def __init__(self) -> None:
        """Start each chat at its first reply."""
        self._replies = {chat_id: cycle(chat.replies) for chat_id, chat in _CHATS.items()}
        self._otherwise: Iterator[Reply] = repeat(_OK)

    def next_reply(self, chat_id: int) -> Reply:
        """Return the next reply of a chat."""
        return next(self._replies.get(chat_id, self._otherwise))
