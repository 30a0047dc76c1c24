"""The repository's pages, taken apart: fenced blocks, tables, links."""

import re
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


def marked(name: str, mark: str) -> str:
    """Return what stands after the comment that marks a place, up to the next empty line or fence's end."""
    found = re.search(rf"(?s)<!-- {mark} -->\n(?:```\w+\n)?(.*?)\n(?:```)?\n", read(name))
    assert found, f"{name} marks no place for {mark}"
    return found[1]


def rows(name: str, mark: str) -> list[list[str]]:
    """Return the cells of the table at a marked place, row by row, without its head."""
    lines = marked(name, mark).splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
