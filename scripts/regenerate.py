"""Regenerate the client in generated/ from openapi.yaml; with --check, compare instead of replacing it.

The generator uses copies of its own templates with the patches of overlays/templates/ applied. If a new
version of the generator changed the lines around a patch, the patch does not apply and nothing is written.
"""

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
NO_REPOSITORY = {**os.environ, "GIT_DIR": os.devnull}
"""The environment of git, because inside a repository `git apply` silently skips paths outside of it."""


def patched_templates(folder: Path) -> Path:
    """Copy the templates that have a patch into `folder`, apply the patches without fuzz, return `folder`."""
    upstream = Path(openapi_python_client.__file__).parent / "templates"
    for patch in sorted(PATCHES.glob("*.patch")):
        shutil.copy(upstream / patch.stem, folder)
        subprocess.run(["git", "apply", patch], cwd=folder, check=True, env=NO_REPOSITORY)
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
        # A query parameter and a property of the body may have the same name; two arguments may not.
        compile(module.read_bytes(), module, "exec")
    # The generator writes this marker only together with project metadata, which this package does not use.
    (into / "py.typed").touch()


def drift(fresh: Path) -> bool:
    """Print the difference between the committed client and a fresh one; return whether there is one."""
    committed = fresh.with_name("committed")
    # Importing the client leaves bytecode in its folders.
    shutil.copytree(COMMITTED, committed, ignore=shutil.ignore_patterns("__pycache__"))
    command = ["git", "--no-pager", "diff", "--no-index", "--no-renames", committed.name, fresh.name]
    return subprocess.run(command, cwd=fresh.parent, check=False, env=NO_REPOSITORY).returncode != 0


def main() -> int:
    """Regenerate the client or check it for drift; return the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder, "generated")
        generate(fresh)
        if "--check" not in sys.argv[1:]:
            shutil.rmtree(COMMITTED, ignore_errors=True)
            shutil.copytree(fresh, COMMITTED)
        elif drift(fresh):
            return 1
        else:
            print("generated/ is up to date.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
