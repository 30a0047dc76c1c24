"""When scripts/versions.py lets a tag become a release."""

from pathlib import Path

import pytest

import versions
from repositories import git, make_repository

pytestmark = pytest.mark.tooling

TEXTS = {
    versions.PACKAGE: '"""Text."""\n\n__version__ = "1.2.0"\n',
    versions.CONTRACT: "openapi: 3.1.0\ninfo:\n  version: 1.2.0\n",
    "CHANGELOG.md": "# Changes\n\n## Unreleased\n\n## 1.2.0 - 2026-11-22\n\n## 1.1.0 - 2026-10-01\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write the files of a release, which agree with each other."""
    for path, text in TEXTS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


def test_a_tag_that_matches_every_file_passes(root: Path) -> None:
    """The newest dated heading of the changelog counts, not the unreleased or an older one."""
    assert versions.main("v1.2.0", root) == 0


@pytest.mark.parametrize("path", TEXTS)
def test_a_file_that_states_another_version_is_named(
    root: Path, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each of the files stops a release, and its name is printed."""
    (root / path).write_text(TEXTS[path].replace("1.2.0", "1.1.9"), encoding="utf-8")
    assert versions.main("v1.2.0", root) == 1
    assert capsys.readouterr().out == f"{path} states 1.1.9, the tag is v1.2.0.\n"


def test_a_release_needs_a_dated_heading_in_the_changelog(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The gates that compare with the last release recognise a release by its date."""
    (root / "CHANGELOG.md").write_text("# Changes\n\n## 1.2.0\n", encoding="utf-8")
    assert versions.main("v1.2.0", root) == 1
    assert capsys.readouterr().out == "CHANGELOG.md states no version, the tag is v1.2.0.\n"


@pytest.mark.parametrize("tag", ["", "0.1.0"])
def test_a_tag_starts_with_v(root: Path, tag: str) -> None:
    """A tag that is missing or is only a version ends in a message that says how to write it."""
    with pytest.raises(SystemExit, match="TAG=vX"):
        versions.main(tag, root)


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
    """Below 1.0 the second number marks a break, from 1.0 on the first."""
    assert versions.after(version, step) == next_one


def test_the_last_release_is_the_highest_below_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other branches and other tags do not count, and 0.10 comes after 0.9."""
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


@pytest.fixture
def released(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a repository with a release, a tag for it and a commit after it."""
    make_repository(root, monkeypatch)
    git(root, "tag", "v1.2.0")
    git(root, "commit", "--quiet", "--allow-empty", "--message=something")
    return root


@pytest.mark.parametrize("option", ["--no-tags", "--depth=1"])
def test_a_clone_without_the_tag_of_a_release_does_not_pass_as_unreleased(
    released: Path, tmp_path: Path, option: str
) -> None:
    """A gate that found no tag would compare nothing and let every break pass."""
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "--quiet", option, released.as_uri(), str(clone))
    with pytest.raises(SystemExit, match=r"^CHANGELOG\.md names the release 1\.2\.0, but .* no release tag"):
        versions.last_release(clone)
    git(clone, "fetch", "--quiet", "--tags", *(["--unshallow"] if option == "--depth=1" else []))
    assert versions.last_release(clone) == "v1.2.0"


def test_a_pre_release_alone_is_no_release(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tag of a pre-release shows that the clone has tags, and a pre-release promises nothing."""
    text = TEXTS["CHANGELOG.md"].replace("1.2.0", "1.2.0rc1")
    (root / "CHANGELOG.md").write_text(text, encoding="utf-8")
    make_repository(root, monkeypatch)
    git(root, "tag", "v1.2.0rc1")
    assert versions.last_release(root) is None


def test_the_contract_and_the_package_have_one_version() -> None:
    """Users see one version, so both versions change together."""
    assert versions.stated(versions.CONTRACT) == versions.stated(versions.PACKAGE)
