"""A new operation of the contract, as a caller of the regenerated client uses it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]

import regenerate

pytestmark = pytest.mark.tooling
PROGRAM = """
import asyncio
from typing import Any, assert_type

import httpx

from yandex_market_chats import ApiKey, AsyncMarketChats, MarketChats, RetryPolicy
from yandex_market_chats_generated.models import Pinned

requests: list[httpx.Request] = []


def api(request: httpx.Request) -> httpx.Response:
    requests.append(request)
    assert request.headers["Api-Key"] == "token"
    if len(requests) % 2:
        raise httpx.ReadTimeout("late")
    return httpx.Response(200, json={"status": "OK", "result": {"pinnedId": 9}})


settings: dict[str, Any] = {
    "business_id": 1,
    "auth": ApiKey("token"),
    "transport": httpx.MockTransport(api),
    "retries": RetryPolicy(backoff=0),
}


async def main() -> None:
    async with AsyncMarketChats(**settings) as chats:
        pinned = await chats.pin_message(chat_id=42, message_id=5)
        assert_type(pinned, Pinned)
        assert pinned.pinned_id == 9


with MarketChats(**settings) as chats:
    pinned = chats.pin_message(chat_id=42, message_id=5)
    assert_type(pinned, Pinned)
    assert pinned.pinned_id == 9
asyncio.run(main())
assert [request.content for request in requests] == [b'{"messageId":5}'] * 4
assert {request.url.path for request in requests} == {"/v2/businesses/1/chats/pin"}
"""


def test_a_new_operation_of_the_contract_needs_no_change_of_the_overlay(tmp_path: Path) -> None:
    """An operation that is added to the contract is a method with retries, credentials and types."""
    contract = yaml.safe_load(regenerate.CONTRACT.read_text(encoding="utf-8"))
    contract["components"]["schemas"] |= {
        "Pinned": {
            "type": "object",
            "required": ["pinnedId"],
            "properties": {"pinnedId": {"type": "integer"}},
        },
        "PinRequest": {
            "type": "object",
            "required": ["messageId"],
            "properties": {"messageId": {"type": "integer"}},
        },
        "PinResponse": {
            "type": "object",
            "required": ["status"],
            "properties": {"status": {"type": "string"}, "result": {"$ref": "#/components/schemas/Pinned"}},
        },
    }
    contract["paths"]["/v2/businesses/{businessId}/chats/pin"] = {
        "post": {
            "operationId": "pinMessage",
            "tags": ["chats"],
            "parameters": [
                {"$ref": "#/components/parameters/BusinessId"},
                {"$ref": "#/components/parameters/ChatId"},
            ],
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PinRequest"}}},
            },
            "responses": {
                "200": {
                    "description": "The pinned message.",
                    "x-repeatable": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PinResponse"}}},
                }
            },
        }
    }
    source, program = tmp_path / "openapi.yaml", tmp_path / "program.py"
    source.write_text(yaml.safe_dump(contract, allow_unicode=True), encoding="utf-8")
    program.write_text(PROGRAM, encoding="utf-8")
    regenerate.generate(tmp_path / regenerate.COMMITTED.name, source)
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "MYPYPATH": str(tmp_path)}
    for command in (
        [program],
        ["-m", "mypy", "--strict", "--config-file", os.devnull, "--cache-dir", tmp_path, program],
    ):
        ended = subprocess.run(
            [sys.executable, *command],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not ended.returncode, ended.stdout + ended.stderr
