"""What the targets of the Makefile make of what they are given."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from versions import PACKAGE, ROOT, stated

MAKE = shutil.which("make")
pytestmark = pytest.mark.skipif(MAKE is None, reason="make is not on the path")


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make in the folder."""
    return subprocess.run(
        [str(MAKE), "--no-print-directory", *arguments],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("target", "variable"), [("release-check", "TAG"), ("spec-diff", "BASE"), ("spec-diff", "STYLE")]
)
def test_the_shell_runs_nothing_that_stands_in_a_variable(target: str, variable: str) -> None:
    """A tag or a branch may have any name: it is one argument and no command."""
    tag = f"v{stated(PACKAGE)}"
    ended = make(target, f"PYTHON={sys.executable}", f"{variable}={tag};echo run")
    assert ended.returncode == 2
    assert "run" not in ended.stdout.splitlines()
    assert f"{tag};echo run" in ended.stdout + ended.stderr
