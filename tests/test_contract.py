"""The rules of openapi.yaml, and the recorded exchanges checked against it by openapi-core."""

from collections.abc import Callable, Iterator
from copy import deepcopy
from email import message_from_bytes
from email.policy import HTTP
from typing import Any

import httpx
import pytest
import yaml  # type: ignore[import-untyped]
from openapi_core import Config, OpenAPI
from openapi_core.exceptions import OpenAPIError
from openapi_core.templating.responses.exceptions import ResponseNotFound
from openapi_core.testing import MockRequest, MockResponse

from recording import CASSETTES
from versions import CONTRACT, ROOT
from yandex_market_chats._settings import DEFAULT_BASE_URL
from yandex_market_chats.sandbox import API_KEY

pytestmark = pytest.mark.tooling

UNDOCUMENTED = {
    303: "Gateways may redirect, which a client must not follow; the vendor documents no redirect.",
    502: "A gateway in front of the API answers with HTML; the vendor's page does not list it.",
    503: "The vendor documents it for the API as a whole, not for an operation.",
}
"""The statuses that are recorded, but missing from the contract, each with the reason."""

CONTENT = yaml.safe_load((ROOT / CONTRACT).read_text(encoding="utf-8"))
Exchange = dict[str, Any]


def exchanges() -> Iterator[Any]:
    """Yield every recorded exchange, named after its cassette."""
    for path in sorted(CASSETTES.rglob("*.yaml")):
        cassette = yaml.safe_load(path.read_text(encoding="utf-8"))
        for number, exchange in enumerate(cassette["interactions"], 1):
            yield pytest.param(exchange, id=f"{path.relative_to(CASSETTES).as_posix()}:{number}")


RECORDED = list(exchanges())


def status_of(exchange: Exchange) -> int:
    """Return the status of the answer."""
    return int(exchange["response"]["status"]["code"])


def parse_form(content: bytes, **parameters: str) -> dict[str, str]:
    """Return the fields of a multipart body as text, because openapi-core rejects the bytes of a file."""
    head = f"Content-Type: multipart/form-data; boundary={parameters['boundary']}\r\n\r\n".encode()
    parts = message_from_bytes(head + content, policy=HTTP).iter_parts()
    return {
        str(part.get_param("name", header="content-disposition")): part.get_content().decode()
        for part in parts
    }


FORMS: dict[str, Callable[..., Any]] = {"multipart/form-data": parse_form}


def validate(exchange: Exchange, contract: dict[str, Any] = CONTENT) -> None:
    """Raise openapi-core's error if the request or the answer does not match the contract."""
    api = OpenAPI.from_dict(contract, config=Config(extra_media_type_deserializers=FORMS))
    request, answer = exchange["request"], exchange["response"]
    url = httpx.URL(request["uri"])
    asked = MockRequest(
        host_url=f"{url.scheme}://{url.host}",
        method=request["method"],
        path=url.path,
        args=dict(url.params),
        headers={"Api-Key": API_KEY},  # recording removes it
        data=(request["body"] or "").encode(),
        content_type=request["headers"].get("content-type", [""])[0],
    )
    headers = {name: values[0] for name, values in answer["headers"].items()}
    api.validate_request(asked)
    api.validate_response(
        asked,
        MockResponse(
            answer["body"]["string"].encode(),
            status_code=status_of(exchange),
            headers=headers,
            content_type=headers.get("content-type", ""),
        ),
    )


OPERATIONS: dict[str, Any] = {
    operation["operationId"]: operation for path in CONTENT["paths"].values() for operation in path.values()
}
LIMIT_HEADERS = {f"X-RateLimit-Resource-{name}" for name in ("Limit", "Remaining", "Until")}
DOCUMENTED = {200, 400, 401, 403, 404, 420, 500}


def answers(operation: str) -> dict[int, Any]:
    """Return the answers of the operation by status, with references resolved."""
    shared = CONTENT["components"]["responses"]
    return {
        int(status): shared[answer["$ref"].rpartition("/")[2]] if "$ref" in answer else answer
        for status, answer in OPERATIONS[operation]["responses"].items()
    }


def test_the_operation_of_the_published_page_comes_first() -> None:
    """Readers of the contract and of its documentation look for sending a message."""
    assert next(iter(OPERATIONS)) == "sendMessageToChat"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_documents_every_response(operation: str) -> None:
    """Each response has an example and the headers of the hourly limit, as the vendor sends them."""
    assert answers(operation).keys() == DOCUMENTED
    for answer in answers(operation).values():
        assert answer["headers"].keys() == LIMIT_HEADERS
        assert answer["content"]["application/json"]["examples"]


def test_only_operations_that_are_safe_to_repeat_are_marked() -> None:
    """A wrong mark sends a message twice."""
    marked = {name for name in OPERATIONS if answers(name)[200].get("x-repeatable")}
    assert marked == {"getChats", "getChat", "getChatHistory", "getChatMessage", "createChat"}


def test_only_sending_a_message_is_written_by_hand() -> None:
    """Every other operation gets its method from the generator."""
    marks = {name: answers(name)[200].get("x-hand-written") for name in OPERATIONS}
    assert {name: mark for name, mark in marks.items() if mark} == {"sendMessageToChat": "send_message"}


@pytest.mark.parametrize("exchange", RECORDED)
def test_a_recorded_exchange_matches_the_contract(exchange: Exchange) -> None:
    """The contract describes each request and response; a status that it does not list is listed here."""
    if status_of(exchange) in UNDOCUMENTED:
        with pytest.raises(ResponseNotFound):
            validate(exchange)
    else:
        validate(exchange)


def test_every_status_of_the_contract_is_recorded() -> None:
    """A status that is added to the contract needs a cassette, and one that is removed must have none."""
    recorded = {status_of(param.values[0]) for param in RECORDED}
    assert recorded == DOCUMENTED | UNDOCUMENTED.keys()


def test_every_operation_has_a_recorded_success() -> None:
    """An operation that is added to the contract needs a cassette, so that a test parses its response."""
    methods = {(item.split("}/")[1], method) for item, path in CONTENT["paths"].items() for method in path}
    recorded = {
        (httpx.URL(request["uri"]).path.split("/", 4)[4], request["method"].lower())
        for request in (param.values[0]["request"] for param in RECORDED if status_of(param.values[0]) == 200)
    }
    assert recorded == methods


def test_the_contract_names_both_hosts_of_the_api() -> None:
    """Sellers outside Russia have another host; the first one is the default of our client."""
    assert [server["url"] for server in CONTENT["servers"]] == [
        DEFAULT_BASE_URL,
        "https://api.partner.market.yandex.net",
    ]


def test_the_contract_has_no_yaml_aliases() -> None:
    """Redocly's comparison and documentation tools visit an aliased node only once."""
    text = (ROOT / CONTRACT).read_text(encoding="utf-8")
    assert not any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text))


def test_an_envelope_with_errors_has_at_least_one() -> None:
    """The vendor's page requires it, although `errors` may be null or absent."""
    _, own = CONTENT["components"]["schemas"]["ApiErrorResponse"]["allOf"]
    assert own["properties"]["errors"]["minItems"] == 1


def put(*path: str | int, value: Any) -> Callable[[Any], None]:
    """Return a function that sets the value at the path within a document."""

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
        pytest.param(put("response", "body", "string", value='{"status": "GOOD"}'), id="another status"),
        pytest.param(put("response", "body", "string", value="{}"), id="no envelope"),
        pytest.param(put("response", "body", "string", value='{"status": '), id="truncated JSON"),
        pytest.param(put("response", "headers", "content-type", value=["text/html"]), id="HTML"),
        pytest.param(
            put("response", "headers", "x-ratelimit-resource-remaining", value=["few"]), id="limit in letters"
        ),
    ],
)
def test_an_exchange_that_breaks_the_contract_is_rejected(tamper: Callable[[Any], None]) -> None:
    """The validation must fail on each part of an exchange."""
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
        pytest.param(
            put(*SCHEMAS, "ApiResponse", "required", value=["status", "id"]),
            id="new property",
        ),
        pytest.param(put(*SCHEMAS, "ApiResponseStatusType", "enum", value=["FINE"]), id="another enum"),
        pytest.param(put("components", "parameters", "ChatId", "name", value="chat"), id="renamed parameter"),
        pytest.param(
            put("components", "parameters", "BusinessId", "schema", "minimum", value=10**6), id="minimum"
        ),
    ],
)
def test_a_contract_that_changes_without_its_cassettes_is_rejected(change: Callable[[Any], None]) -> None:
    """Exchanges that were recorded before a change do not match the contract after it."""
    contract = deepcopy(CONTENT)
    change(contract)
    with pytest.raises(OpenAPIError):
        validate(SENT, contract)
