"""Check against the real API what the SDK assumes about it: `make probe ORDER=…`.

It creates the chat of a test order, which no one reads, sends two messages to it, reads them, and makes two
requests that the API must refuse. It prints a block for an issue, without the token, ids or texts.
"""

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx

from assumptions import LONGEST, Answer, Evidence, Sent, report
from yandex_market_chats import ConfigurationError
from yandex_market_chats._settings import (
    DEFAULT_TIMEOUT,
    ID_MAX,
    find_base_url,
    find_business_id,
    find_credentials,
    transport_options,
)
from yandex_market_chats._settle import MAX_PAGES

CONFIRMATION = "this is a test order"
PAUSE = 0.5
"""Seconds between two looks for a message."""


class Api:
    """The API, called without the SDK: each request is made once, and its answer is kept."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        """Read the settings of the environment."""
        self.answers: list[Answer] = []
        self.connections = 0
        self.sleep, self.clock = sleep, clock
        base_url, credentials = find_base_url(None), find_credentials(None)
        self._http = httpx.Client(
            transport=httpx.HTTPTransport(**transport_options(base_url) | {"limits": httpx.Limits()}),
            base_url=f"{str(base_url).rstrip('/')}/v2/businesses/{find_business_id(None)}",
            headers={credentials.header: credentials.value()},
            timeout=DEFAULT_TIMEOUT,
        )

    def call(
        self, resource: str, json: Mapping[str, Any] | None = None, *, keep: bool = False, **query: Any
    ) -> Answer:
        """Make a request; it is a POST if it has a body."""
        answer = Answer(resource=resource)
        try:
            response = self._http.request(
                "GET" if json is None else "POST",
                resource,
                params=query,
                json=json,
                headers={} if keep else {"Connection": "close"},
                extensions={"trace": self._trace},
            )
            answer = replace(answer, status=response.status_code, headers=response.headers)
            answer = replace(answer, body=response.json())
        except (httpx.HTTPError, ValueError):  # no answer, or one that is not JSON
            pass
        self.answers.append(answer)
        return answer

    def read(self, chat_id: int, *, limit: int = 100, **body: Any) -> list[dict[str, Any]]:
        """Return the messages on the first pages of a chat."""
        messages: list[dict[str, Any]] = []
        query: dict[str, Any] = {"chatId": chat_id, "limit": limit}
        for _ in range(MAX_PAGES):
            result = self.call("chats/history", body, **query).result
            messages += [message for message in result.get("messages") or [] if "messageId" in message]
            query["pageToken"] = (result.get("paging") or {}).get("nextPageToken")
            if not query["pageToken"]:
                break
        return messages

    def send(self, chat_id: int, text: str) -> Sent:
        """Send a message, and look for it in the chat unless it was refused."""
        answer = self.call("chats/message", {"message": text}, chatId=chat_id)
        start, mark = self.clock(), text.strip().rpartition(" ")[2]
        while True:
            found = [message for message in self.read(chat_id) if mark in str(message.get("message"))]
            delay = self.clock() - start
            if found or delay > LONGEST or answer.status not in {None, httpx.codes.OK}:
                return Sent(text=text, answer=answer, shown=found[0] if found else None, delay=delay)
            self.sleep(PAUSE)

    def _trace(self, event: str, _info: object) -> None:
        self.connections += event == "connection.connect_tcp.started"


def collect(api: Api, order_id: int) -> Evidence:
    """Make all requests."""
    created = api.call("chats/new", {"context": {"type": "ORDER", "id": order_id}})
    chat_id = created.result.get("chatId")
    if chat_id is None:
        sys.exit(f"The API returns no chat for this order: status {created.status}. Nothing was sent.")
    first = api.send(chat_id, f"Probe {secrets.token_hex(8)}")
    second = api.send(chat_id, f"  Probe {secrets.token_hex(8)}\n")
    start = {} if first.message_id is None else {"messageIdFrom": first.message_id}
    before = api.connections
    kept = (api.call("chat", chatId=chat_id, keep=True), api.call("chat", chatId=chat_id, keep=True))
    return Evidence(
        messages=(first, second),
        kept=kept,
        connections=api.connections - before,
        listed=[message["messageId"] for message in api.read(chat_id)],
        paged=[message["messageId"] for message in api.read(chat_id, limit=1, **start)],
        missing=api.call("chats/history", {}, chatId=ID_MAX),
        invalid=api.call("chats/message", {"message": ""}, chatId=chat_id),
        answers=api.answers,
    )


def confirm() -> None:
    """End the program unless a person says that the order is a test order."""
    print("This sends two messages to the chat of the order. In the chat of a test order, no one reads them.")
    if not sys.stdin.isatty():
        sys.exit("Only a person at a terminal can confirm that. Nothing was sent.")
    if input(f"Type `{CONFIRMATION}` to go on: ") != CONFIRMATION:
        sys.exit("Not confirmed. Nothing was sent.")


def main(
    arguments: list[str] | None = None,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Probe the API, and print the block."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("order_id", type=int, help="the id of a test order")
    order_id = parser.parse_args(arguments).order_id
    try:
        api = Api(sleep, clock)
    except ConfigurationError as error:
        sys.exit(str(error))
    confirm()
    print(report(collect(api, order_id)))


if __name__ == "__main__":
    main()
