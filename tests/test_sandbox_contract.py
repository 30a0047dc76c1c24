"""The sandbox conforms to openapi.yaml, as Schemathesis checks it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from yandex_market_chats.sandbox import CHATS, Sandbox

pytestmark = pytest.mark.tooling

_BUSINESS_ID = 123456


def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out misbehaving chats, which exist to break the contract, page tokens, and integers like `7.0`.

    Page tokens are opaque. JSON Schema accepts `7.0` as an integer; whether the API does is unknown.
    """
    misbehaving = str(case.query.get("chatId")) in map(str, CHATS)
    return not (misbehaving or "pageToken" in case.query or _has_float(case.body))


def _has_float(value: object) -> bool:
    if isinstance(value, dict):
        return any(map(_has_float, value.values()))
    return any(map(_has_float, value)) if isinstance(value, list) else isinstance(value, float)


def check(case: schemathesis.Case[Any], sandbox: Sandbox) -> None:
    """Call the sandbox and validate its answer."""
    case.query.pop("pageToken", None)  # the examples of the contract are not filtered
    case.call_and_validate(base_url=sandbox.base_url, headers={"Api-Key": sandbox.token})


def _contract(examples: int, **options: object) -> schemathesis.BaseSchema:
    config = {
        "seed": 1,
        "generation": {"mode": "all", "max-examples": examples, "deterministic": True, "database": "none"},
        "phases": {"stateful": {"enabled": False}},
        # Until the contract has all operations of the sandbox, the sandbox serves more methods.
        "checks": {"allow_header_conformance": {"enabled": False}, "unsupported_method": {"enabled": False}},
        **options,
    }
    schema = schemathesis.openapi.from_path(
        Path(__file__).parents[1] / "openapi.yaml", config=schemathesis.Config.from_dict(config)
    )
    schema.hook(filter_case)
    return schema


_ANY_BUSINESS = _contract(10)
_OWN_BUSINESS = _contract(50, parameters={"path.businessId": _BUSINESS_ID})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Serve a sandbox with enough requests per hour and a chat to read."""
    with Sandbox(business_id=_BUSINESS_ID, hourly_limit=1_000_000) as sandbox:
        sandbox.fill(1, 10)
        yield sandbox


@_ANY_BUSINESS.parametrize()
def test_other_businesses_are_refused_as_the_contract_says(
    case: schemathesis.Case[Any], sandbox: Sandbox
) -> None:
    """Most generated ids belong to another business, or are invalid."""
    check(case, sandbox)


@_OWN_BUSINESS.parametrize()
def test_answers_conform_to_the_contract(case: schemathesis.Case[Any], sandbox: Sandbox) -> None:
    """Valid and invalid requests get the statuses, headers and bodies of the contract."""
    check(case, sandbox)
