"""When scripts/versions.py lets a tag become a release."""

from pathlib import Path

import pytest

import versions
from repositories import git, make_repository

TEXTS = {
    versions.PACKAGE: '"""Words."""\n\n__version__ = "1.2.0"\n',
    versions.CONTRACT: "openapi: 3.1.0\ninfo:\n  version: 1.2.0\n",
    "CHANGELOG.md": "# Changes\n\n## [Unreleased]\n\n## [1.2.0] - 2026-11-22\n\n## [1.1.0] - 2026-10-01\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write the files of a release that agree with each other."""
    for path, text in TEXTS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_tag_that_everything_agrees_with_passes(root: Path) -> None:
    """The newest heading of the changes counts, and neither the unreleased nor an older one."""
    assert versions.main("v1.2.0", root) == 0


@pytest.mark.parametrize("path", TEXTS)
def test_a_file_that_states_another_version_is_named(
    root: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A release is stopped by each of the files, and its name is printed."""
    (root / path).write_text(TEXTS[path].replace("1.2.0", "1.1.9"), encoding="utf-8")
    assert versions.main("v1.2.0", root) == 1
    assert capsys.readouterr().out == f"{path} says 1.1.9, the tag v1.2.0.\n"


def test_a_file_without_a_version_is_named(root: Path) -> None:
    """A file that states nothing cannot pass for one that agrees."""
    (root / "CHANGELOG.md").write_text("# Changes\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"CHANGELOG\.md states no version"):
        versions.main("v1.2.0", root)


@pytest.mark.parametrize("quote", ["'", '"'])
def test_the_version_of_the_contract_may_be_quoted(root: Path, quote: str) -> None:
    """Quotes are YAML's and no part of the version."""
    text = TEXTS[versions.CONTRACT].replace("1.2.0", f"{quote}1.2.0{quote}")
    (root / versions.CONTRACT).write_text(text, encoding="utf-8")
    assert versions.main("v1.2.0", root) == 0


def test_no_tag_is_no_release(root: Path) -> None:
    """Who forgets the tag reads how to name it."""
    with pytest.raises(SystemExit, match="TAG=vX"):
        versions.main("", root)


@pytest.mark.parametrize(
    ("version", "step", "next_one"),
    [
        ("0.3.1", "major", "0.4.0"),
        ("0.3.1", "minor", "0.4.0"),
        ("0.3.1", "patch", "0.3.2"),
        ("1.2.3", "major", "2.0.0"),
        ("1.2.3", "minor", "1.3.0"),
        ("1.2.3", "none", "1.2.3"),
    ],
)
def test_a_step_leads_to_the_next_version(version: str, step: str, next_one: str) -> None:
    """Below 1.0 the minor number tells of a break, and from then on the major one."""
    assert versions.after(version, step) == next_one


def test_the_last_release_is_the_highest_below_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither another branch nor a tag that is no release counts, and 0.10 comes after 0.9."""
    (tmp_path / "file").touch()
    make_repository(tmp_path, monkeypatch)
    for tag in ("v0.10.0", "v0.9.0", "v0.11.0rc1", "v0.12.0-scratch", "1.0.0"):
        git(tmp_path, "tag", tag)
    git(tmp_path, "switch", "--quiet", "--create=ahead")
    git(tmp_path, "commit", "--quiet", "--allow-empty", "--message=something")
    git(tmp_path, "tag", "v0.20.0")
    assert versions.last_release(tmp_path) == "v0.20.0"
    git(tmp_path, "switch", "--quiet", "--detach", "v0.9.0")
    assert versions.last_release(tmp_path) == "v0.10.0"


def test_the_contract_and_the_package_have_one_version() -> None:
    """One number tells users what they have: the step of one is the step of the other."""
    assert versions.stated(versions.CONTRACT) == versions.stated(versions.PACKAGE)
