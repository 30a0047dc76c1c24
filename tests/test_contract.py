"""The recorded exchanges held to openapi.yaml by openapi-core: a change of the one asks for the other."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from openapi_core.testing import MockRequest, MockResponse

from record import CASSETTES
from versions import CONTRACT, ROOT
from yandex_market_chats._settings import DEFAULT_BASE_URL
from yandex_market_chats.sandbox import API_KEY

UNDOCUMENTED = {
    502: "A gateway in front of the API answers it, with HTML; the page of the method does not list it.",
    503: "The same; the vendor's page on the types of errors names it for the whole API, not for a method.",
}
"""The statuses that are recorded although the contract does not have them, and why it does not."""

CONTENT = yaml.safe_load((ROOT / CONTRACT).read_text(encoding="utf-8"))
Exchange = dict[str, Any]


def exchanges() -> Iterator[Any]:
    """Give every recorded exchange, named after its cassette."""
    for path in sorted(CASSETTES.rglob("*.yaml")):
        cassette = yaml.safe_load(path.read_text(encoding="utf-8"))
        for number, exchange in enumerate(cassette["interactions"], 1):
            yield pytest.param(exchange, id=f"{path.relative_to(CASSETTES).as_posix()}:{number}")


RECORDED = list(exchanges())


def status_of(exchange: Exchange) -> int:
    """Return the status of the answer."""
    return int(exchange["response"]["status"]["code"])


def validate(exchange: Exchange, contract: dict[str, Any] = CONTENT) -> None:
    """Raise what openapi-core finds wrong with the request, or else with the answer."""
    api = OpenAPI.from_dict(contract)
    request, answer = exchange["request"], exchange["response"]
    url = httpx.URL(request["uri"])
    asked = MockRequest(
        host_url=f"{url.scheme}://{url.host}",
        method=request["method"],
        path=url.path,
        args=dict(url.params),
        headers={"Api-Key": API_KEY},  # every recorded request had one: the recording takes it out
        data=request["body"].encode(),
        content_type=request["headers"]["content-type"][0],
    )
    headers = {name: values[0] for name, values in answer["headers"].items()}
    api.validate_request(asked)
    api.validate_response(
        asked,
        MockResponse(
            answer["body"]["string"].encode(),
            status_code=status_of(exchange),
            headers=headers,
            content_type=headers["content-type"],
        ),
    )


def documented() -> set[int]:
    """Return the statuses that the contract has for any of its operations."""
    operations = [operation for path in CONTENT["paths"].values() for operation in path.values()]
    return {int(status) for operation in operations for status in operation["responses"]}


@pytest.mark.parametrize("exchange", RECORDED)
def test_a_recorded_exchange_is_what_the_contract_says(exchange: Exchange) -> None:
    """Request and answer fit; a status that the contract does not have is listed with the reason."""
    if status_of(exchange) in UNDOCUMENTED:
        with pytest.raises(ResponseNotFound):
            validate(exchange)
    else:
        validate(exchange)


def test_every_status_of_the_contract_is_recorded_and_no_other_but_those_listed() -> None:
    """A status that the contract gains or loses asks for a cassette, or for the end of one."""
    recorded = {status_of(param.values[0]) for param in RECORDED}
    assert recorded == documented() | UNDOCUMENTED.keys()
    assert not documented() & UNDOCUMENTED.keys()


def test_the_contract_names_both_hosts_of_the_api() -> None:
    """Sellers outside of Russia have one of their own; the first is the default of the generated client."""
    assert [server["url"] for server in CONTENT["servers"]] == [
        DEFAULT_BASE_URL,
        "https://api.partner.market.yandex.net",
    ]


def test_the_contract_has_no_yaml_aliases() -> None:
    """Redocly's differ, documentation tools and readers see an aliased node only once."""
    text = (ROOT / CONTRACT).read_text(encoding="utf-8")
    assert not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text))


LIMIT_HEADERS = {f"X-RateLimit-Resource-{name}" for name in ("Limit", "Remaining", "Until")}


@pytest.mark.parametrize("name", CONTENT["components"]["responses"])
def test_every_answer_tells_the_hourly_limit(name: str) -> None:
    """The vendor sends the three headers with each answer, not only with a 420."""
    assert set(CONTENT["components"]["responses"][name]["headers"]) == LIMIT_HEADERS


def test_an_envelope_with_errors_has_at_least_one() -> None:
    """The vendor's page says so; what allows a null too is its documentation of the whole API."""
    _, own = CONTENT["components"]["schemas"]["ApiErrorResponse"]["allOf"]
    assert own["properties"]["errors"]["minItems"] == 1


def put(*path: str | int, value: Any) -> Callable[[Any], None]:
    """Return what puts the value at the path within a document."""

    def tamper(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        document[path[-1]] = value

    return tamper


URI = "https://api.partner.market.yandex.ru/v2/businesses/123456/chats/message?chatId=42"
SENT = next(param.values[0] for param in RECORDED if param.id == "200.yaml:1")


@pytest.mark.parametrize(
    "tamper",
    [
        pytest.param(put("request", "method", value="PUT"), id="method"),
        pytest.param(put("request", "uri", value=URI.replace("yandex.ru", "example.org")), id="host"),
        pytest.param(put("request", "uri", value=URI.replace("/v2/", "/v3/")), id="path"),
        pytest.param(put("request", "uri", value=URI.replace("123456", "0")), id="business 0"),
        pytest.param(put("request", "uri", value=URI.partition("?")[0]), id="no chat"),
        pytest.param(put("request", "uri", value=URI.replace("42", "x")), id="chat x"),
        pytest.param(put("request", "body", value='{"message":""}'), id="empty message"),
        pytest.param(put("request", "body", value=f'{{"message":"{"Ы" * 4097}"}}'), id="long message"),
        pytest.param(put("request", "body", value='{"text":"Ы"}'), id="no message"),
        pytest.param(
            put("request", "headers", "content-type", value=["text/plain"]), id="type of the request"
        ),
        pytest.param(put("response", "status", "code", value=429), id="undocumented status"),
        pytest.param(put("response", "body", "string", value='{"status": "GOOD"}'), id="unknown word"),
        pytest.param(put("response", "body", "string", value="{}"), id="no envelope"),
        pytest.param(put("response", "body", "string", value='{"status": '), id="half a JSON"),
        pytest.param(put("response", "headers", "content-type", value=["text/html"]), id="HTML"),
        pytest.param(
            put("response", "headers", "x-ratelimit-resource-remaining", value=["few"]), id="limit in words"
        ),
    ],
)
def test_an_exchange_that_is_tampered_with_is_refused(tamper: Callable[[Any], None]) -> None:
    """The check can fail, on each part of an exchange."""
    exchange = deepcopy(SENT)
    tamper(exchange)
    with pytest.raises(OpenAPIError):
        validate(exchange)


SCHEMAS = ("components", "schemas")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            put(*SCHEMAS, "SendMessageToChatRequest", "required", value=["message", "kind"]),
            id="new required property",
        ),
        pytest.param(
            put(*SCHEMAS, "SendMessageToChatRequest", "properties", "message", "maxLength", value=5),
            id="shorter message",
        ),
        pytest.param(put(*SCHEMAS, "ApiResponse", "required", value=["status", "id"]), id="new answer"),
        pytest.param(put(*SCHEMAS, "ApiResponseStatusType", "enum", value=["FINE"]), id="other words"),
        pytest.param(put("components", "parameters", "ChatId", "name", value="chat"), id="renamed parameter"),
        pytest.param(
            put("components", "parameters", "BusinessId", "schema", "minimum", value=10**6), id="minimum"
        ),
    ],
)
def test_a_contract_that_changes_without_its_cassettes_is_noticed(change: Callable[[Any], None]) -> None:
    """What was recorded before the change no longer fits."""
    contract = deepcopy(CONTENT)
    change(contract)
    with pytest.raises(OpenAPIError):
        validate(SENT, contract)
