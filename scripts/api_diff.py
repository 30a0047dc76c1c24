"""Compare the public names and signatures with the last release; an undeclared break is a failure.

A break is declared by the step of `__version__`: the second number below 1.0, the first from then on.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import griffe

from versions import PACKAGE, ROOT, after, last_release, short_of, stated

SOURCES = {"yandex_market_chats": "overlays", "yandex_market_chats_generated": "generated"}


def facets(thing: griffe.Object) -> dict[str, str]:
    """Return what users rely on and griffe does not compare, by its name."""
    if isinstance(thing, griffe.Function):
        return {"Kind": "async def" if "async" in thing.labels else "def", "Type": str(thing.returns)}
    if not isinstance(thing, griffe.Attribute):
        return {}
    owner = thing.parent
    enumerated = isinstance(owner, griffe.Class) and any(str(base).endswith("Enum") for base in owner.bases)
    return {"Type": str(thing.annotation), "Value": str(thing.value) if enumerated else ""}


def unseen(old: griffe.Object | griffe.Alias, new: griffe.Object | griffe.Alias) -> Iterator[str]:
    """Yield the breaks that griffe does not look for, a line for each."""
    for name, before in old.all_members.items():
        after = new.all_members.get(name)
        if after is None or not before.is_public:
            continue
        if not after.is_public:
            yield f"- `{before.path}`: *Is no longer public*"
        # What is taken from another package is not ours.
        with contextlib.suppress(griffe.AliasResolutionError):
            was, now = (
                thing.final_target if isinstance(thing, griffe.Alias) else thing for thing in (before, after)
            )
            yield from (
                f"- `{was.path}`: *{facet} was changed*: `{value}` -> `{facets(now)[facet]}`"
                for facet, value in facets(was).items()
                if facets(now).get(facet, value) != value
            )
            yield from unseen(was, now)


def breaks(old: griffe.Object | griffe.Alias, new: griffe.Object | griffe.Alias) -> list[str]:
    """Return what has broken between two states of a package, a line for each."""
    return [
        # Griffe names what is in a module and not the module.
        *(
            found.explain(griffe.ExplanationStyle.MARKDOWN).replace("<module>", found.obj.path)
            for found in griffe.find_breaking_changes(old, new)
        ),
        *dict.fromkeys(unseen(old, new)),  # many things have two paths
    ]


def since(tag: str, root: Path) -> Iterator[str]:
    """Yield what has broken since the tag, a line for each."""
    for name, folder in SOURCES.items():
        yield from breaks(
            griffe.load_git(name, ref=tag, repo=root, search_paths=[folder]),
            griffe.load(name, search_paths=[root / folder]),
        )
        marker = f"{folder}/{name}/py.typed"
        released = subprocess.check_output(["git", "ls-tree", tag, marker], cwd=root)
        if released and not (root / marker).exists():
            yield f"- `{name}`: *Is no longer typed*"


def main(root: Path = ROOT) -> int:
    """Print the breaks and the verdict; return the exit code."""
    tag = last_release(root)
    if tag is None:
        print("There is no release yet: nothing to compare with.")
        return 0
    found = list(since(tag, root))
    version, needed = stated(PACKAGE, root), after(tag, "major")
    undeclared = found and short_of(version, needed)
    print(f"Breaks since {tag}: {len(found)}.", *found, sep="\n")
    if undeclared:
        print(f"They ask for version {needed}; {PACKAGE} says {version}.")
    return 1 if undeclared else 0


if __name__ == "__main__":
    raise SystemExit(main())
