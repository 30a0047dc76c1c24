"""Record the cassettes of scripts/scenarios.py against the sandbox, with the same bytes every time.

With --live, record the scenarios that a real account can provoke against the real API, scrubbed in the same
way, into live/. Those messages reach a person, so the script asks before it sends.
"""

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path
from typing import Any

import vcr  # type: ignore[import-untyped]
import yaml  # type: ignore[import-untyped]
from vcr.persisters.filesystem import CassetteNotFoundError  # type: ignore[import-untyped]
from vcr.record_mode import RecordMode  # type: ignore[import-untyped]
from vcr.serialize import deserialize, serialize  # type: ignore[import-untyped]

from scenarios import API, BUSINESS_ID, CHAT_ID, MESSAGE, SCENARIOS, Scenario
from yandex_market_chats.sandbox import API_KEY, Sandbox

CASSETTES = Path(__file__).resolve().parent.parent / "tests" / "cassettes"
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
"""The time of all recorded responses."""

TOKEN, BUSINESS, CHAT = "YANDEX_MARKET_API_KEY", "YANDEX_MARKET_BUSINESS_ID", "YANDEX_MARKET_TEST_CHAT_ID"
LIVE = [scenario for scenario in SCENARIOS if scenario.live]

# No other header ever gets into a cassette.
KEPT_OF_REQUESTS = {"content-type"}
BOUNDARY = re.compile(r"boundary=(\w+)")
LIMIT_LEFT, LIMIT_UNTIL = "x-ratelimit-resource-remaining", "x-ratelimit-resource-until"
KEPT_OF_RESPONSES = {"content-type", "retry-after", "x-ratelimit-resource-limit", LIMIT_LEFT, LIMIT_UNTIL}

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
            rf"(?<!\d)(?!(?:{BUSINESS_ID}|10000)(?!\d))\d{{5,}}",  # ids; not the fake business, or a limit
            rf"\bchatId\W+(?!(?:{CHATS})\b)\d+",  # chats other than the sandbox's
            r"\b(?:localhost|\d+\.\d+\.\d+\.\d+)\b.*",  # addresses
        )
    ),
    re.IGNORECASE | re.MULTILINE,
)


def leaks(text: str) -> list[str]:
    """Return what looks like a secret, a real id or an address in the text of a cassette."""
    return LEAKS.findall(text)


@dataclass(frozen=True)
class Scrubber:
    """Removes from an exchange what is secret, private or different each time.

    Args:
        fakes: The replacements, by what they replace in URIs and in the bodies of responses.
    """

    fakes: Mapping[str, str] = field(repr=False)

    def text(self, text: str) -> str:
        """Replace the real values; of numbers, only whole ones."""
        real = "|".join(map(re.escape, self.fakes))
        return re.sub(rf"(?<!\d)(?:{real})(?!\d)", lambda found: self.fakes[found[0]], text)

    def request(self, request: Any) -> Any:
        """Scrub a request as vcrpy has it."""
        request.uri = self.text(request.uri)
        request.headers = {name: value for name, value in request.headers.items() if name in KEPT_OF_REQUESTS}
        return with_fixed_boundary(request)

    def response(self, response: dict[str, Any]) -> dict[str, Any]:
        """Scrub a response as vcrpy has it.

        Its dates are shifted as if it had arrived at `NOW`. `Date` itself is kept only if nothing remains of
        the limit, because a client computes its wait from it.
        """
        headers = {name.lower(): values for name, values in response["headers"].items()}
        kept = {name: headers[name] for name in sorted(KEPT_OF_RESPONSES & headers.keys())}
        if LIMIT_UNTIL in kept:
            date, until = (parsedate_to_datetime(headers[name][0]) for name in ("date", LIMIT_UNTIL))
            kept[LIMIT_UNTIL] = [format_datetime(NOW + (until - date), usegmt=True)]
        if kept.get(LIMIT_LEFT) == ["0"]:
            kept["date"] = [format_datetime(NOW, usegmt=True)]
        body = self.text(response["body"]["string"].decode()).encode()
        return {**response, "headers": kept, "body": {"string": body}}


class _Readable:
    """YAML for readers: readable Cyrillic, the request before the response, bodies on one line."""

    @staticmethod
    def serialize(cassette: dict[str, Any]) -> str:
        return str(yaml.safe_dump(cassette, allow_unicode=True, sort_keys=False, width=1000))

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


class _Files:
    """Stores cassettes in UTF-8 with the same line endings everywhere, which vcrpy leaves to the system."""

    @staticmethod
    def load_cassette(path: str, serializer: Any) -> Any:
        if not Path(path).exists():
            raise CassetteNotFoundError
        return deserialize(Path(path).read_text(encoding="utf-8"), serializer)

    @staticmethod
    def save_cassette(path: str, cassette: dict[str, Any], serializer: Any) -> None:
        Path(path).write_text(serialize(cassette, serializer), encoding="utf-8", newline="\n")


def with_fixed_boundary(request: Any) -> Any:
    """Replace the random boundary of a multipart body, so that recordings and replays have the same one."""
    found = BOUNDARY.search(request.headers.get("content-type", ""))
    if found:
        request.headers["content-type"] = "multipart/form-data; boundary=boundary"
        request.body = request.body.replace(found[1].encode(), b"boundary")
    return request


def cassette(path: Path, scrubber: Scrubber | None = None) -> AbstractContextManager[Any]:
    """Replay a cassette within the context, or record it if there is a scrubber."""
    recorder = vcr.VCR(
        record_mode=RecordMode.ALL if scrubber else RecordMode.NONE,
        match_on=("method", "scheme", "host", "port", "path", "query", "body"),
        before_record_request=scrubber.request if scrubber else with_fixed_boundary,
        before_record_response=scrubber and scrubber.response,
        decode_compressed_response=True,
    )
    recorder.register_serializer("yaml", _Readable)
    recorder.register_persister(_Files)
    context: AbstractContextManager[Any] = recorder.use_cassette(path)
    return context


def record(scenario: Scenario, folder: Path, **reality: Any) -> None:
    """Record one scenario, unless the result is another one or looks as if it contained a secret.

    Args:
        scenario: The scenario as the cassette will show it.
        folder: The folder of the cassette.
        reality: The fields in which the real call differs from the scenario.
    """
    played = replace(scenario, **reality)
    scrubber = Scrubber(
        {
            played.base_url: scenario.base_url,
            str(played.business_id): str(scenario.business_id),
            str(played.chat_id): str(scenario.chat_id),
            **dict.fromkeys(played.tokens, "(token)"),
        }
    )
    with tempfile.TemporaryDirectory() as draft:
        path = Path(draft, f"{scenario.name}.yaml")
        with cassette(path, scrubber) as recorded:
            outcome = played.play()
        statuses = tuple(response["status"]["code"] for response in recorded.responses)
        if (statuses, outcome) != (scenario.statuses, scenario.outcome):
            sys.exit(
                f"{scenario.name}: expected {scenario.statuses} and {scenario.outcome},"
                f" got {statuses} and {outcome}. No cassette was written."
            )
        content = path.read_bytes()
    if leaks(content.decode()):
        sys.exit(f"{scenario.name}: the exchange contains something like a secret. No cassette was written.")
    folder.mkdir(exist_ok=True)
    (folder / path.name).write_bytes(content)
    print(f"{scenario.name}: {', '.join(map(str, statuses))}")


def record_sandbox(folder: Path) -> None:
    """Record all scenarios, each against a new sandbox whose clock is stopped and whose buyer has written."""
    for scenario in SCENARIOS:
        with Sandbox(business_id=BUSINESS_ID, clock=NOW.timestamp) as sandbox:
            sandbox.say(CHAT_ID, "Когда приедет заказ?")
            record(scenario, folder, base_url=sandbox.base_url)


def record_live(folder: Path) -> None:
    """Record the live scenarios with the account of the environment, after a person has agreed."""
    missing = [name for name in (TOKEN, BUSINESS, CHAT) if not os.environ.get(name)]
    if missing:
        sys.exit(f"Set {', '.join(missing)}. Nothing was sent.")
    business_id, chat_id = int(os.environ[BUSINESS]), int(os.environ[CHAT])
    confirm(business_id, chat_id)
    for scenario in LIVE:
        tokens = tuple(os.environ[TOKEN] if token == API_KEY else token for token in scenario.tokens)
        record(scenario, folder, base_url=API, business_id=business_id, chat_id=chat_id, tokens=tokens)


def confirm(business_id: int, chat_id: int) -> None:
    """Say what the buyer will receive, and exit unless a person confirms it by typing a sentence."""
    count = sum(scenario.statuses.count(200) for scenario in LIVE)
    sentence = f"send {count} messages to chat {chat_id}"
    print(f"The buyer in chat {chat_id} of business {business_id} will receive {count} times: {MESSAGE}")
    print("Continue only if that chat is your own test chat.")
    if not sys.stdin.isatty():
        sys.exit("Only a person at a terminal can confirm that. Nothing was sent.")
    if input(f"Type `{sentence}` to continue: ") != sentence:
        sys.exit("Not confirmed. Nothing was sent.")


def main(arguments: list[str] | None = None, folder: Path = CASSETTES) -> None:
    """Record against the sandbox, or with --live against the real API."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--live", action="store_true", help="record against the real API")
    if parser.parse_args(arguments).live:
        record_live(folder / "live")
    else:
        record_sandbox(folder)


if __name__ == "__main__":
    main()
