"""The environment of a program that sends."""

import os

import pytest

from yandex_market_chats import _settings
from yandex_market_chats.sandbox import Sandbox


def lead_to(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables so that whatever is unset elsewhere leads to the sandbox, and to nothing else."""
    for name in [name for name in os.environ if name.startswith("YANDEX_MARKET_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(_settings.BASE_URL, sandbox.base_url)
    monkeypatch.setenv(_settings.API_KEY, sandbox.token)
    monkeypatch.setenv(_settings.BUSINESS_ID, str(sandbox.business_id))
