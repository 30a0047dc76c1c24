"""Compare the contract with the vendor's own OpenAPI: `vendor_diff.py FILE`.

Only what is visible on the wire counts: operations, parameters, bodies, answers, credentials. Texts, examples
and order do not. Prints a line for each difference, and fails if vendor_differences.yaml does not list one.
"""

import sys
from collections.abc import Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from versions import CONTRACT, ROOT

KNOWN = Path(__file__).with_name("vendor_differences.yaml")
TAG = "chats"
TEXTS = {"description", "example", "examples", "externalDocs", "operationId", "summary", "tags", "title"}
IGNORED = TEXTS | {"allOf", "headers", "nullable"}
NESTING = {"content", "properties", "responses", "schema"}  # omitted from the lines to keep them short
Tree = dict[str, Any]


def resolve(spec: Tree, node: Tree) -> Tree:
    """Return the node, or the one that its reference points to."""
    while reference := node.get("$ref"):
        if not reference.startswith("#/"):
            sys.exit(f"{reference} is another file: pass one file, the output of `redocly bundle`.")
        keys = [key.replace("~1", "/").replace("~0", "~") for key in reference.split("/")[1:]]
        node = reduce(Tree.__getitem__, keys, spec)
    return node


def merge(one: Tree, other: Tree) -> Tree:
    """Return one tree with the branches of both."""
    shared = {key for key in one.keys() & other.keys() if isinstance(one[key], dict)}
    return one | other | {key: merge(one[key], other[key]) for key in shared}


def plain(spec: Tree, node: Any) -> Any:
    """Return a node without references, `allOf` and texts, and with lists as trees, which have no order."""
    if isinstance(node, list):
        values = [plain(spec, value) for value in node]
        trees = [value if isinstance(value, dict) else {} for value in values]
        keys = [f"{t['in']} {t['name']}" if "in" in t else str(v) for t, v in zip(trees, values, strict=True)]
        return dict(zip(keys, trees, strict=True))
    if not isinstance(node, dict):
        return node
    node = resolve(spec, node)
    tree: Tree = {}
    for key, value in node.items():
        if key == "properties":  # its keys are names, not keywords
            tree[key] = {name: plain(spec, child) for name, child in value.items()}
        elif key == "type" and isinstance(value, str):
            tree[key] = {value: {}}
        elif key == "scopes":  # its values are texts
            tree[key] = plain(spec, list(value))
        elif value is not False and key not in IGNORED and not key.startswith("x-"):
            tree[key] = plain(spec, value)
    if node.get("nullable"):  # OpenAPI 3.0
        tree = merge(tree, {"type": {"null": {}}})
    return reduce(merge, (plain(spec, part) for part in node.get("allOf", [])), tree)


def wire(spec: Tree) -> Tree:
    """Return everything about chats that is visible on the wire, by operation."""
    tree: Tree = {
        "servers": plain(spec, [server["url"] for server in spec.get("servers", [])]),
        "security": plain(spec, [str(accepted) for accepted in spec.get("security", [])]),
        "credentials": plain(spec, spec.get("components", {}).get("securitySchemes", {})),
    }
    for path, reference in spec["paths"].items():
        item = resolve(spec, reference)
        for method, operation in item.items():
            if not isinstance(operation, dict) or TAG not in operation.get("tags", []):
                continue
            parameters = item.get("parameters", []) + operation.get("parameters", [])
            success = resolve(spec, operation["responses"].get("200", {}))
            reads = "all-methods:read-only" in operation.get("x-auth-scopes", [])
            tree[operation["operationId"]] = {
                "at": f"{method.upper()} {path}",
                "repeatable": reads or success.get("x-repeatable", False),
                **plain(spec, {**operation, "parameters": parameters}),
            }
    return tree


def differences(ours: Tree, theirs: Tree, where: str = "") -> Iterator[str]:
    """Yield a line for each difference between two trees, and one for a branch that only one of them has."""
    for key in dict.fromkeys([*ours, *theirs]):
        our, their = ours.get(key), theirs.get(key)
        here = where if key in NESTING else f"{where} {key}".strip()
        if isinstance(our, dict) and isinstance(their, dict):
            yield from differences(our, their, here)
        elif our is None or their is None:
            value, owner = (their, "the vendor's") if our is None else (our, "ours")
            if isinstance(value, dict) and value and not any(value.values()):  # a list of names
                yield from (f"{here} {name} (only {owner})" for name in value)
            else:
                shown = here if isinstance(value, dict) else f"{here} {value}"
                yield f"{shown} (only {owner})"
        elif our != their:
            yield f"{here} {our} (the vendor's is {their})"


def review(ours: Tree, theirs: Tree, known: dict[str, str]) -> tuple[list[str], bool]:
    """Return a line for each difference, new, known or gone, and whether all differences are known."""
    found = list(differences(wire(ours), wire(theirs)))
    lines = [f"Known: {line}. {known[line]}" if line in known else f"New: {line}" for line in found]
    lines += [f"Gone, remove it from {KNOWN.name}: {line}" for line in known if line not in found]
    return lines, known.keys() >= set(found)


def main(path: str) -> int:
    """Print the differences; return the exit code."""
    if not Path(path).is_file():
        sys.exit(f"SPEC is {path!r}, which is not a file: make vendor-diff SPEC=file")
    ours, theirs, known = (yaml.safe_load(Path(p).read_bytes()) for p in (ROOT / CONTRACT, path, KNOWN))
    if not isinstance(theirs, dict) or "paths" not in theirs:
        sys.exit(f"SPEC is {path!r}, which is not an OpenAPI document: make vendor-diff SPEC=file")
    lines, passes = review(ours, theirs, known)
    print(*lines, "Every difference is known." if passes else "Some differences are new.", sep="\n")
    return 0 if passes else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
