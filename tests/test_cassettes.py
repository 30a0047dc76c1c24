"""The recorded exchanges: how the clients handle them, and how they are recorded.

With `--record-mode=rewrite` each test plays its scenario against a new sandbox and writes the cassette. Only
the test marked `tooling` plays its scenarios against the real API, once a person at a terminal has agreed.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from vcr.cassette import Cassette  # type: ignore[import-untyped]
from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]

from mock_api import NOW, Clock, Kind, every_client
from recording import CASSETTES, CassetteFiles, strip_request, strip_response
from scenarios import API, BY_NAME, LIVE, MESSAGE, SCENARIOS, Scenario
from yandex_market_chats import MarketError, RateLimit
from yandex_market_chats.sandbox import API_KEY, Sandbox

pytestmark = pytest.mark.vcr

UNTIL = datetime(2026, 11, 22, 13, tzinfo=UTC)
only_200 = pytest.mark.parametrize("scenario", [BY_NAME["200"]], ids=["200"])


@pytest.fixture(scope="session")
def live(record_mode: str) -> dict[str, Scenario]:
    """Return the live scenarios; in a recording, with the account that a person has agreed to send from."""
    if record_mode == "none":
        return {scenario.name: scenario for scenario in LIVE}
    names = ("YANDEX_MARKET_API_KEY", "YANDEX_MARKET_BUSINESS_ID", "YANDEX_MARKET_TEST_CHAT_ID")
    if missing := [name for name in names if not os.environ.get(name)]:
        pytest.fail(f"Set {', '.join(missing)}. Nothing was sent.", pytrace=False)
    api_key, business_id, chat_id = (os.environ[name] for name in names)
    base_url = os.environ.get("YANDEX_MARKET_BASE_URL", API)
    if not sys.stdin.isatty():
        pytest.fail("Only a person at a terminal can confirm that. Nothing was sent.", pytrace=False)
    count = sum(scenario.statuses.count(200) for scenario in LIVE)
    sentence = f"send {count} messages to chat {chat_id}"
    question = f"""
The buyer in chat {chat_id} of business {business_id} will receive {count} times: {MESSAGE}
The API is {base_url}. Continue only if that chat is your own test chat.
Type `{sentence}` to continue: """
    if input(question) != sentence:
        pytest.fail("Not confirmed. Nothing was sent.", pytrace=False)
    return {
        scenario.name: replace(
            scenario,
            tokens=tuple(api_key if token == API_KEY else token for token in scenario.tokens),
            business_id=int(business_id),
            chat_id=int(chat_id),
            base_url=base_url,
        )
        for scenario in LIVE
    }


@pytest.fixture
def played(scenario: Scenario, record_mode: str, request: pytest.FixtureRequest) -> Iterator[Scenario]:
    """Return the scenario; in a recording, with the address of a new sandbox, or with the account."""
    if scenario in LIVE:
        yield request.getfixturevalue("live")[scenario.name]
    elif record_mode == "none":
        yield scenario
    else:
        with Sandbox(business_id=scenario.business_id, clock=NOW.timestamp) as sandbox:
            sandbox.say(42, "Когда приедет заказ?")
            yield replace(scenario, base_url=sandbox.base_url)


@pytest.fixture
def vcr_config(scenario: Scenario, played: Scenario) -> dict[str, Any]:
    """Return the settings of vcrpy, by which a cassette shows the scenario and not what was played."""
    return {
        "match_on": ("method", "scheme", "host", "port", "path", "query", "body"),
        "before_record_request": strip_request,
        "before_record_response": strip_response,
        "decode_compressed_response": True,
        "filter_sensitive_data": [
            (scenario.base_url, played.base_url),
            (scenario.business_id, played.business_id),
            (scenario.chat_id, played.chat_id),
            *(("(token)", token) for token in played.tokens),
        ],
        "persister": CassetteFiles,
    }


@pytest.fixture(scope="module")
def vcr_cassette_dir() -> str:
    """Return the folder of all cassettes."""
    return str(CASSETTES)


@pytest.fixture
def default_cassette_name(scenario: Scenario) -> str:
    """Return the name of the scenario, because all clients share its cassette."""
    return scenario.name


def assert_handled(outcome: Any, scenario: Scenario, vcr: Cassette) -> None:
    """Compare the responses and the outcome of the call with what the scenario says."""
    assert tuple(response["status"]["code"] for response in vcr.responses) == scenario.statuses
    if scenario.error is None:
        assert not isinstance(outcome, MarketError)
    else:
        assert type(outcome) is scenario.error
        assert (outcome.delivery, outcome.attempts) == (scenario.delivery, len(scenario.statuses))


@every_client
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_client_handles_recorded_responses_as_the_scenario_says(
    scenario: Scenario, played: Scenario, kind: Kind, vcr: Cassette, clock: Clock
) -> None:
    """Responses, outcome and waits are right; one cassette serves the three clients."""
    assert_handled(played.play(kind), scenario, vcr)
    for wait, (shortest, longest) in zip(clock.waits, scenario.waits, strict=True):
        assert shortest <= wait <= longest


@pytest.mark.tooling
@pytest.mark.usefixtures("live")  # before `no_settings` hides the environment
@pytest.mark.parametrize("scenario", LIVE, ids=lambda scenario: scenario.name)
def test_the_real_api_answers_as_the_scenario_says(
    scenario: Scenario, played: Scenario, record_mode: str, vcr: Cassette
) -> None:
    """The few scenarios that a real account can provoke have the same outcome there as in the sandbox."""
    if record_mode == "none" and not vcr.responses:
        pytest.skip("never recorded against the real API: make record-live")
    assert_handled(played.play("sync"), scenario, vcr)


@only_200
def test_a_sent_message_reports_the_recorded_rate_limit(played: Scenario) -> None:
    """The three headers of the response are read."""
    assert played.play("sync").rate_limit == RateLimit(limit=1000, remaining=999, until=UNTIL)


@pytest.mark.parametrize(
    ("scenario", "expected"),
    [
        pytest.param(BY_NAME["420-parallel"], (True, None), id="parallel"),
        pytest.param(BY_NAME["420-hourly"], (False, UNTIL), id="hourly"),
    ],
)
def test_the_recorded_limits_are_distinguished(
    played: Scenario, expected: tuple[bool, datetime | None]
) -> None:
    """Only the hourly limit has a time at which it resets."""
    error = played.play("sync")
    assert (error.parallel, error.until) == expected


@pytest.mark.vcr(record_mode="none")
@only_200
@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            {"call": lambda chats, _: chats.send_message(chat_id=42, message="Привет")}, id="message"
        ),
        pytest.param({"chat_id": 43}, id="chat"),
        pytest.param({"business_id": 123457}, id="business"),
    ],
)
def test_a_request_other_than_the_recorded_one_has_no_response(
    played: Scenario, change: dict[str, Any]
) -> None:
    """A change of what is sent fails the tests: path, query and body must match."""
    with pytest.raises(CannotOverwriteExistingCassetteException):
        replace(played, **change).play("sync")
