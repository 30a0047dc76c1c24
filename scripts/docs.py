"""Build the documentation into site/: the pages with MkDocs, the contract with Redocly.

Only the first run needs a network, to install the Node.js packages. The site sends no request to another
host.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import node_tools

ROOT = Path(__file__).resolve().parent.parent
LOGO = re.compile(r"https://cdn\.redoc\.ly/[\w./-]+")
"""The logo, which Redoc would load from another host."""


def build(site: Path) -> None:
    """Build the site into a folder, which is emptied first."""
    for language, folder in (("en", site), ("ru", site / "ru")):
        subprocess.run(  # not --quiet: it would hide the warnings that --strict counts
            [
                *(sys.executable, "-m", "mkdocs", "build", "--strict"),
                *("--config-file", str(ROOT / "docs" / "mkdocs" / f"{language}.yml")),
                *("--site-dir", str(folder)),
            ],
            cwd=ROOT,
            env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
            check=True,
        )
        shim = node_tools.folder("iframe-worker") / "shim" / "index.js"
        shutil.copy(shim, folder / "assets" / "iframe-worker.js")
    contract = site / "openapi.html"
    options = ["--inlineBundle", "--openapi.layout=stacked", "--output", str(contract)]
    redocly = [*node_tools.command("redocly"), "build-docs", "openapi.yaml", *options]
    subprocess.run(redocly, cwd=ROOT, env=node_tools.ENVIRONMENT, check=True)
    contract.write_text(LOGO.sub("data:,", contract.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    build(ROOT / "site")
    print("Open site/index.html")
