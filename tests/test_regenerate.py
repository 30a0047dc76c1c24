"""What scripts/regenerate.py makes out of the contract, and what it refuses to."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from openapi_python_client.config import ConfigFile

import regenerate

CLIENT = {"client.py": "one\n", "api/chat.py": "two\n"}
FRESH = {"client.py": "changed\n", "py.typed": ""}

Regenerate = Callable[..., int]


def write(folder: Path, files: dict[str, str]) -> None:
    """Write the files into the folder."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(text.encode())


@pytest.fixture
def committed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the script work on a small client instead of the real one."""
    folder = tmp_path / "committed"
    write(folder, CLIENT)
    monkeypatch.setattr(regenerate, "COMMITTED", folder)
    return folder


@pytest.fixture
def run(committed: Path, monkeypatch: pytest.MonkeyPatch) -> Regenerate:
    """Give a function that runs the script with a generator that writes the given files."""
    assert committed.is_dir()

    def run(files: dict[str, str], *arguments: str) -> int:
        monkeypatch.setattr(regenerate, "generate", lambda into: write(into, files))
        monkeypatch.setattr(sys, "argv", ["regenerate.py", *arguments])
        return regenerate.main()

    return run


def test_the_committed_client_is_what_the_contract_gives(tmp_path: Path) -> None:
    """A real run finds no drift, is marked as typed, and leaves no caches of the tools behind."""
    fresh = tmp_path / "fresh"
    regenerate.generate(fresh)
    texts = regenerate.texts(fresh)
    assert regenerate.drift(regenerate.texts(regenerate.COMMITTED), texts) == ""
    assert texts["py.typed"] == ""
    folders = {path.relative_to(fresh).as_posix() for path in fresh.rglob("*") if path.is_dir()}
    assert folders == {"api", "api/chats", "models"}


def test_a_contract_that_the_generator_warns_of_gives_no_client(tmp_path: Path) -> None:
    """It would leave out what it does not understand, such as an answer that is not there, and go on."""
    contract = tmp_path / "openapi.yaml"
    text = regenerate.CONTRACT.read_text(encoding="utf-8").replace("responses/Forbidden'", "responses/None'")
    contract.write_text(text, encoding="utf-8")
    with pytest.raises(subprocess.CalledProcessError):
        regenerate.generate(tmp_path / "fresh", contract)


def test_the_client_is_the_same_where_lines_end_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows the generator ends lines with CR LF; its hooks make the committed bytes of them."""
    client = regenerate.texts(regenerate.COMMITTED)
    write(tmp_path, {name: text.replace("\n", "\r\n") for name, text in client.items()})
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    for hook in ConfigFile.load_from_path(regenerate.ROOT / "generator-config.yml").post_hooks or []:
        subprocess.run(hook, cwd=tmp_path, shell=True, check=True)
    assert regenerate.texts(tmp_path) == client


def test_what_is_not_there_is_dev_null_on_every_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows calls it nul, but a unified diff does not."""
    monkeypatch.setattr(os, "devnull", "nul")
    assert regenerate.drift({"old.py": "one\n"}, {}).startswith("--- committed/old.py\n+++ /dev/null\n")
    assert regenerate.drift({}, {"new.py": "one\n"}).startswith("--- /dev/null\n+++ generated/new.py\n")


@pytest.mark.parametrize(
    ("files", "words"),
    [
        (
            {**CLIENT, "client.py": "other\n"},
            ["--- committed/client.py", "+++ generated/client.py", "-one\n+other\n"],
        ),
        ({"client.py": "one\n"}, ["--- committed/api/chat.py", "+++ /dev/null", "-two\n"]),
        ({**CLIENT, "new.py": "three\n"}, ["--- /dev/null", "+++ generated/new.py", "+three\n"]),
        ({**CLIENT, "py.typed": ""}, ["An empty file is only on one side: py.typed\n"]),
    ],
    ids=["changed", "stale", "missing", "missing and empty"],
)
def test_drift_is_shown_and_fails(
    files: dict[str, str],
    words: list[str],
    committed: Path,
    run: Regenerate,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A file that differs, that should be gone or that is not there is named; nothing is written."""
    assert run(files, "--check") == 1
    printed = capsys.readouterr().out
    assert [word for word in words if word not in printed] == []
    assert regenerate.texts(committed) == CLIENT


def test_no_drift_passes(run: Regenerate, capsys: pytest.CaptureFixture[str]) -> None:
    """The same files are no difference, and that is said."""
    assert run(CLIENT, "--check") == 0
    assert capsys.readouterr().out == "generated/ is what openapi.yaml gives.\n"


def test_bytecode_is_no_drift(committed: Path, run: Regenerate) -> None:
    """Whoever has imported the client has caches in its folders."""
    write(committed, {"__pycache__/client.pyc": "x"})
    assert run(CLIENT, "--check") == 0


def test_the_client_is_replaced_as_a_whole(committed: Path, run: Regenerate) -> None:
    """Files that the contract no longer gives do not stay behind."""
    assert run(FRESH) == 0
    assert regenerate.texts(committed) == FRESH


@pytest.mark.parametrize("name", [path.name for path in regenerate.PATCHES.iterdir()])
def test_a_patch_that_does_not_apply_stops_everything(
    name: str,
    tmp_path: Path,
    committed: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Where the generator's template says something else the script fails and writes nothing."""
    patch = (regenerate.PATCHES / name).read_text(encoding="utf-8")
    patches = tmp_path / "patches"
    write(patches, {name: patch.replace("\n ", "\n another generator's line", 1)})
    monkeypatch.setattr(regenerate, "PATCHES", patches)
    monkeypatch.setattr(sys, "argv", ["regenerate.py"])
    with pytest.raises(subprocess.CalledProcessError):
        regenerate.main()
    assert f"{Path(name).stem}: patch does not apply" in capfd.readouterr().err
    assert regenerate.texts(committed) == CLIENT
