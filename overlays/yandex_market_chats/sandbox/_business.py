"""The business that the sandbox serves: it decides the reply to each request."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from email.utils import formatdate
from http import HTTPStatus
from secrets import token_hex
from string import Template
from threading import RLock
from typing import Any
from uuid import uuid4

from ._chats import Chats
from ._limits import HourlyLimit
from ._operations import OPERATIONS, Operation
from ._script import Script
from ._settings import Settings
from ._tokens import check_credentials
from ._validation import read_id
from ._wire import (
    HOURLY_LIMIT,
    PARALLEL_LIMIT,
    Call,
    RefusedError,
    Reply,
    error,
    refusal,
)

_PATH = re.compile(r"/v2/businesses/([^/]+)/(.+)")


class Business:
    """A business: its limits and its chats.

    Attributes:
        lock: Held while its state is read or changed, because requests are answered in their own thread.
    """

    def __init__(self, settings: Settings) -> None:
        """Start with full limits and no chats."""
        self.settings = settings
        self.lock = RLock()
        self._in_progress = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything, and start with full limits."""
        self.chats = Chats(self.settings)
        self.script = Script()
        self.requests = 0
        limit, clock = self.settings.hourly_limit, self.settings.clock
        self._hourly = {
            operation: HourlyLimit(operation.hourly_limit if limit is None else limit, clock)
            for operation in OPERATIONS.values()
        }

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Hold one of the slots that the parallel limit counts."""
        self._in_progress += 1
        try:
            yield
        finally:
            self._in_progress -= 1

    def answer(self, call: Call) -> Reply:
        """Carry out or refuse a request."""
        with self.lock:
            self.requests += 1
            path = _PATH.fullmatch(call.path)
            business_id, resource = path.groups() if path else ("", "")
            operation = OPERATIONS.get((call.method, resource))
            if operation is None:
                return self._stamped(_no_operation(call.method, resource), {})
            try:
                reply = self._carry_out(operation, business_id, call)
            except RefusedError as refused:
                reply = refused.reply
            hourly = self._hourly[operation]
            # The vendor counts 2xx and 4xx answers.
            if reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
                hourly.use()
            return self._stamped(reply, hourly.headers(reply.exhausted_for))

    def delay(self, reply: Reply) -> float:
        """Return how many seconds to delay a reply; refusals are immediate."""
        if reply.slow:
            return self.settings.slow
        return self.settings.latency if reply.accepted else 0.0

    def _carry_out(self, operation: Operation, business_id: str, call: Call) -> Reply:
        """Check a request in the vendor's order: credentials, limits, and only then values."""
        check_credentials(call.headers, self.settings.token)
        if read_id("businessId", {"businessId": [business_id]}) != self.settings.business_id:
            raise refusal(403, "Access denied")
        if self._in_progress > self.settings.parallel_limit:
            raise RefusedError(self._filled_in(PARALLEL_LIMIT, operation))
        if not self._hourly[operation].left:
            raise RefusedError(self._filled_in(HOURLY_LIMIT, operation))
        action = operation.validate(self.chats, call)
        reply = self.script.next_reply(operation.name, action.chat_id)
        answer: dict[str, Any] = {"status": "OK"}
        if reply.accepted and (result := action.carry_out()) is not None:
            answer["result"] = result
        text = json.dumps(answer, ensure_ascii=False)
        return self._filled_in(reply, operation, chat_id=action.chat_id, answer=text)

    def _filled_in(self, reply: Reply, operation: Operation, **values: object) -> Reply:
        body = Template(reply.body).substitute(
            values,
            business_id=self.settings.business_id,
            hourly_limit=self._hourly[operation].limit,
            parallel_limit=self.settings.parallel_limit,
            resource=operation.resource,
        )
        return replace(reply, body=body)

    def _stamped(self, reply: Reply, headers: Mapping[str, str]) -> Reply:
        stamp = {
            "Date": formatdate(self.settings.clock(), usegmt=True),
            "traceparent": f"00-{uuid4().hex}-{token_hex(8)}-01",
        }
        return replace(reply, headers={**stamp, **headers, **reply.headers})


def _no_operation(method: str, resource: str) -> Reply:
    allowed = [operation.method for operation in OPERATIONS.values() if operation.resource == resource]
    if not allowed:
        return error(404, "Resource not found")
    reply = error(405, f"Request method '{method}' not supported")
    return replace(reply, headers={**reply.headers, "Allow": ", ".join(allowed)})
