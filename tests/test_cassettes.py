"""The recorded exchanges: how the clients handle them, what they contain, and how they are recorded."""

import io
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException  # type: ignore[import-untyped]

import record
from mock_api import Clock
from scenarios import API, BUSINESS_ID, MESSAGE, SCENARIOS, Scenario
from yandex_market_chats import MarketChats, RateLimit, RateLimitError
from yandex_market_chats.sandbox import Message, Sandbox

RECORDED = sorted(record.CASSETTES.rglob("*.yaml"))
BY_NAME = {scenario.name: scenario for scenario in SCENARIOS}
UNTIL = datetime(2026, 11, 22, 13, tzinfo=UTC)
ANOTHER_DAY = datetime(2027, 1, 31, 20, tzinfo=UTC)
ACCOUNT = {record.TOKEN: "ACMA:somebody's", record.BUSINESS: "98765", record.CHAT: "1000000001"}
SENTENCE = "send 2 messages to chat 1000000001"
SCRUBBER = record.Scrubber({"98765": "123456"})

each_cassette = pytest.mark.parametrize(
    "path", RECORDED, ids=lambda path: path.relative_to(record.CASSETTES).as_posix()
)


class Terminal(io.StringIO):
    """A standard input at which a person types."""

    def isatty(self) -> bool:
        """Return that it is a terminal."""
        return True


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables that a live recording needs."""
    for name, value in ACCOUNT.items():
        monkeypatch.setenv(name, value)


def texts(folder: Path) -> dict[str, str]:
    """Return the text of each cassette in a folder, by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in folder.glob("*.yaml")}


def without_remaining(cassettes: dict[str, str]) -> dict[str, str]:
    """Leave out how much of the hour remains, because all scenarios of a live recording share one account."""
    return {
        name: re.sub(r"(resource-remaining:\n\s+- )'\d+'", r"\1…", text) for name, text in cassettes.items()
    }


def assert_waited(scenario: Scenario, clock: Clock) -> None:
    """Compare each wait with the shortest and the longest that the scenario allows."""
    for wait, (shortest, longest) in zip(clock.waits, scenario.waits, strict=True):
        assert shortest <= wait <= longest


@each_cassette
def test_the_sync_client_handles_recorded_responses_as_the_scenario_says(path: Path, clock: Clock) -> None:
    """Outcome, attempts and waits are right, and each recorded response is used."""
    scenario = BY_NAME[path.stem]
    with record.cassette(path) as cassette:
        assert scenario.play() == scenario.outcome
    assert_waited(scenario, clock)
    assert cassette.all_played


@pytest.mark.anyio
@each_cassette
async def test_the_async_client_handles_recorded_responses_alike(path: Path, clock: Clock) -> None:
    """The same cassettes have the same result under asyncio and trio."""
    scenario = BY_NAME[path.stem]
    with record.cassette(path) as cassette:
        assert await scenario.play_async() == scenario.outcome
    assert_waited(scenario, clock)
    assert cassette.all_played


def test_a_sent_message_reports_the_recorded_rate_limit() -> None:
    """The three headers of the response are read."""
    scenario = BY_NAME["200"]
    with record.cassette(record.CASSETTES / "200.yaml"), MarketChats(**scenario.settings) as chats:
        sent = chats.send_message(chat_id=scenario.chat_id, message=MESSAGE)
    assert sent.rate_limit == RateLimit(limit=1000, remaining=999, until=UNTIL)


@pytest.mark.parametrize(
    ("name", "parallel", "until"), [("420-parallel", True, None), ("420-hourly", False, UNTIL)]
)
def test_the_recorded_limits_are_distinguished(name: str, parallel: bool, until: datetime | None) -> None:  # noqa: FBT001
    """Only the hourly limit has a time at which it resets."""
    scenario = BY_NAME[name]
    with (
        record.cassette(record.CASSETTES / f"{name}.yaml"),
        MarketChats(**scenario.settings) as chats,
        pytest.raises(RateLimitError) as caught,
    ):
        chats.send_message(chat_id=scenario.chat_id, message=MESSAGE)
    assert (caught.value.parallel, caught.value.until) == (parallel, until)


@pytest.mark.parametrize(
    ("business_id", "chat_id", "message"),
    [
        pytest.param(BUSINESS_ID, 42, "Заказ уже у вас", id="message"),
        pytest.param(BUSINESS_ID, 43, MESSAGE, id="chat"),
        pytest.param(BUSINESS_ID + 1, 42, MESSAGE, id="business"),
    ],
)
def test_a_request_other_than_the_recorded_one_has_no_response(
    business_id: int, chat_id: int, message: str
) -> None:
    """A change of what is sent fails the tests: path, query and body must match."""
    settings = BY_NAME["200"].settings | {"business_id": business_id}
    with (
        record.cassette(record.CASSETTES / "200.yaml"),
        MarketChats(**settings) as chats,
        pytest.raises(CannotOverwriteExistingCassetteException),
    ):
        chats.send_message(chat_id=chat_id, message=message)


@pytest.mark.tooling
@pytest.mark.usefixtures("clock")
def test_recording_again_writes_the_same_bytes(tmp_path: Path) -> None:
    """The repository contains what the sandbox answers now: no cassette is missing, left over or outdated."""
    record.main([], tmp_path)
    assert texts(tmp_path) == texts(record.CASSETTES)


@each_cassette
def test_a_cassette_contains_no_secret(path: Path) -> None:
    """A cassette has no token, no header for one, no address, and no real id."""
    assert record.leaks(path.read_text(encoding="utf-8")) == []


@pytest.mark.tooling
@pytest.mark.parametrize(
    "text",
    [
        "ACMA:x",
        "y0_AgAAAAA",
        "Bearer abc",
        "      api-key:",
        "      Authorization:",
        "'Set-Cookie': a=b",
        "somebody@example.org",
        "a" * 32,
        "01234567-89ab-cdef-0123-456789abcdef",
        "/v2/businesses/1234567/chats",
        "/v2/businesses/12345/chats",
        "message?chatId=43",
        "http://127.0.0.1:8080/v2",
        "http://localhost/v2",
    ],
)
def test_each_kind_of_secret_is_found(text: str) -> None:
    """The search works in the middle of a cassette."""
    cassette = (record.CASSETTES / "200.yaml").read_text(encoding="utf-8")
    assert record.leaks(f"{cassette}{text}\n{cassette}")


@each_cassette
def test_a_cassette_is_readable_and_names_the_real_api(path: Path) -> None:
    """Bodies are text, Cyrillic is not escaped, and each URI has the real host."""
    text = path.read_text(encoding="utf-8")
    assert "!!binary" not in text
    assert "\\u04" not in text
    assert text.count(MESSAGE) == text.count("/chats/message?chatId=") - text.count("&messageId=")
    assert text.count(f"uri: {API}/") == text.count("uri: ")


def answer(body: str, **headers: str) -> dict[str, Any]:
    """Return a response as vcrpy passes it to the scrubber."""
    listed = {name.replace("_", "-"): [value] for name, value in headers.items()}
    return {"status": {"code": 200, "message": "OK"}, "headers": listed, "body": {"string": body.encode()}}


@pytest.mark.tooling
def test_scrubbing_keeps_only_known_headers() -> None:
    """A cookie, a request id or a header that the vendor adds some day is dropped."""
    received = answer("{}", Server="nginx", Set_Cookie="a=b", X_Request_Id="7", Retry_After="1")
    assert SCRUBBER.response(received)["headers"] == {"retry-after": ["1"]}


@pytest.mark.tooling
@pytest.mark.parametrize(("remaining", "date"), [("7", None), ("0", ["Sun, 22 Nov 2026 12:00:00 GMT"])])
def test_scrubbing_shifts_dates_and_keeps_the_time_between_them(
    remaining: str, date: list[str] | None
) -> None:
    """`Date` is kept only if nothing remains of the limit, and `Until` is as far from it as before."""
    received = answer(
        "{}",
        Date="Thu, 01 Jul 2027 23:59:58 GMT",
        X_RateLimit_Resource_Remaining=remaining,
        X_RateLimit_Resource_Until="Fri, 02 Jul 2027 00:00:03 GMT",
    )
    headers = SCRUBBER.response(received)["headers"]
    assert headers["x-ratelimit-resource-until"] == ["Sun, 22 Nov 2026 12:00:05 GMT"]
    assert headers.get("date") == date


@pytest.mark.tooling
def test_scrubbing_replaces_only_whole_numbers_in_a_body() -> None:
    """An id is replaced wherever the API repeats it, but not within a longer number."""
    received = answer("businessId 98765, 987651, 198765, chat 98765.")
    body = SCRUBBER.response(received)["body"]["string"]
    assert body == b"businessId 123456, 987651, 198765, chat 123456."


@pytest.mark.tooling
@pytest.mark.usefixtures("clock", "account")
def test_a_live_recording_is_scrubbed_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another token, business, chat and day leave no trace; the buyer gets as many messages as announced."""
    monkeypatch.setattr("sys.stdin", Terminal(f"{SENTENCE}\n"))
    with Sandbox(business_id=98765, token=ACCOUNT[record.TOKEN], clock=ANOTHER_DAY.timestamp) as sandbox:
        monkeypatch.setattr(record, "API", sandbox.base_url)
        record.main(["--live"], tmp_path)
    assert "will receive 2 times" in capsys.readouterr().out
    assert sandbox.messages == (Message(98765, 1000000001, MESSAGE),) * 2
    live = without_remaining(texts(tmp_path / "live"))
    assert live.keys() == {"200.yaml", "401.yaml", "401-rotated-200.yaml"}
    assert live.items() <= without_remaining(texts(record.CASSETTES)).items()


@pytest.mark.tooling
@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        pytest.param(Terminal("yes\n"), "Not confirmed", id="another word"),
        pytest.param(Terminal("send 2 messages to chat 42\n"), "Not confirmed", id="another chat"),
        pytest.param(io.StringIO(f"{SENTENCE}\n"), "Only a person", id="a pipe"),
    ],
)
@pytest.mark.usefixtures("account")
def test_a_live_recording_sends_nothing_without_confirmation(
    typed: io.StringIO, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person must type the number of messages and the chat at a terminal."""
    monkeypatch.setattr("sys.stdin", typed)
    with Sandbox() as sandbox:
        monkeypatch.setattr(record, "API", sandbox.base_url)
        with pytest.raises(SystemExit, match=f"{reason}.* Nothing was sent."):
            record.main(["--live"], tmp_path)
    assert (sandbox.requests, list(tmp_path.iterdir())) == (0, [])


@pytest.mark.tooling
@pytest.mark.parametrize("variable", ACCOUNT)
@pytest.mark.usefixtures("account")
def test_a_live_recording_names_the_missing_variable(
    variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without one of the three there is no account to record with, so the question is not asked."""
    monkeypatch.delenv(variable)
    with pytest.raises(SystemExit, match=f"^Set {variable}. Nothing was sent."):
        record.main(["--live"], tmp_path)


@pytest.mark.tooling
def test_a_cassette_of_another_outcome_is_not_written(tmp_path: Path) -> None:
    """If the API answers otherwise than the scenario says, the script says how and writes nothing."""
    with Sandbox() as sandbox, pytest.raises(SystemExit, match=r"404: expected \(404,\) .* got \(400,\)"):
        record.record(BY_NAME["404"], tmp_path, base_url=sandbox.base_url, chat_id=400)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.tooling
def test_a_cassette_with_something_like_a_secret_is_not_written(tmp_path: Path) -> None:
    """Here it is a long number in a header, which could be a real id."""
    with Sandbox(hourly_limit=98765) as sandbox, pytest.raises(SystemExit, match="something like a secret"):
        record.record(BY_NAME["200"], tmp_path, base_url=sandbox.base_url)
    assert list(tmp_path.iterdir()) == []
