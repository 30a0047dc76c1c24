"""The chats that misbehave."""

from collections.abc import Mapping

from yandex_market_chats.sandbox._outcomes import OUTCOMES

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
"""The outcomes of messages and files in each of these chats, which repeat in turn."""


def _summary(names: tuple[str, ...]) -> str:
    first, *others = names
    if not others:
        return OUTCOMES[first]
    return f"{OUTCOMES[first].removesuffix('.')}, {('once', 'twice')[len(others) - 1]}; then OK."


CHATS: Mapping[int, str] = {chat_id: _summary(names) for chat_id, names in MISBEHAVING.items()}
"""What happens to messages and files in each misbehaving chat, by its id. Any other chat accepts them.

A chat that first refuses and then accepts starts over after its OK."""
