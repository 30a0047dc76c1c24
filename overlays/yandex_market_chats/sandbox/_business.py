"""The business that the sandbox serves: it decides the reply to each request."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http import HTTPStatus
from string import Template

from aiohttp import web

from yandex_market_chats.sandbox._chats import Script
from yandex_market_chats.sandbox._limits import HourlyLimit
from yandex_market_chats.sandbox._messages import Message
from yandex_market_chats.sandbox._replies import HOURLY_LIMIT, PARALLEL_LIMIT, RefusedError, Reply, error
from yandex_market_chats.sandbox._tokens import check_credentials
from yandex_market_chats.sandbox._validation import read_id, read_message

_PATH = re.compile(r"/v2/businesses/([^/]+)/chats/message")
_NO_SUCH_RESOURCE = error(404, "NOT_FOUND", "Resource not found")
_WRONG_METHOD = replace(
    error(405, "METHOD_NOT_ALLOWED", "Method not allowed"),
    headers={"Content-Type": "application/json", "Allow": "POST"},
)
_ACCESS_DENIED = error(403, "FORBIDDEN", "Access denied")
_WRONG_CONTENT_TYPE = error(415, "UNSUPPORTED_MEDIA_TYPE", "Content type must be application/json")


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
            body=self._fill_in(reply.body),
            headers={**self._hourly.headers(reply.exhausted_for), **reply.headers},
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
            raise RefusedError(_NO_SUCH_RESOURCE)
        if request.method != "POST":
            raise RefusedError(_WRONG_METHOD)
        check_credentials(request.headers, self.settings.token)
        business_id = read_id("businessId", [path[1]])
        if business_id != self.settings.business_id:
            raise RefusedError(_ACCESS_DENIED)
        if self._in_progress > self.settings.parallel_limit:
            raise RefusedError(PARALLEL_LIMIT)
        if not self._hourly.left:
            raise RefusedError(HOURLY_LIMIT)
        # Without a body there is no type to check: then the message is missing.
        if body and request.content_type != "application/json":
            raise RefusedError(_WRONG_CONTENT_TYPE)
        chat_id = read_id("chatId", request.query.getall("chatId", []))
        text = read_message(body)
        reply = self._script.next_reply(chat_id)
        if reply.accepted:
            self.messages.append(Message(business_id, chat_id, text))
        return reply

    def _fill_in(self, body: str) -> str:
        return Template(body).substitute(
            business_id=self.settings.business_id,
            hourly_limit=self.settings.hourly_limit,
            parallel_limit=self.settings.parallel_limit,
        )
