"""How `RedisLimits` is set up: its arguments, its extra, and the option of the command."""

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from command_calls import run, write
from redis_server import RedisServer
from shared_limits import BUSINESS_ID, needs_redis
from yandex_market_chats import ConfigurationError
from yandex_market_chats import redis as module
from yandex_market_chats.redis import RedisLimits


@pytest.mark.parametrize(
    "url",
    [
        "redis://:secret/0@localhost:6379",
        "http://:secret@localhost",
        "redis://:secret@localhost?unknown=1",
        "redis://:secret@localhost?socket_timeout=secret",
        b"redis://:secret@localhost",
        None,
    ],
)
def test_an_invalid_url_is_rejected_and_not_shown(url: Any) -> None:
    """The URL contains a password, and error trackers record the variables of each frame of a traceback."""
    with pytest.raises(ConfigurationError, match="url must look like redis://") as caught:
        RedisLimits(url, BUSINESS_ID)
    assert "secret" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert "url" not in caught.traceback[-1].frame.f_locals


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"parallel": 0}, "parallel must be a positive integer"),
        ({"lease": 0}, "lease must be a positive number of seconds"),
        ({"lease": float("inf")}, "lease must be a positive number of seconds"),
        ({"lease": "30"}, "lease must be a positive number of seconds"),
        ({"business_id": 0}, "business_id must be an integer from 1"),
    ],
)
def test_invalid_arguments_are_rejected(settings: dict[str, Any], text: str) -> None:
    """An invalid argument is rejected before anything is sent, and named."""
    with pytest.raises(ConfigurationError, match=text):
        RedisLimits(**{"url": "redis://localhost", "business_id": BUSINESS_ID, **settings})


def test_without_the_extra_the_import_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of a missing package says how to install it."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, module.__name__)
    with pytest.raises(ImportError, match=r"pip install 'yandex-market-chats\[redis\]'"):
        import_module(module.__name__)


@needs_redis
@pytest.mark.parametrize(
    ("arguments", "printed"),
    [
        (("send", "--chat-id", "42", "Hello"), "Sent to the sandbox"),
        (("send-many", "orders.csv"), "1 row: 1 sent"),
    ],
    ids=["send", "send-many"],
)
@pytest.mark.parametrize("variable", [False, True], ids=["option", "variable"])
def test_the_commands_share_their_limits(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: tuple[str, ...],
    printed: str,
    *,
    variable: bool,
) -> None:
    """One option, or one variable, makes a cron job count with the other programs of the business."""
    monkeypatch.chdir(tmp_path)
    write(Path("orders.csv"), 42)
    with RedisServer() as server:
        monkeypatch.setenv("YANDEX_MARKET_LIMITS", server.url if variable else "")
        option = [] if variable else ["--limits", server.url]
        result = run(*arguments, "--sandbox", *option)
        assert (result.exit_code, result.stdout.startswith(printed)) == (0, True)
        assert Redis.from_url(server.url).keys()  # the hour that the response reported


def test_the_command_names_the_extra_that_the_limits_need(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending without the limits that were asked for would provoke refusals for everyone."""
    monkeypatch.setitem(sys.modules, "redis", None)
    monkeypatch.delitem(sys.modules, module.__name__)
    result = run("send", "--sandbox", "--limits", "redis://localhost", "--chat-id", "42", "Hello")
    assert (result.exit_code, "pip install 'yandex-market-chats[redis]'" in result.stderr) == (2, True)
