"""The versions that the files and the tags of the repository state.

When run with a tag, as by `make release-check`, this script fails unless all files state the tag's version.
"""

import re
import subprocess
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "overlays/yandex_market_chats/_version.py"
CONTRACT = "openapi.yaml"
CHANGELOG = "CHANGELOG.md"
STATEMENTS = {
    PACKAGE: r'__version__ = "(.+)"',
    CONTRACT: r"  version: (\S+)",
    CHANGELOG: r"## (\d\S*) - \d{4}-\d\d-\d\d",  # the newest release: only releases have a date
}


def find(path: str, root: Path) -> str | None:
    """Return the version that the file states, if any."""
    match = re.search(f"^{STATEMENTS[path]}", (root / path).read_text(encoding="utf-8"), re.MULTILINE)
    return match and match[1]


def valid(version: str, path: str) -> str:
    """Return the version, or exit with a message that names the file."""
    try:
        Version(version)
    except InvalidVersion:
        sys.exit(f"{path} states {version!r}, which is not a valid version.")
    return version


def stated(path: str, root: Path = ROOT) -> str:
    """Return the valid version that the file states, or exit with a message."""
    return valid(find(path, root) or sys.exit(f"{path} states no version."), path)


def after(version: str, step: str) -> str:
    """Return the lowest version that a major, minor or patch step from `version` leads to."""
    old = Version(version)
    if step == "major" and old.major:
        return f"{old.major + 1}.0.0"
    # Below 1.0 the second number marks a break.
    if step in {"major", "minor"}:
        return f"{old.major}.{old.minor + 1}.0"
    return f"{old.major}.{old.minor}.{old.micro + (step == 'patch')}"


def short_of(version: str, needed: str) -> bool:
    """Return whether a version comes before the needed one; a pre-release of the needed one is enough."""
    return Version(Version(version).base_version) < Version(needed)


def last_release(root: Path) -> str | None:
    """Return the tag of the newest release that the work in `root` is based on, if there is one.

    Exits if CHANGELOG.md names a release but there is no tag, as in a shallow clone.
    """
    tags = subprocess.run(
        ["git", "tag", "--merged"], cwd=root, check=False, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout.split()
    # A pre-release promises nothing.
    releases = [tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    named = find(CHANGELOG, root)
    if named and not releases and f"v{named}" not in tags:
        sys.exit(
            f"{CHANGELOG} names the release {named}, but git finds no release tag here to compare with. Run"
            " `git fetch --tags` (in a shallow clone, `git fetch --tags --unshallow`)."
            " If this is the first release, tag the commit before running this."
        )
    return max(releases, key=Version, default=None)


def main(tag: str, root: Path = ROOT) -> int:
    """Compare the tag with every stated version; return the exit code."""
    if not tag.startswith("v"):
        sys.exit(f"TAG is {tag!r}: make release-check TAG=vX.Y.Z")
    versions = {path: find(path, root) for path in STATEMENTS}
    wrong = [path for path, version in versions.items() if f"v{version}" != tag]
    for path in wrong:
        print(f"{path} states {versions[path] or 'no version'}, the tag is {tag}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
