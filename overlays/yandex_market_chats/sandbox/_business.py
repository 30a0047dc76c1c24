"""The business that the sandbox serves: it decides the reply to each request."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from secrets import token_hex
from string import Template
from uuid import uuid4

from aiohttp import web

from yandex_market_chats.sandbox._calls import Request
from yandex_market_chats.sandbox._chats import Script
from yandex_market_chats.sandbox._limits import HourlyLimit
from yandex_market_chats.sandbox._messages import Message
from yandex_market_chats.sandbox._replies import (
    HOURLY_LIMIT,
    PARALLEL_LIMIT,
    RefusedError,
    Reply,
    error,
    refuse,
)
from yandex_market_chats.sandbox._tokens import check_credentials
from yandex_market_chats.sandbox._validation import read_id, read_message

_PATH = re.compile(r"/v2/businesses/([^/]+)/chats/message")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a sandbox; `Sandbox` documents them."""

    business_id: int
    token: str
    hourly_limit: int
    parallel_limit: int
    latency: float
    slow: float
    clock: Callable[[], float]
    on_request: Callable[[Request], object] | None


class Business:
    """A business: its limits, its chats and the messages that it accepted."""

    def __init__(self, settings: Settings) -> None:
        """Start with full limits and no messages."""
        self.settings = settings
        self.messages: list[Message] = []
        self.requests = 0
        self._script = Script()
        self._hourly = HourlyLimit(settings.hourly_limit, settings.clock)
        self._in_progress = 0

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots that the parallel limit counts."""
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    def answer(self, request: web.Request, body: bytes | None) -> Reply:
        """Accept or refuse a request; `body` is `None` if it was too large."""
        if request.method == "POST":
            self.requests += 1
        try:
            reply = self._carry_out(request, body)
        except RefusedError as refused:
            reply = refused.reply
        # The vendor counts 2xx and 4xx answers.
        if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self._hourly.use()
        return replace(
            reply,
            headers={
                "traceparent": f"00-{uuid4().hex}-{token_hex(8)}-01",
                **self._hourly.headers(reply.exhausted_for),
                **reply.headers,
            },
        )

    def delay(self, reply: Reply) -> float:
        """Return how many seconds to delay a reply: a refusal never is."""
        if reply.slow:
            return self.settings.slow
        return self.settings.latency if reply.accepted else 0.0

    def _carry_out(self, request: web.Request, body: bytes | None) -> Reply:
        """Check a request in the vendor's order: path, credentials, limits, and only then values."""
        path = _PATH.fullmatch(request.path)
        if not path:
            refuse(404, "Resource not found")
        if request.method != "POST":
            raise RefusedError(_wrong_method(request.method))
        check_credentials(request.headers, self.settings.token)
        business_id = read_id("businessId", [path[1]])
        if business_id != self.settings.business_id:
            refuse(403, "Access denied")
        if self._in_progress > self.settings.parallel_limit:
            raise RefusedError(self._filled_in(PARALLEL_LIMIT))
        if not self._hourly.left:
            raise RefusedError(self._filled_in(HOURLY_LIMIT))
        # Without a body there is no type to check: then the body is missing.
        if body and request.content_type != "application/json":
            refuse(415, f"Content type '{request.content_type}' not supported")
        chat_id = read_id("chatId", request.query.getall("chatId", []))
        text = read_message(body)
        reply = self._filled_in(self._script.next_reply(chat_id))
        if reply.accepted:
            self.messages.append(Message(business_id, chat_id, text))
        return reply

    def _filled_in(self, reply: Reply) -> Reply:
        body = Template(reply.body).substitute(
            business_id=self.settings.business_id,
            hourly_limit=self.settings.hourly_limit,
            parallel_limit=self.settings.parallel_limit,
        )
        return replace(reply, body=body)


def _wrong_method(method: str) -> Reply:
    reply = error(405, f"Request method '{method}' not supported")
    return replace(reply, headers={**reply.headers, "Allow": "POST"})
