"""What gets into a cassette, and in which form."""

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from vcr.persisters.filesystem import CassetteNotFoundError  # type: ignore[import-untyped]
from vcr.serialize import deserialize, serialize  # type: ignore[import-untyped]

from scenarios import SCENARIOS

CASSETTES = Path(__file__).with_name("cassettes")

# No other header ever gets into a cassette.
KEPT_OF_REQUESTS = ("content-type",)
KEPT_OF_RESPONSES = (
    "content-type",
    "date",
    "retry-after",
    "x-ratelimit-resource-limit",
    "x-ratelimit-resource-remaining",
    "x-ratelimit-resource-until",
)

CREATED_CHAT = 1001
"""The first chat that the sandbox creates."""
CHATS = "|".join(str(chat_id) for chat_id in (CREATED_CHAT, *(scenario.chat_id for scenario in SCENARIOS)))
LEAKS = re.compile(
    "|".join(
        (
            r"\b(?:ACMA:|y\d_|AQAD|Bearer\s)\S+",  # tokens in the vendor's formats
            r"^\W*(?:api-key|authorization|cookie|set-cookie)\W*:.*",  # the headers that carry secrets
            r"[\w.+-]+@[\w-]+\.\w+",  # e-mail addresses
            r"[\w-]{32,}",  # long keys, hashes, UUIDs
            r"(?<!\d)(?!(?:123456|10000)(?!\d))\d{5,}",  # ids; not the fake business, or a limit
            rf"\bchatId\W+(?!(?:{CHATS})\b)\d+",  # chats other than the sandbox's
            r"\b(?:localhost|\d+\.\d+\.\d+\.\d+)\b.*",  # addresses
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)


def leaks(text: str) -> list[str]:
    """Return what looks like a secret, a real id or an address in the text of a cassette."""
    return LEAKS.findall(text)


def strip_request(request: Any) -> Any:
    """Keep only known headers, and replace the random boundary of a multipart body by a fixed one."""
    request.headers = {name: request.headers[name] for name in KEPT_OF_REQUESTS if name in request.headers}
    if boundary := re.search(r"boundary=(\w+)", request.headers.get("content-type", "")):
        request.headers["content-type"] = "multipart/form-data; boundary=boundary"
        request.body = request.body.replace(boundary[1].encode(), b"boundary")
    return request


def strip_response(response: dict[str, Any]) -> dict[str, Any]:
    """Keep only known headers."""
    headers = response["headers"]
    return {**response, "headers": {name: headers[name] for name in KEPT_OF_RESPONSES if name in headers}}


class CassetteFiles:
    """Stores readable cassettes, with the same bytes on every system, and none with a secret.

    vcrpy itself escapes Cyrillic, sorts the keys, and leaves the encoding and the line endings to the system.
    """

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> Any:
        """Return the requests and the responses."""
        if not Path(path).exists():
            raise CassetteNotFoundError
        return deserialize(Path(path).read_text(encoding="utf-8"), serializer)

    @classmethod
    def save_cassette(cls, path: str, cassette: dict[str, Any], serializer: Any) -> None:  # noqa: ARG003 -- vcrpy passes it
        """Write the file, unless its text looks as if it contained a secret."""
        text = serialize(cassette, cls)
        if leaks(text):
            raise ValueError(
                f"{path}: the exchange contains something like a secret. No cassette was written."
            )
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, encoding="utf-8", newline="\n")

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        """Return YAML with readable Cyrillic, in the order of an exchange, with bodies on one line."""
        return str(yaml.safe_dump(cassette, allow_unicode=True, sort_keys=False, width=1000))
