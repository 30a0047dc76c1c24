"""The outcomes of a request, by name, and the chats that misbehave."""

from collections.abc import Mapping
from dataclasses import replace

from ._wire import HOURLY_LIMIT, PARALLEL_LIMIT, Ending, Reply, error, html

OK = Reply(accepted=True)

_STATUSES = range(400, 600)


def _accepted(reply: Reply) -> Reply:
    return replace(reply, accepted=True)


def _with_header(reply: Reply, name: str, value: str) -> Reply:
    return replace(reply, headers={**reply.headers, name: value})


def _empty(status: int) -> Reply:
    return Reply(status=status, body="", headers={})


_SERVER_ERROR = error(500, "Internal server error")
_UNAVAILABLE = error(503, "Service temporarily unavailable. Please, try again later")
_ENVOY = Reply(
    status=503,
    body="upstream connect error or disconnect/reset before headers. reset reason: connection termination",
    headers={"Content-Type": "text/plain"},
)

_OUTCOMES: Mapping[str, tuple[str, Reply]] = {
    "ok": ("OK.", OK),
    # A success that says otherwise.
    "200-error": (
        '200 with "status": "ERROR"; the message was accepted.',
        _accepted(replace(_SERVER_ERROR, status=200)),
    ),
    "200-html": ("200 with HTML; the message was accepted.", _accepted(html(200, "OK"))),
    "200-empty": ("200 with {}; the message was accepted.", replace(OK, body="{}")),
    "200-cut": (
        "200 whose body breaks off; the message was accepted.",
        _with_header(replace(OK, body='{"status": '), "Content-Length", "16"),
    ),
    "302": ("302 to another path.", _with_header(_empty(302), "Location", "/moved")),
    "303-accepted": (
        "303 to another path; the message was accepted.",
        _accepted(_with_header(_empty(303), "Location", "/moved")),
    ),
    # Refusals.
    "400": ("400.", error(400, "Illegal input at 'message'")),
    "401": ("401, with any token.", error(401, "Api-Key token is invalid")),
    "403": ("403.", error(403, "Access denied")),
    "404": ("404: there is no such chat.", error(404, "Can't find chat by id: '$chat_id'")),
    "405": ("405.", error(405, "Request method 'POST' not supported")),
    "409": ("409, which the vendor does not document.", error(409, "Conflict")),
    "415": ("415.", error(415, "Content type 'application/json' not supported")),
    "423": ("423: the business is in migration.", error(423, "Business is in migration")),
    # Limits, and an overloaded server.
    "420-parallel": ("420 of the parallel limit.", PARALLEL_LIMIT),
    "420-hourly-2s": (
        "420 of the hourly limit, which ends in 2 seconds.",
        replace(HOURLY_LIMIT, exhausted_for=2),
    ),
    "420-hourly": (
        "420 of the hourly limit, which ends in an hour.",
        replace(HOURLY_LIMIT, exhausted_for=3600),
    ),
    "429": (
        "429 with Retry-After of 1 second.",
        _with_header(error(429, "Too many requests"), "Retry-After", "1"),
    ),
    "503": ("503 with Retry-After of 1 second.", _with_header(_UNAVAILABLE, "Retry-After", "1")),
    # Answers that do not say whether the message was accepted.
    "408": ("408 with HTML; the message was not accepted.", html(408, "408 Request Time-out")),
    "499-accepted": ("499 with an empty body; the message was accepted.", _accepted(_empty(499))),
    "500-accepted": ("500; the message was accepted.", _accepted(_SERVER_ERROR)),
    "500": ("500; the message was not accepted.", _SERVER_ERROR),
    "500-html-accepted": (
        "500 with HTML; the message was accepted.",
        _accepted(html(500, "500 Internal Server Error")),
    ),
    "502": ("502 with HTML; the message was not accepted.", html(502, "502 Bad Gateway")),
    # Gateways that lost a server after passing the request on.
    "503-html-accepted": (
        "503 with HTML; the message was accepted.",
        _accepted(html(503, "503 Service Temporarily Unavailable")),
    ),
    "503-envoy-accepted": ("503 with the text of Envoy; the message was accepted.", _accepted(_ENVOY)),
    "503-varnish-accepted": (
        "503 with the HTML of Varnish and Retry-After; the message was accepted.",
        _accepted(_with_header(html(503, "503 Backend fetch failed"), "Retry-After", "5")),
    ),
    "504-accepted": (
        "504 with HTML; the message was accepted.",
        _accepted(html(504, "504 Gateway Time-out")),
    ),
    "520-accepted": ("520 with an empty body; the message was accepted.", _accepted(_empty(520))),
    # Connections that break.
    "lost": (
        "The connection closes without an answer; the message was accepted.",
        replace(OK, ending=Ending.CLOSED),
    ),
    "dropped": (
        "The connection closes without an answer; the message was not accepted.",
        Reply(ending=Ending.CLOSED),
    ),
    "reset": (
        "The connection is reset without an answer; the message was accepted.",
        replace(OK, ending=Ending.RESET),
    ),
    "slow": (
        "OK after 20 seconds, too late for most clients; the message was accepted at once.",
        replace(OK, slow=True),
    ),
}

OUTCOMES: Mapping[str, str] = {name: summary for name, (summary, _) in _OUTCOMES.items()}
"""The outcomes that `Sandbox.answer` can script, by name.

If the name of a failure ends with `-accepted`, the message is accepted; so it is with `lost` and `reset`."""


def outcome_reply(outcome: str | int) -> Reply:
    """Return the reply that an outcome stands for.

    Raises:
        ValueError: The outcome is unknown.
    """
    name = str(outcome)
    if name in _OUTCOMES:
        return _OUTCOMES[name][1]
    if isinstance(outcome, int) and outcome in _STATUSES:
        return error(outcome, f"Status {outcome}")
    raise ValueError(
        f"Unknown outcome {outcome!r}: pass a status from 400 to 599 or one of {', '.join(_OUTCOMES)}."
    )


MISBEHAVING: Mapping[int, tuple[str, ...]] = {
    200: ("200-error",),
    2001: ("200-html",),
    2002: ("200-empty",),
    2003: ("200-cut",),
    302: ("302",),
    303: ("303-accepted",),
    400: ("400",),
    401: ("401",),
    403: ("403",),
    404: ("404",),
    405: ("405",),
    409: ("409",),
    415: ("415",),
    423: ("423",),
    420: ("420-parallel",),
    4201: ("420-parallel", "420-parallel", "ok"),
    4202: ("420-hourly-2s", "ok"),
    4203: ("420-hourly",),
    429: ("429", "ok"),
    503: ("503", "ok"),
    408: ("408",),
    499: ("499-accepted",),
    500: ("500-accepted",),
    5001: ("500",),
    5002: ("500-html-accepted",),
    502: ("502",),
    5031: ("503-html-accepted",),
    5032: ("503-envoy-accepted",),
    5033: ("503-varnish-accepted",),
    504: ("504-accepted",),
    520: ("520-accepted",),
    9001: ("lost",),
    9002: ("reset",),
    9003: ("slow",),
}
"""The outcomes of messages and files in each misbehaving chat, in turn, over and over."""


def _summary(names: tuple[str, ...]) -> str:
    first, *others = names
    if not others:
        return OUTCOMES[first]
    return f"{OUTCOMES[first].removesuffix('.')}, {('once', 'twice')[len(others) - 1]}; then OK."


CHATS: Mapping[int, str] = {chat_id: _summary(names) for chat_id, names in MISBEHAVING.items()}
"""What happens to messages and files in each misbehaving chat, by its id. Any other chat accepts them.

A chat that first refuses and then accepts starts over after its OK."""
