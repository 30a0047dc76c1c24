"""The two environments that are compared, created for every run as people create them, with venv and pip.

`plain` has httpx alone, that is without sniffio, and beside it the vanilla client with what that needs.
`ours` has the wheel of this repository and what that brings along, sniffio among it. Both have the same
version of httpx. One process for both would not do: httpcore looks for sniffio again and again, and how long
it searches for a package that is not there depends on the whole path.
"""

import compileall
import os
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VANILLA_NEEDS = ["attrs", "python-dateutil"]


class Environments:
    """Where the measured programs run.

    Args:
        folder: An empty folder for both.
    """

    def __init__(self, folder: Path) -> None:
        """Create both."""
        httpx = f"httpx=={version('httpx')}"
        self._plain = _environment(folder / "plain", [httpx, *VANILLA_NEEDS])
        self._ours = _environment(folder / "ours", [httpx, str(ROOT)])
        _generate_vanilla(folder / "plain")

    def command(self, client: str, program: str, *arguments: str) -> list[str]:
        """Return the command that runs a program of this folder for a client."""
        return [self.python(client), str(ROOT / "benchmarks" / program), *arguments]

    def python(self, client: str) -> str:
        """Return the interpreter of a client's environment."""
        return str(self._ours if client == "ours" else self._plain)


@contextmanager
def environments() -> Iterator[Environments]:
    """Create both, and remove them in the end."""
    with tempfile.TemporaryDirectory() as folder:
        yield Environments(Path(folder))


def _environment(folder: Path, packages: list[str]) -> Path:
    venv.create(folder, with_pip=True)
    python = Path(_path(folder, "scripts"), "python")
    pip: list[str | Path] = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "install", *packages], check=True)
    return python


def _generate_vanilla(folder: Path) -> None:
    package = Path(_path(folder, "purelib"), "yandex_market_chats_generated")
    subprocess.run(
        [
            *(sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none"),
            *("--path", ROOT / "openapi.yaml", "--output-path", package),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
        # Its hooks call the ruff beside this Python.
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )
    # As pip does with what it installs: an import is not to be timed with a compilation.
    compileall.compile_dir(package, quiet=1)


def _path(folder: Path, kind: str) -> str:
    return sysconfig.get_path(kind, "venv", {"base": str(folder), "platbase": str(folder)})
