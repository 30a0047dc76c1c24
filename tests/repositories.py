"""Git repositories for tests, independent of the user's settings and of the repository they run in."""

import os
import subprocess
from pathlib import Path

import pytest


def git(folder: Path, *arguments: str) -> None:
    """Run git in the folder."""
    subprocess.run(["git", *arguments], cwd=folder, check=True)


def commit_all(folder: Path) -> None:
    """Commit everything that is in the folder."""
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message=something")


def make_repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the folder a git repository with one commit of everything in it, and a changelog."""
    # A git hook passes GIT_DIR on, and the tests would commit to the repository of the hook.
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "somebody")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "somebody@example.org")
    (folder / "CHANGELOG.md").touch()
    git(folder, "init", "--quiet")
    commit_all(folder)


def edit(folder: Path, path: str, old: str, new: str) -> None:
    """Replace a text that the file in the folder must have."""
    text = (folder / path).read_text(encoding="utf-8")
    assert old in text
    (folder / path).write_text(text.replace(old, new), encoding="utf-8")
