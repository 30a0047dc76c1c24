"""README is true: its examples and commands run, and its links lead somewhere."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from pages import ROOT, blocks, command_lines, marked, printed, read, run
from yandex_market_chats.cli import commands
from yandex_market_chats.sandbox import Sandbox

README, RUSSIAN = "README.md", "README.ru.md"
PAGES = [
    str(path.relative_to(ROOT))
    for folder in (".", ".github", "docs", "docs/ru")
    for path in sorted((ROOT / folder).glob("*.md"))
]
PROGRAMS = [block.text for block in blocks(README) if block.language == "python"]


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_example_prints_what_it_says(sandbox: Sandbox, tmp_path: Path, program: str) -> None:
    """An example runs unchanged, without a warning, and sends."""
    assert run(program, tmp_path) == printed(program)
    assert sandbox.messages


@pytest.mark.tooling
def test_each_example_passes_a_strict_type_check(tmp_path: Path) -> None:
    """An example can be copied into a program that is type-checked."""
    for number, program in enumerate(PROGRAMS):
        (tmp_path / f"example_{number}.py").write_text(program, encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "."],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert checked.stdout == f"Success: no issues found in {len(PROGRAMS)} source files\n"


@pytest.mark.parametrize("command", command_lines(README))
@pytest.mark.usefixtures("sandbox")
def test_each_command_line_works(command: str) -> None:
    """The command sends."""
    name, *arguments = shlex.split(command)
    assert name.rpartition("/")[2] == "yandex-market-chats"
    outcome = CliRunner().invoke(commands, arguments)
    assert (outcome.exit_code, outcome.stderr) == (0, "")


@pytest.mark.parametrize("mark", ["sandbox", "tests"])
def test_set_up_is_one_line(mark: str) -> None:
    """The line needs nothing but Python, and a script can extract it."""
    line = marked(README, mark)
    assert "\n" not in line
    assert line.startswith("python3.11 -m venv .venv && .venv/bin/pip install ")
    assert all(shlex.split(part) for part in line.split(" && "))


def test_extras_exist() -> None:
    """pyproject.toml offers what the set-up lines install."""
    extras = ",".join(re.findall(r"\.\[([\w,]+)\]", read(README))).split(",")
    assert all(f"\n{extra} = [" in read("pyproject.toml") for extra in extras)


def test_both_languages_agree() -> None:
    """The Russian page has the same code, and as many headings and rows of tables."""
    assert blocks(RUSSIAN) == blocks(README)
    for mark in ("\n#+ ", "\n\\|"):
        assert re.findall(mark, read(README)) == re.findall(mark, read(RUSSIAN))


@pytest.mark.parametrize("page", [README, RUSSIAN])
def test_readme_is_short(page: str) -> None:
    """What does not fit is in docs/."""
    assert read(page).count("\n") <= 150


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_somewhere(page: str) -> None:
    """On GitHub, a relative link leads to a file of this repository, and its anchor to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            file = (ROOT / page).parent / path if path else ROOT / page
            assert file.exists(), target
            assert not anchor or anchor in _anchors(file), target


def _anchors(file: Path) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", file.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_each_named_target_exists(page: str) -> None:
    """`make` knows each target that a page names."""
    targets = set(re.findall(r"(?m)^([a-z-]+):", read("Makefile")))
    assert set(re.findall(r"`make ([a-z-]+)", read(page))) <= targets
