"""Compare the public names and signatures with the last release; an undeclared break is a failure.

A break is declared by the step of `__version__`: the second number below 1.0, the first from then on. A
name must have warned in a release before it goes, which is told below 1.0 and demanded from then on.
"""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import griffe
from packaging.version import Version

from versions import PACKAGE, ROOT, after, last_release, short_of, stated

SOURCES = {"yandex_market_chats": "overlays", "yandex_market_chats_generated": "generated"}
Thing = griffe.Object | griffe.Alias


def own(thing: Thing) -> griffe.Object:
    """Return the thing itself, if this is only a name of it."""
    return thing.final_target if isinstance(thing, griffe.Alias) else thing


def pairs(old: Thing, new: Thing) -> Iterator[tuple[Thing, Thing | None]]:
    """Yield each public thing of `old` with what it is now: None, when it is no longer public."""
    for name, was in old.all_members.items():
        now = new.all_members.get(name)
        if was.is_public and (now is None or not now.is_public):
            yield was, None
        elif was.is_public and now is not None:
            # What is taken from another package is not ours.
            with contextlib.suppress(griffe.AliasResolutionError):
                pair = own(was), own(now)
                yield pair
                yield from pairs(*pair)


def facets(thing: Thing) -> dict[str, str]:
    """Return what users rely on and griffe does not compare, by its name."""
    if isinstance(thing, griffe.Function):
        return {"Kind": "async def" if "async" in thing.labels else "def", "Type": str(thing.returns)}
    if not isinstance(thing, griffe.Attribute):
        return {}
    owner = thing.parent
    enumerated = isinstance(owner, griffe.Class) and any(str(base).endswith("Enum") for base in owner.bases)
    return {"Type": str(thing.annotation), "Value": str(thing.value) if enumerated else ""}


def breaks(old: Thing, new: Thing) -> list[str]:
    """Return what has broken between two states of a package, a line for each."""
    lines = [
        found.explain(griffe.ExplanationStyle.MARKDOWN)
        for found in griffe.find_breaking_changes(old, new)
        if found.kind is not griffe.BreakageKind.OBJECT_REMOVED  # it does not look into __all__
    ]
    for was, now in pairs(old, new):
        if now is None:
            lines.append(f"- `{was.path}`: *Is no longer public*")
            continue
        lines += [
            f"- `{was.path}`: *{facet} was changed*: `{value}` -> `{facets(now)[facet]}`"
            for facet, value in facets(was).items()
            if facets(now).get(facet, value) != value
        ]
    return list(dict.fromkeys(lines))  # many things have two paths


def warns(thing: Thing) -> bool:
    """Tell whether the source of a thing says that it warns of its end."""
    with contextlib.suppress(griffe.AliasResolutionError):
        return "DeprecationWarning" in thing.source
    return False


def untyped(tag: str, root: Path) -> list[str]:
    """Return the packages that have lost their marker for type checkers, a line for each."""
    markers = [f"{folder}/{name}/py.typed" for name, folder in SOURCES.items()]
    released = subprocess.check_output(
        ["git", "ls-tree", "--name-only", tag, *markers], cwd=root, encoding="utf-8"
    )
    return [f"- `{path}`: *Is gone*" for path in released.split() if not (root / path).exists()]


def main(root: Path = ROOT) -> int:
    """Print the breaks and the verdict; return the exit code."""
    tag = last_release(root)
    if tag is None:
        print("There is no release yet: nothing to compare with.")
        return 0
    found = untyped(tag, root)
    silent = []
    for name, folder in SOURCES.items():
        old = griffe.load_git(name, ref=tag, repo=root, search_paths=[folder])
        new = griffe.load(name, search_paths=[root / folder])
        found += breaks(old, new)
        if folder == "overlays":  # what is generated follows the contract, and cannot warn
            silent += [was.path for was, now in pairs(old, new) if now is None and not warns(was)]
    version, needed = stated(PACKAGE, root), after(tag, "major")
    undeclared = found and short_of(version, needed)
    unannounced = silent and Version(tag).major
    print(f"Breaks since {tag}: {len(found)}.", *found, sep="\n")
    for path in silent:
        print(f"`{path}` was removed without having warned.")
    if unannounced:
        print("From 1.0 on a name warns in a release before the one that it is gone from.")
    if undeclared:
        print(f"They ask for version {needed}; {PACKAGE} says {version}.")
    return 1 if undeclared or unannounced else 0


if __name__ == "__main__":
    raise SystemExit(main())
