"""When scripts/api_diff.py lets a change of the public interface pass."""

from pathlib import Path

import pytest

import api_diff
from repositories import git, make_repository
from versions import PACKAGE

INIT = 'from yandex_market_chats._calls import send\n__all__ = ["send"]\n'
CALLS = "def send(message, times=1): ...\ndef helper(): ...\n"
REMOVED = ("__all__ = []\n", CALLS)
SHORTENED = (INIT, CALLS.replace(", times=1", ""))
EXTENDED = (INIT, CALLS.replace("times=1", "times=1, pause=0"))
PRIVATE = (INIT, CALLS.replace("def helper(): ...\n", ""))


def write(root: Path, texts: tuple[str, str], version: str) -> None:
    """Write the package: what it exports, the functions, the version."""
    folder = (root / PACKAGE).parent
    (folder / "__init__.py").write_text(texts[0], encoding="utf-8")
    (folder / "_calls.py").write_text(texts[1], encoding="utf-8")
    (root / PACKAGE).write_text(f'__version__ = "{version}"\n', encoding="utf-8")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a git repository whose package exports one function."""
    (tmp_path / PACKAGE).parent.mkdir(parents=True)
    write(tmp_path, (INIT, CALLS), "0.3.0")
    make_repository(tmp_path, monkeypatch)
    return tmp_path


@pytest.mark.parametrize(
    ("texts", "version", "code"),
    [
        pytest.param(REMOVED, "0.3.0", 1, id="removed function"),
        pytest.param(REMOVED, "0.3.1", 1, id="removed function, patch step"),
        pytest.param(REMOVED, "0.4.0", 0, id="removed function, minor step"),
        pytest.param(SHORTENED, "0.3.0", 1, id="removed parameter"),
        pytest.param(SHORTENED, "0.4.0", 0, id="removed parameter, minor step"),
        pytest.param(EXTENDED, "0.3.0", 0, id="new optional parameter"),
        pytest.param(PRIVATE, "0.3.0", 0, id="removed private function"),
    ],
)
def test_a_break_passes_only_with_its_version_step(
    root: Path, texts: tuple[str, str], version: str, code: int
) -> None:
    """After v0.3.0 a break of what is public fails until the version is 0.4.0."""
    git(root, "tag", "v0.3.0")
    write(root, texts, version)
    assert api_diff.main(root) == code


def test_a_break_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who broke something reads what it was, and which version it asks for."""
    git(root, "tag", "v0.3.0")
    write(root, SHORTENED, "0.3.1")
    api_diff.main(root)
    words = capsys.readouterr().out
    assert "`send(times)`: *Parameter was removed*" in words
    assert "ask for version 0.4.0" in words


@pytest.mark.parametrize("tag", [None, "nightly"])
def test_without_a_release_there_is_nothing_to_break(
    root: Path, tag: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a version tag the script says so and passes, whatever other tags there are."""
    if tag:
        git(root, "tag", tag)
    write(root, REMOVED, "0.3.0")
    assert api_diff.main(root) == 0
    assert "no release yet" in capsys.readouterr().out
