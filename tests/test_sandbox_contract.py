"""The sandbox held to openapi.yaml by Schemathesis: what the contract says, the sandbox does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis

from yandex_market_chats.sandbox import CHATS, Sandbox

_BUSINESS_ID = 123456
_CONFIG = {
    "seed": 1,
    "generation": {"mode": "all", "max-examples": 200, "deterministic": True, "database": "none"},
    "phases": {"stateful": {"enabled": False}},
}


def filter_case(_context: schemathesis.HookContext, case: schemathesis.Case[Any]) -> bool:
    """Leave out the misbehaving chats, which exist to break the contract."""
    return str(case.query.get("chatId")) not in map(str, CHATS)


def _contract(**options: object) -> schemathesis.BaseSchema:
    config = schemathesis.Config.from_dict(_CONFIG | options)
    schema = schemathesis.openapi.from_path(Path(__file__).parents[1] / "openapi.yaml", config=config)
    schema.hook(filter_case)
    return schema


_ANY_BUSINESS = _contract()
_OWN_BUSINESS = _contract(parameters={"path.businessId": _BUSINESS_ID})


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    """Serve one sandbox that has no end of requests."""
    with Sandbox(business_id=_BUSINESS_ID, hourly_limit=1_000_000) as sandbox:
        yield sandbox


@_ANY_BUSINESS.parametrize()
def test_any_request_is_answered_as_the_contract_says(case: schemathesis.Case[Any], sandbox: Sandbox) -> None:
    """Right and wrong requests get the statuses, headers and bodies of the contract."""
    case.call_and_validate(base_url=sandbox.base_url, headers={"Api-Key": sandbox.token})


@_OWN_BUSINESS.parametrize()
def test_any_request_to_the_own_business_is_answered_as_the_contract_says(
    case: schemathesis.Case[Any], sandbox: Sandbox
) -> None:
    """The same behind the check of the business, which turns most made-up requests away."""
    case.call_and_validate(base_url=sandbox.base_url, headers={"Api-Key": sandbox.token})
