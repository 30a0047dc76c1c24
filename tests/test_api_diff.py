"""Which changes of the public interface scripts/api_diff.py accepts."""

from pathlib import Path

import pytest

import api_diff
from repositories import commit_all, edit, git, make_repository
from versions import PACKAGE

pytestmark = pytest.mark.tooling

INIT, CALLS = (f"overlays/yandex_market_chats/{name}" for name in ("__init__.py", "_calls.py"))
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
    "generated/yandex_market_chats_generated/__init__.py": "",
    MODELS: "class Message: ...\n",
}
SHORTENED = (CALLS, ", times=1", "")


def state(root: Path, version: str) -> None:
    """State a version of the package."""
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
        pytest.param((CALLS, "-> Outcome", "-> str"), id="other type returned"),
        pytest.param((CALLS, "-> bool", "-> str"), id="other type of a property"),
        pytest.param((CALLS, '"lost"', '"gone"'), id="other value of an enum"),
        pytest.param((MODELS, "Message", "Request"), id="renamed generated class"),
    ],
)
def test_a_break_without_a_version_step_fails(root: Path, change: tuple[str, str, str]) -> None:
    """Users of v0.3.0 expect that any 0.3 version keeps their programs working."""
    git(root, "tag", "v0.3.0")
    edit(root, *change)
    assert api_diff.main(root) == 1


@pytest.mark.parametrize(("version", "code"), [("0.3.1", 1), ("0.4.0rc1", 0), ("0.4.0", 0)])
def test_a_break_passes_with_its_version_step(root: Path, version: str, code: int) -> None:
    """Below 1.0 a step of the second number declares the break, also as a pre-release."""
    git(root, "tag", "v0.3.0")
    edit(root, *SHORTENED)
    state(root, version)
    assert api_diff.main(root) == code


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
def test_a_compatible_change_needs_no_step(root: Path, change: tuple[str, str, str]) -> None:
    """Additions and private names may change in any release."""
    git(root, "tag", "v0.3.0")
    edit(root, *change)
    assert api_diff.main(root) == 0


def test_a_break_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The report names what broke and the version that it requires."""
    git(root, "tag", "v0.3.0")
    edit(root, *SHORTENED)
    state(root, "0.3.1")
    api_diff.main(root)
    report = capsys.readouterr().out
    assert "`send(times)`: *Parameter was removed*" in report
    assert "require version 0.4.0" in report


@pytest.mark.parametrize(
    ("released", "body", "reported", "code"),
    [
        ("0.3.0", "return 0", True, 0),
        ("1.3.0", "return 0", True, 1),
        ("1.3.0", "warn('Use pause.', DeprecationWarning)", False, 0),
    ],
)
def test_a_removal_without_a_warning_is_reported_and_fails_from_1_on(
    root: Path,
    capsys: pytest.CaptureFixture[str],
    released: str,
    body: str,
    *,
    reported: bool,
    code: int,
) -> None:
    """Users need a release in which their programs still run and warn of the removal."""
    edit(root, CALLS, "-> Outcome: ...", f"-> Outcome: {body}")
    commit_all(root)
    git(root, "tag", f"v{released}")
    edit(root, INIT, "Outcome, pause, send", "Outcome, pause")
    state(root, "2.0.0")
    assert api_diff.main(root) == code
    report = capsys.readouterr().out
    assert ("`yandex_market_chats.send` was removed without a deprecation warning" in report) is reported


def test_generated_names_need_no_warning(root: Path) -> None:
    """Generated code follows the contract and cannot warn: the version step is enough."""
    git(root, "tag", "v1.3.0")
    edit(root, MODELS, "Message", "Request")
    state(root, "2.0.0")
    assert api_diff.main(root) == 0


def test_without_a_release_nothing_breaks(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No one has installed anything that a change could break."""
    edit(root, *SHORTENED)
    assert api_diff.main(root) == 0
    assert "no release yet" in capsys.readouterr().out
