"""Regenerate the client in generated/ from openapi.yaml; with --check, compare instead of replacing it.

The generator uses copies of its own templates with the patches of overlays/templates/ applied. If a new
version of the generator changed the lines around a patch, the patch does not apply and nothing is written.
"""

import difflib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import openapi_python_client
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
CONTRACT = ROOT / "openapi.yaml"
COMMITTED = ROOT / "generated" / "yandex_market_chats_generated"
PATCHES = ROOT / "overlays" / "templates"


def patched_templates(folder: Path) -> Path:
    """Copy the templates that have a patch into `folder`, apply the patches without fuzz, return `folder`."""
    upstream = Path(openapi_python_client.__file__).parent / "templates"
    for patch in sorted(PATCHES.glob("*.patch")):
        shutil.copy(upstream / patch.stem, folder)
        # Inside a repository, git apply silently skips paths that are outside of it.
        subprocess.run(
            ["git", "apply", patch], cwd=folder, check=True, env={**os.environ, "GIT_DIR": os.devnull}
        )
    return folder


def described(node: dict[str, Any]) -> dict[str, Any]:
    """Copy the description of a parameter to its schema, where the generator reads it."""
    if "in" in node and "schema" in node:
        node["schema"].setdefault("description", node.get("description"))
    return node


def generate(into: Path, contract: Path = CONTRACT) -> None:
    """Generate the client of `contract` into the new folder `into`; a warning is an error."""
    beside_python = Path(sys.executable).parent
    plain = json.dumps(YAML(typ="safe").load(contract), default=str)  # str: examples have dates
    with tempfile.TemporaryDirectory() as temporary:
        complete = Path(temporary, "openapi.json")
        complete.write_text(json.dumps(json.loads(plain, object_hook=described)), encoding="utf-8")
        subprocess.run(
            [
                *(sys.executable, "-m", "openapi_python_client", "generate"),
                *("--path", complete),
                *("--config", ROOT / "generator-config.yml"),
                *("--custom-template-path", patched_templates(Path(temporary))),
                *("--output-path", into),
                *("--meta", "none", "--fail-on-warning"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,  # errors go to stderr
            # The hooks must find the pinned ruff, which is installed beside this Python.
            env={**os.environ, "PATH": f"{beside_python}{os.pathsep}{os.environ['PATH']}"},
        )
    for module in into.rglob("*.py"):
        # A query parameter and a property of the body may have one name; a method may not.
        compile(module.read_bytes(), module, "exec")
    # The generator writes this marker only together with project metadata, which this package does not use.
    (into / "py.typed").touch()


def texts(folder: Path) -> dict[str, str]:
    """Return the text of every file below `folder`, by relative path."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def drift(committed: dict[str, str], fresh: dict[str, str]) -> str:
    """Return the difference between two clients as a unified diff, empty if they are equal."""
    lines: list[str] = []
    for name in sorted(committed.keys() | fresh.keys()):
        before, after = committed.get(name), fresh.get(name)
        if before != after:
            differences = difflib.unified_diff(
                (before or "").splitlines(keepends=True),
                (after or "").splitlines(keepends=True),
                f"committed/{name}" if before is not None else "/dev/null",
                f"generated/{name}" if after is not None else "/dev/null",
            )
            lines += list(differences) or [f"Only one side has the empty file {name}\n"]
    return "".join(lines)


def main() -> int:
    """Regenerate the client or check it for drift; return the exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        fresh = Path(temporary, COMMITTED.name)
        generate(fresh)
        if "--check" not in sys.argv[1:]:
            shutil.rmtree(COMMITTED, ignore_errors=True)
            shutil.copytree(fresh, COMMITTED)
            return 0
        difference = drift(texts(COMMITTED), texts(fresh))
    sys.stdout.write(difference or "generated/ is up to date.\n")
    return 1 if difference else 0


if __name__ == "__main__":
    raise SystemExit(main())
