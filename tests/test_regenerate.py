"""What scripts/regenerate.py generates from the contract, and when it fails."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from openapi_python_client.config import ConfigFile

import regenerate

pytestmark = pytest.mark.tooling

CLIENT = {"client.py": "one\n", "api/chat.py": "two\n"}
FRESH = {"client.py": "changed\n", "py.typed": ""}

Regenerate = Callable[..., int]


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files into the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


def texts(folder: Path) -> dict[str, str]:
    """Return the text of every file below the folder, with its ends of lines, by relative path."""
    paths = [path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes().decode() for path in paths}


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replace the committed client with a small one."""
    folder = tmp_path / "committed"
    write(folder, CLIENT)
    monkeypatch.setattr(regenerate, "COMMITTED", folder)
    return folder


@pytest.fixture
def run(committed: Path, monkeypatch: pytest.MonkeyPatch) -> Regenerate:
    """Return a function that runs the script with a generator that writes the given files."""
    assert committed.is_dir()

    def run(files: dict[str, str], *arguments: str) -> int:
        monkeypatch.setattr(regenerate, "generate", lambda into: write(into, files))
        monkeypatch.setattr(sys, "argv", ["regenerate.py", *arguments])
        return regenerate.main()

    return run


def test_the_committed_client_is_up_to_date(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A real run finds no drift, marks the package as typed, and leaves no caches of the tools behind."""
    fresh = tmp_path / "fresh"
    regenerate.generate(fresh)
    assert not regenerate.drift(fresh)
    assert capfd.readouterr().out == ""
    assert (fresh / "py.typed").is_file()
    folders = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_dir()}
    assert folders == {"api", "api/chats", "models"}


def test_a_warning_of_the_generator_is_an_error(tmp_path: Path) -> None:
    """The generator only warns when it drops a part of the contract, such as a response it cannot find."""
    contract = tmp_path / "openapi.yaml"
    text = regenerate.CONTRACT.read_text(encoding="utf-8").replace("responses/Forbidden'", "responses/None'")
    contract.write_text(text, encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        regenerate.generate(tmp_path / "fresh", contract)


def test_the_client_is_the_same_on_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows the generator writes CRLF; the hooks turn its output into the committed bytes."""
    client = texts(regenerate.COMMITTED)
    write(tmp_path, {name: text.replace("\n", "\r\n") for name, text in client.items()})
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    for hook in ConfigFile.load_from_path(regenerate.ROOT / "generator-config.yml").post_hooks or []:
        subprocess.run(hook, cwd=tmp_path, shell=True, check=True)
    assert texts(tmp_path) == client


def test_drift_is_printed_and_fails(
    committed: Path, run: Regenerate, capfd: pytest.CaptureFixture[str]
) -> None:
    """Changed, stale and missing files are named, and the committed client is left unchanged."""
    assert run(FRESH, "--check") == 1
    printed = capfd.readouterr().out
    assert "--- a/committed/client.py\n+++ b/generated/client.py\n@@ -1 +1 @@\n-one\n+changed\n" in printed
    assert "--- a/committed/api/chat.py\n+++ /dev/null\n" in printed
    assert "diff --git a/generated/py.typed b/generated/py.typed\nnew file" in printed
    assert texts(committed) == CLIENT


def test_no_drift_passes(committed: Path, run: Regenerate, capsys: pytest.CaptureFixture[str]) -> None:
    """Bytecode, which importing the client leaves in its folders, does not count."""
    write(committed, {"__pycache__/client.pyc": "x"})
    assert run(CLIENT, "--check") == 0
    assert capsys.readouterr().out == "generated/ is up to date.\n"


def test_regenerating_replaces_the_whole_client(committed: Path, run: Regenerate) -> None:
    """Files that the generator no longer writes are deleted."""
    assert run(FRESH) == 0
    assert texts(committed) == FRESH


def test_a_patch_that_does_not_apply_is_an_error(
    tmp_path: Path,
    committed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """If the template has changed around a patch, the script names the template and writes nothing."""
    name = "types.py.jinja.patch"
    patch = (regenerate.PATCHES / name).read_text(encoding="utf-8")
    patches = tmp_path / "patches"
    write(patches, {name: patch.replace("\n ", "\n another generator's line", 1)})
    monkeypatch.setattr(regenerate, "PATCHES", patches)
    monkeypatch.setattr(sys, "argv", ["regenerate.py"])
    with pytest.raises(subprocess.CalledProcessError):
        regenerate.main()
    assert f"{Path(name).stem}: patch does not apply" in capfd.readouterr().err
    assert texts(committed) == CLIENT
