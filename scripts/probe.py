"""Check against the real API what the SDK assumes about it: `make probe ORDER=id of a test order`.

The probe creates the chat of a test order, which no one reads, sends two messages to it, reads them, and
makes two requests that the API must refuse. It prints a block for an issue, without the token, ids or texts.
"""

import re
import secrets
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx

from yandex_market_chats import ConfigurationError, RateLimit, __version__
from yandex_market_chats._limits import parse_date
from yandex_market_chats._settings import (
    DEFAULT_TIMEOUT,
    ID_MAX,
    find_base_url,
    find_business_id,
    find_credentials,
)
from yandex_market_chats._settle import MAX_PAGES, PATIENCE, TOLERANCE

CONFIRMATION = "this is a test order"
PAUSE, LONGEST = 0.5, 60.0
"""Seconds between two reads for a new message, and seconds after which the probe stops reading."""

TRACE = r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}"
NOT_FOUND = r"Can't find chat by id: '\d+'"
INVALID = r"'message' size must be between \D?1\D? and \D?4096\D? \(rejected value: ''\)"

NO_RESPONSE = httpx.Response(0)
"""Stands for the response of a connection that broke: it has neither headers nor a body."""
MALFORMED = (AttributeError, LookupError, TypeError, ValueError)
"""Raised when a response has another form, and by `min` and `max` if there is nothing to compare."""

Verdict = tuple[bool, str] | None
"""Whether an assumption holds, and what was seen; `None` if the responses do not show it."""


class Sent(NamedTuple):
    """A message: its text, the response, the message as the chat showed it, if at all, and the delay."""

    text: str
    response: httpx.Response
    shown: dict[str, Any]
    delay: float


class Api:
    """The API, called without the SDK: each request is made once, and its response is kept."""

    def __init__(self, sleep: Callable[[float], None], clock: Callable[[], float]) -> None:
        """Read the settings of the environment."""
        self.responses: list[httpx.Response] = []
        self.connections = 0
        self.sleep, self.clock = sleep, clock
        credentials = find_credentials(None)
        self._http = httpx.Client(
            base_url=f"{str(find_base_url(None)).rstrip('/')}/v2/businesses/{find_business_id(None)}",
            headers={credentials.header: credentials.value()},
            timeout=DEFAULT_TIMEOUT,
        )

    def call(self, resource: str, json: Any = None, *, keep: bool = False, **query: Any) -> httpx.Response:
        """Make a request, a POST if there is a body; with `keep`, the API may keep the connection."""
        try:
            response = self._http.request(
                "GET" if json is None else "POST",
                resource,
                params=query,
                json=json,
                headers={} if keep else {"Connection": "close"},
                extensions={"trace": self._count},
            )
        except httpx.HTTPError:
            return NO_RESPONSE
        self.responses.append(response)
        return response

    def _count(self, event: str, _info: object) -> None:
        self.connections += event == "connection.connect_tcp.started"

    def read(self, chat_id: int, *, limit: int = 100, **body: Any) -> list[dict[str, Any]]:
        """Return the messages on the first pages of a chat, up to a page that cannot be read."""
        messages: list[dict[str, Any]] = []
        query: dict[str, Any] = {"chatId": chat_id, "limit": limit}
        for _ in range(MAX_PAGES):
            try:
                result = self.call("chats/history", body, **query).json()["result"]
                messages += [message for message in result["messages"] if message["messageId"]]
                query["pageToken"] = result["paging"]["nextPageToken"]
            except MALFORMED:  # the last page has no token
                break
        return messages

    def send(self, chat_id: int, text: str) -> Sent:
        """Send a message, and look for it in the chat unless it was refused."""
        response = self.call("chats/message", {"message": text}, chatId=chat_id)
        start, mark = self.clock(), text.strip().removeprefix("Probe ")
        while True:
            found = [message for message in self.read(chat_id) if mark in str(message.get("message"))]
            delay = self.clock() - start
            refused = response is not NO_RESPONSE and not response.is_success
            if found or refused or delay > LONGEST:
                return Sent(text, response, found[0] if found else {}, delay)
            self.sleep(PAUSE)


def probe(api: Api, chat_id: int) -> Iterator[tuple[str, Callable[[], Verdict]]]:
    """Make all requests; yield each assumption with its check, which may raise one of `MALFORMED`."""
    first = api.send(chat_id, f"Probe {secrets.token_hex(8)}")
    second = api.send(chat_id, f"  Probe {secrets.token_hex(8)}\n")
    sent = (first, second)
    yield f"A message shows up within {PATIENCE:.0f} s", lambda: shows_up(sent)
    yield f"`createdAt` is within {TOLERANCE.seconds} s of `Date`", lambda: clocks_agree(sent)
    yield "A text stays the same, except for white space at its ends", lambda: text_stays(sent)
    yield "Message ids grow", lambda: (first.shown["messageId"] < second.shown["messageId"], "")
    yield "`Remaining` falls by one with each request", lambda: remaining_falls(sent)

    listed = api.read(chat_id)
    yield "The oldest message comes first", lambda: in_order(listed, sent)
    paged = api.read(chat_id, limit=1, messageIdFrom=first.shown["messageId"]) if first.shown else []
    yield "The page with the oldest message comes first", lambda: in_order(paged, sent)
    yield "`messageIdFrom` returns all later messages", lambda: later_messages(paged, sent)

    before = api.connections
    kept = [api.call("chat", chatId=chat_id, keep=True) for _ in range(2)]
    opened = api.connections - before
    yield "Connections are not kept alive", lambda: connections_close(kept, opened)

    missing = api.call("chats/history", {}, chatId=ID_MAX)
    invalid = api.call("chats/message", {"message": ""}, chatId=chat_id)
    yield "A 404 has the documented text", lambda: refused(missing, 404, NOT_FOUND)
    yield "A 400 has the documented text", lambda: refused(invalid, 400, INVALID)
    yield "A 404 and a 400 state the limit and the `Date`", lambda: errors_say_the_limit(missing, invalid)

    yield "`Remaining` counts the request that it answers", lambda: remaining_counts(api.responses)
    yield "`Until` is at most an hour ahead", lambda: until_is_near(api.responses)
    yield "Each answer has a `traceparent`", lambda: all_are_traced(api.responses)


def shows_up(sent: Sequence[Sent]) -> Verdict:
    """Judge after how long the chat showed the messages that the API accepted."""
    accepted = [message for message in sent if message.response.is_success]
    if not all(message.shown for message in accepted):
        return False, f"not within {LONGEST:.0f} s"
    delay = max(message.delay for message in accepted)
    return delay <= PATIENCE, f"after {delay:.1f} s at most"


def clocks_agree(sent: Sequence[Sent]) -> Verdict:
    """Compare the time of each message with the `Date` of the response."""
    differences = [
        datetime.fromisoformat(message.shown["createdAt"]) - date
        for message in sent
        if message.shown and (date := parse_date(message.response.headers.get("Date")))
    ]
    worst = max(differences, key=abs)
    return abs(worst) <= TOLERANCE, f"{worst.total_seconds():+.0f} s"


def text_stays(sent: Sequence[Sent]) -> Verdict:
    """Compare the texts that were sent with those that the chat shows."""
    texts = [(message.text, message.shown["message"]) for message in sent if message.shown]
    if not texts:
        return None
    if any(text.strip() != shown.strip() for text, shown in texts):
        return False, ""
    kept = all(text == shown for text, shown in texts)
    return True, f"white space at its ends is {'kept' if kept else 'cut off'}"


def in_order(messages: Sequence[dict[str, Any]], sent: Sequence[Sent]) -> Verdict:
    """Judge the order in which the two messages were listed."""
    ids = [message["messageId"] for message in messages]
    first, second = (ids.index(message.shown["messageId"]) for message in sent)
    return first < second, "oldest first" if first < second else "newest first"


def later_messages(messages: Sequence[dict[str, Any]], sent: Sequence[Sent]) -> Verdict:
    """Judge which of the two messages are listed from the first one on."""
    ids = [message["messageId"] for message in messages]
    first, second = (message.shown["messageId"] in ids for message in sent)
    return second, f"the message itself is {'included' if first else 'left out'}"


def connections_close(kept: Sequence[httpx.Response], opened: int) -> Verdict:
    """Count the connections of requests that allowed the API to keep the connection."""
    if NO_RESPONSE in kept:
        return None
    return opened == len(kept), f"{opened} for {len(kept)} requests"


def refused(response: httpx.Response, status: int, text: str) -> Verdict:
    """Judge the status and the text of a refusal."""
    if response is NO_RESPONSE:
        return None
    if response.status_code != status:
        return False, f"status {response.status_code}"
    return re.fullmatch(text, response.json()["errors"][0]["message"]) is not None, ""


class Limit(NamedTuple):
    """What a response says about the hourly limit, and its time."""

    used: int
    until: datetime
    date: datetime


def limits(responses: Iterable[httpx.Response]) -> list[Limit]:
    """Return the limits of the responses that have all headers."""
    found = []
    for response in responses:
        state, date = RateLimit.from_headers(response.headers), parse_date(response.headers.get("Date"))
        if state and state.limit is not None and state.remaining is not None and state.until and date:
            found.append(Limit(state.limit - state.remaining, state.until, date))
    return found


def remaining_falls(sent: Sequence[Sent]) -> Verdict:
    """Compare the limits of the two messages, unless an hour ended between them."""
    first, second = limits(message.response for message in sent)
    if first.until != second.until:
        return None
    return second.used - first.used == 1, f"by {second.used - first.used}"


def errors_say_the_limit(*errors: httpx.Response) -> Verdict:
    """Judge the headers of refusals."""
    answered = [error for error in errors if error is not NO_RESPONSE]
    if not answered:
        return None
    return len(limits(answered)) == len(answered), ""


def remaining_counts(responses: Sequence[httpx.Response]) -> Verdict:
    """Judge the limit after the first request to each resource, unless other programs used all of them."""
    first = {response.url.path: response for response in reversed(responses)}
    used = min(limit.used for limit in limits(first.values()))
    if used > 1:
        return None
    return used == 1, f"{used} used after the first request"


def until_is_near(responses: Sequence[httpx.Response]) -> Verdict:
    """Judge how far ahead the ends of the hours are."""
    ahead = [limit.until - limit.date for limit in limits(responses)]
    return timedelta(0) <= min(ahead) and max(ahead) <= timedelta(hours=1), (
        f"{max(ahead).total_seconds():.0f} s at most"
    )


def all_are_traced(responses: Sequence[httpx.Response]) -> Verdict:
    """Count the responses with an id that the vendor's support asks for."""
    traced = sum(bool(re.fullmatch(TRACE, response.headers.get("traceparent", ""))) for response in responses)
    return traced == len(responses), f"{traced} of {len(responses)}"


def report(checks: Iterable[tuple[str, Callable[[], Verdict]]]) -> str:
    """Return the block for an issue: it contains no token, no ids and no texts."""
    lines = [
        f"yandex-market-chats {__version__}, {datetime.now(UTC):%Y-%m-%d}",
        "",
        "| Assumption | Result | Seen |",
        "|---|---|---|",
    ]
    for assumption, check in checks:
        try:
            holds, seen = check() or (None, "")
        except MALFORMED:
            holds, seen = None, ""
        result = {True: "holds", False: "does not hold", None: "not seen"}[holds]
        lines.append(f"| {assumption} | {result} | {seen} |")
    return "\n".join(lines)


def confirm() -> None:
    """End the program unless a person confirms that the order is a test order."""
    print("This sends two messages to the chat of the order. In the chat of a test order, no one reads them.")
    if not sys.stdin.isatty():
        sys.exit("Only a person at a terminal can confirm that. Nothing was sent.")
    if input(f"Type `{CONFIRMATION}` to go on: ") != CONFIRMATION:
        sys.exit("Not confirmed. Nothing was sent.")


def main(
    order: str = "",
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Probe the API, and print the block."""
    if not order.isdecimal():
        sys.exit(f"ORDER is {order!r}, which is not an id: make probe ORDER=id of a test order")
    try:
        api = Api(sleep, clock)
    except ConfigurationError as error:
        sys.exit(str(error))
    confirm()
    created = api.call("chats/new", {"context": {"type": "ORDER", "id": int(order)}})
    try:
        chat_id = created.json()["result"]["chatId"]
    except MALFORMED:
        status = created.status_code or "unknown"
        sys.exit(f"The API returns no chat for this order: status {status}. Nothing was sent.")
    print(report(probe(api, chat_id)))


if __name__ == "__main__":
    main(*sys.argv[1:])
