"""Fail unless the tag named on the command line is the version that everything in a release states."""

import re
import subprocess
import sys
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "overlays/yandex_market_chats/_version.py"
CONTRACT = "openapi.yaml"
STATEMENTS = {
    PACKAGE: r'__version__ = "(.+)"',
    CONTRACT: r"""  version: ["']?([^\s"']+)""",
    # The newest release: a heading of unreleased changes above it has no digit.
    "CHANGELOG.md": r"## \[?(\d[^\]\s]*)",
}


def valid(version: str, place: str) -> str:
    """Return the version, or end with a sentence that names the place when it is none."""
    try:
        Version(version)
    except InvalidVersion:
        sys.exit(f"{place} states no version, but {version!r}.")
    return version


def stated(path: str, root: Path = ROOT) -> str:
    """Return the version that the file states."""
    found = re.search(f"^{STATEMENTS[path]}", (root / path).read_text(encoding="utf-8"), re.MULTILINE)
    if not found:
        sys.exit(f"{path} states no version.")
    return valid(found[1], path)


def after(version: str, step: str) -> str:
    """Return the lowest version that a major, minor or patch step from `version` may be called."""
    old = Version(version)
    if step == "major" and old.major:
        return f"{old.major + 1}.0.0"
    # Below 1.0 the second number is the one that tells of a break.
    if step in {"major", "minor"}:
        return f"{old.major}.{old.minor + 1}.0"
    return f"{old.major}.{old.minor}.{old.micro + (step == 'patch')}"


def short_of(version: str, needed: str) -> bool:
    """Tell whether a version comes before the needed one, of which a pre-release is enough."""
    return Version(Version(version).base_version) < Version(needed)


def last_release(root: Path) -> str | None:
    """Return the tag of the newest release that the work in `root` builds on, if there is any."""
    tags = subprocess.run(
        ["git", "tag", "--merged"], cwd=root, check=False, stdout=subprocess.PIPE, encoding="utf-8"
    ).stdout.split()
    # A pre-release promises nothing.
    releases = [tag for tag in tags if re.fullmatch(r"v\d+\.\d+\.\d+", tag)]
    return max(releases, key=Version, default=None)


def main(tag: str, root: Path = ROOT) -> int:
    """Compare the tag with every stated version; return the exit code."""
    if not tag:
        sys.exit("No tag is named: make release-check TAG=vX.Y.Z")
    wrong = [path for path in STATEMENTS if f"v{stated(path, root)}" != tag]
    for path in wrong:
        print(f"{path} says {stated(path, root)}, the tag {tag}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
