"""The pages of the repository: README, and the pages of the site. Their fenced blocks and tables."""

import re
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Block(NamedTuple):
    """A fenced block."""

    language: str
    text: str


def read(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[Block]:
    """Return the fenced blocks of a page in their order."""
    return [Block(*found) for found in re.findall(r"(?ms)^```(\w+)\n(.*?)^```$", read(name))]


def command_lines(name: str) -> list[str]:
    """Return the lines of a page that run `yandex-market-chats`."""
    lines = [
        line for block in blocks(name) if block.language == "sh" for line in re.split(r" && |\n", block.text)
    ]
    return [line for line in lines if "yandex-market-chats" in line]


def marked(name: str, mark: str) -> str:
    """Return the text after the comment `mark`, up to the next empty line or the end of the block."""
    found = re.search(rf"(?s)<!-- {mark} -->\n(?:```\w+\n)?(.*?)\n(?:```)?\n", read(name))
    assert found, f"{name} has no comment {mark}"
    return found[1]


def rows(name: str, mark: str) -> list[list[str]]:
    """Return the cells of the table after the comment `mark`, row by row, without the header."""
    lines = marked(name, mark).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def run(program: str, folder: Path) -> list[str]:
    """Run an example, with pytest if it consists of tests; return the lines that a program prints."""
    (folder / "test_example.py").write_text(program, encoding="utf-8")
    tests = "\ndef test_" in program
    options = ["-m", "pytest", "-q", "-p", "no:cacheprovider"] if tests else []
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", *options, "test_example.py"],
        cwd=folder,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    return [] if tests else ended.stdout.splitlines()


def printed(program: str) -> list[str]:
    """Return the lines that an example says it prints."""
    return re.findall(r"(?m)^# prints: (.+)", program)
