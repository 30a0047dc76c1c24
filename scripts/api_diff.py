"""Compare the public names and signatures with the last release; an undeclared break is a failure.

A break is declared by the step of `__version__`: the second number below 1.0, the first from then on.
"""

import subprocess
from pathlib import Path

import griffe
from packaging.version import Version

from versions import PACKAGE, ROOT, after, stated

NAME = Path(PACKAGE).parent.name
SOURCE = Path(PACKAGE).parent.parent


def last_release(root: Path) -> str | None:
    """Return the newest version tag that the work in `root` builds on, if there is any."""
    tag = subprocess.run(
        ["git", "describe", "--tags", "--abbrev=0", "--match=v*"],
        cwd=root,
        check=False,
        capture_output=True,
        encoding="utf-8",
    )
    return tag.stdout.strip() or None


def breaks(old: griffe.Object | griffe.Alias, new: griffe.Object | griffe.Alias) -> list[str]:
    """Return what has broken between two states of a package, a line for each."""
    return [
        # Griffe names what is in a module and not the module.
        found.explain(griffe.ExplanationStyle.MARKDOWN).replace("<module>", found.obj.path)
        for found in griffe.find_breaking_changes(old, new)
    ]


def main(root: Path = ROOT) -> int:
    """Print the breaks and the verdict; return the exit code."""
    tag = last_release(root)
    if tag is None:
        print("There is no release yet: nothing to compare with.")
        return 0
    found = breaks(
        griffe.load_git(NAME, ref=tag, repo=root, search_paths=[SOURCE]),
        griffe.load(NAME, search_paths=[root / SOURCE]),
    )
    version, needed = stated(PACKAGE, root), after(tag.removeprefix("v"), "major")
    undeclared = found and Version(version) < Version(needed)
    print(f"Breaks since {tag}: {len(found)}.", *found, sep="\n")
    if undeclared:
        print(f"They ask for version {needed}; {PACKAGE} says {version}.")
    return 1 if undeclared else 0


if __name__ == "__main__":
    raise SystemExit(main())
