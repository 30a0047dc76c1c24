"""The environment of a program that sends."""

import pytest

from yandex_market_chats import _settings
from yandex_market_chats.sandbox import Sandbox


def lead_to(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables so that a client without arguments sends to the sandbox."""
    monkeypatch.setenv(_settings.BASE_URL, sandbox.base_url)
    monkeypatch.setenv(_settings.API_KEY, sandbox.token)
    monkeypatch.setenv(_settings.BUSINESS_ID, str(sandbox.business_id))
