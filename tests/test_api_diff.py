"""When scripts/api_diff.py lets a change of the public interface pass."""

from pathlib import Path

import pytest

import api_diff
from repositories import commit_all, edit, git, make_repository
from versions import PACKAGE

INIT, CALLS, TYPED = (
    f"overlays/yandex_market_chats/{name}" for name in ("__init__.py", "_calls.py", "py.typed")
)
MODELS = "generated/yandex_market_chats_generated/models.py"
FILES = {
    INIT: "from yandex_market_chats._calls import Outcome, pause, send\n"
    '__all__ = ["Outcome", "pause", "send"]\n',
    CALLS: "from enum import StrEnum\n"
    "class Outcome(StrEnum):\n"
    '    LOST = "lost"\n'
    "    @property\n"
    "    def final(self) -> bool: ...\n"
    "def send(message, times=1) -> Outcome: ...\n"
    "async def pause() -> None: ...\n"
    "def helper(): ...\n",
    TYPED: "",
    "generated/yandex_market_chats_generated/__init__.py": "",
    MODELS: "class Message: ...\n",
}
SHORTENED = (CALLS, ", times=1", "")


def state(root: Path, version: str) -> None:
    """Let the package say that it has the version."""
    (root / PACKAGE).write_text(f'__version__ = "{version}"\n', encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a git repository with both packages in it."""
    for path, text in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    state(tmp_path, "0.3.0")
    make_repository(tmp_path, monkeypatch)
    return tmp_path


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((INIT, "Outcome, pause, send", "Outcome, pause"), id="removed function"),
        pytest.param(SHORTENED, id="removed parameter"),
        pytest.param((INIT, ', "send"', ""), id="function that __all__ no longer names"),
        pytest.param((CALLS, "async def", "def"), id="async function made sync"),
        pytest.param((CALLS, "def send", "async def send"), id="sync function made async"),
        pytest.param((CALLS, "-> Outcome", "-> str"), id="other type returned"),
        pytest.param((CALLS, "-> bool", "-> str"), id="other type of a property"),
        pytest.param((CALLS, '"lost"', '"gone"'), id="other value of an enum"),
        pytest.param((MODELS, "Message", "Request"), id="renamed generated class"),
    ],
)
@pytest.mark.parametrize(("version", "code"), [("0.3.0", 1), ("0.3.1", 1), ("0.4.0rc1", 0), ("0.4.0", 0)])
def test_a_break_passes_only_with_its_version_step(
    root: Path, change: tuple[str, str, str], version: str, code: int
) -> None:
    """After v0.3.0 a break of what is public fails until the version is 0.4.0."""
    git(root, "tag", "v0.3.0")
    edit(root, *change)
    state(root, version)
    assert api_diff.main(root) == code


def test_a_package_that_is_no_longer_typed_has_broken(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without its marker type checkers no longer read the package; the other one never had it."""
    git(root, "tag", "v0.3.0")
    (root / TYPED).unlink()
    assert api_diff.main(root) == 1
    assert f"Breaks since v0.3.0: 1.\n- `{TYPED}`: *Is gone*" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        pytest.param((CALLS, "times=1", "times=1, pause=0"), id="new optional parameter"),
        pytest.param((CALLS, "def helper(): ...\n", ""), id="removed private function"),
        pytest.param(
            (CALLS, "    @property", '    FOUND = "found"\n    @property'), id="new value of an enum"
        ),
        pytest.param((MODELS, "class", "class Request: ...\nclass"), id="new generated class"),
    ],
)
def test_what_breaks_nobody_needs_no_step(root: Path, change: tuple[str, str, str]) -> None:
    """What is added, and what is private, may change in any release."""
    git(root, "tag", "v0.3.0")
    edit(root, *change)
    assert api_diff.main(root) == 0


def test_a_break_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who broke something reads what it was, and which version it asks for."""
    git(root, "tag", "v0.3.0")
    edit(root, *SHORTENED)
    state(root, "0.3.1")
    api_diff.main(root)
    words = capsys.readouterr().out
    assert "`send(times)`: *Parameter was removed*" in words
    assert "ask for version 0.4.0" in words


@pytest.mark.parametrize(
    ("released", "body", "told", "code"),
    [
        ("0.3.0", "return 0", True, 0),
        ("0.3.0", "warn('Use pause.', DeprecationWarning)", False, 0),
        ("1.3.0", "return 0", True, 1),
        ("1.3.0", "warn('Use pause.', DeprecationWarning)", False, 0),
    ],
)
@pytest.mark.parametrize("old", ["Outcome, pause, send", ', "send"'], ids=["removed", "not named by __all__"])
def test_what_goes_without_having_warned_is_told_and_fails_from_1_on(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    old: str,
    released: str,
    body: str,
    *,
    told: bool,
    code: int,
) -> None:
    """Users get a release in which their programs still run, and say what will be gone."""
    edit(root, CALLS, "-> Outcome: ...", f"-> Outcome: {body}")
    commit_all(root)
    git(root, "tag", f"v{released}")
    edit(root, INIT, old, old.replace(", send", "").replace(', "send"', ""))
    state(root, "2.0.0")
    assert api_diff.main(root) == code
    words = capsys.readouterr().out
    assert ("`yandex_market_chats.send` was removed without having warned.\n" in words) is told


def test_what_the_contract_loses_cannot_warn(root: Path) -> None:
    """The generated client follows the contract with the version step alone."""
    git(root, "tag", "v1.3.0")
    edit(root, MODELS, "Message", "Request")
    state(root, "2.0.0")
    assert api_diff.main(root) == 0


@pytest.mark.parametrize("tag", [None, "nightly", "v0.1.0-scratch", "v0.3.0rc1", "version"])
def test_without_a_release_there_is_nothing_to_break(
    root: Path, tag: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a version tag the script says so and passes, whatever other tags there are."""
    if tag:
        git(root, "tag", tag)
    edit(root, *SHORTENED)
    assert api_diff.main(root) == 0
    assert "no release yet" in capsys.readouterr().out
