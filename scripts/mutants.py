"""Change the modules that decide in one place at a time; the unit tests must notice 97 % of the changes.

`[tool.mutmut]` in pyproject.toml names the modules and the tests. mutmut works in a copy, .mutants/, because
it wants the package below src/.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".mutants"
GOAL = 0.97


def mutmut(*arguments: str) -> None:
    """Run mutmut in the copy."""
    # CI gives hypothesis the same examples in every run.
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    subprocess.run(command, cwd=COPY, env={**os.environ, "CI": "1"}, check=True)


def main() -> int:
    """Make the mutants and test them; print those that survived, and the figure."""
    shutil.rmtree(COPY, ignore_errors=True)
    for name in ("overlays", "generated", "scripts", "tests"):
        folder = COPY / ("src" if name in {"overlays", "generated"} else name)
        shutil.copytree(ROOT / name, folder, dirs_exist_ok=True)
    for name in ("openapi.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, COPY)
    for arguments in (["run"], ["results"], ["export-cicd-stats"]):
        mutmut(*arguments)
    stats = json.loads((COPY / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    noticed = stats["killed"] + stats["timeout"]
    print(f"The tests noticed {noticed} of {stats['total']} mutants, {noticed / stats['total']:.1%}.")
    return 1 if noticed < GOAL * stats["total"] else 0


if __name__ == "__main__":
    sys.exit(main())
