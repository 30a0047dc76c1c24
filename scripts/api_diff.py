"""Compare the public names and signatures with the last release; an undeclared break fails.

A step of `__version__` declares a break: of its second number below 1.0, of its first number from 1.0 on. A
name should issue a warning in a release before it is removed; from 1.0 on it must.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import griffe
from packaging.version import Version

from versions import PACKAGE, ROOT, after, last_release, short_of, stated

SOURCES = {"yandex_market_chats": "overlays", "yandex_market_chats_generated": "generated"}
Thing = griffe.Object | griffe.Alias


def target(thing: Thing) -> griffe.Object:
    """Return the object that an alias points to, or the object itself."""
    return thing.final_target if isinstance(thing, griffe.Alias) else thing


def pairs(old: Thing, new: Thing) -> Iterator[tuple[Thing, Thing | None]]:
    """Yield each public object of `old` with its new state: `None` if it is no longer public."""
    for name, was in old.all_members.items():
        now = new.all_members.get(name)
        if was.is_public and (now is None or not now.is_public):
            yield was, None
        elif was.is_public and now is not None:
            with contextlib.suppress(griffe.AliasResolutionError):  # imported from another package
                pair = target(was), target(now)
                yield pair
                yield from pairs(*pair)


def facets(thing: Thing) -> dict[str, str]:
    """Return the properties that users rely on and griffe does not compare, by name."""
    if isinstance(thing, griffe.Function):
        return {"Kind": "async def" if "async" in thing.labels else "def", "Type": str(thing.returns)}
    if not isinstance(thing, griffe.Attribute):
        return {}
    owner = thing.parent
    enumerated = isinstance(owner, griffe.Class) and any(str(base).endswith("Enum") for base in owner.bases)
    return {"Type": str(thing.annotation), "Value": str(thing.value) if enumerated else ""}


def breaks(old: Thing, new: Thing) -> list[str]:
    """Return a line for each break between two states of a package."""
    lines = [
        found.explain(griffe.ExplanationStyle.MARKDOWN)
        for found in griffe.find_breaking_changes(old, new)
        if found.kind is not griffe.BreakageKind.OBJECT_REMOVED  # it ignores __all__
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
    return list(dict.fromkeys(lines))  # many objects have two paths


def warns(thing: Thing) -> bool:
    """Return whether the source of an object issues a deprecation warning."""
    with contextlib.suppress(griffe.AliasResolutionError):
        return "DeprecationWarning" in thing.source
    return False


def main(root: Path = ROOT) -> int:
    """Print the breaks and the verdict; return the exit code."""
    tag = last_release(root)
    if tag is None:
        print("There is no release yet: nothing to compare with.")
        return 0
    found, silent = [], []
    for name, folder in SOURCES.items():
        old = griffe.load_git(name, ref=tag, repo=root, search_paths=[folder])
        new = griffe.load(name, search_paths=[root / folder])
        found += breaks(old, new)
        if folder == "overlays":  # generated code follows the contract and cannot warn
            silent += [was.path for was, now in pairs(old, new) if now is None and not warns(was)]
    version, needed = stated(PACKAGE, root), after(tag, "major")
    undeclared = found and short_of(version, needed)
    unannounced = silent and Version(tag).major
    print(f"Breaks since {tag}: {len(found)}.", *found, sep="\n")
    for path in silent:
        print(f"`{path}` was removed without a deprecation warning in a release.")
    if unannounced:
        print("From 1.0 on a name must warn in a release before it is removed.")
    if undeclared:
        print(f"These breaks require version {needed}; {PACKAGE} states {version}.")
    return 1 if undeclared or unannounced else 0


if __name__ == "__main__":
    raise SystemExit(main())
