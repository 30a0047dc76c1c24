"""How the targets of the Makefile use their variables."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from versions import PACKAGE, ROOT, stated

MAKE = shutil.which("make")
pytestmark = [pytest.mark.tooling, pytest.mark.skipif(MAKE is None, reason="make is not on the path")]


def make(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run make in the folder, without the environment of a make that runs the tests."""
    settings = {"PYTHON", "MAKEFLAGS", "MFLAGS"}
    return subprocess.run(
        [str(MAKE), "--no-print-directory", *arguments],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if name not in settings},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("target", "variable"),
    [
        ("release-check", "TAG"),
        ("spec-diff", "BASE"),
        ("spec-diff", "STYLE"),
        ("vendor-diff", "SPEC"),
        ("probe", "ORDER"),
    ],
)
def test_the_shell_does_not_execute_the_content_of_a_variable(target: str, variable: str) -> None:
    """A tag or a branch may have any name: the name is one argument and not a command."""
    tag = f"v{stated(PACKAGE)}"
    ended = make(target, f"PYTHON={sys.executable}", f"{variable}={tag};echo run")
    assert ended.returncode == 2
    assert "run" not in ended.stdout.splitlines()
    assert f"{tag};echo run" in ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("venv", "arguments", "used"),
    [
        (".venv/bin", [], ".venv/bin/"),
        (".venv/Scripts", [], ".venv/Scripts/"),
        ("elsewhere", [], ""),
        (".venv/bin", ["PYTHON=.venv-wheel/bin/python"], ".venv-wheel/bin/"),
        (".venv/bin", ["PYTHON=python"], ""),
    ],
)
def test_the_interpreter_is_the_one_of_the_venv_unless_another_is_named(
    tmp_path: Path, venv: str, arguments: list[str], used: str
) -> None:
    """A developer who followed README needs neither an activated venv nor a `python` on the path."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / venv).mkdir(parents=True)
    for name in ("python", "python.exe"):
        (tmp_path / venv / name).touch()
    ended = make("--dry-run", "lint", *arguments, folder=tmp_path)
    assert re.findall(r"(?m)^(\S*)python(?:\.exe)? -m mypy$", ended.stdout) == [used]
    assert re.findall(r"(?m)^(\S*)zizmor", ended.stdout) == [used]
