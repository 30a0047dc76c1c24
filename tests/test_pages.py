"""The pages of the site: their examples run, and their tables agree with the code."""

import inspect
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import click
import pytest
from click.testing import CliRunner

from pages import ROOT, blocks, command_lines, printed, read, rows, run
from yandex_market_chats import Delivery, MarketChats, MarketError, RetryPolicy, _settings
from yandex_market_chats.cli import commands
from yandex_market_chats.cli._output import EXIT_CODES, EXIT_USAGE
from yandex_market_chats.sandbox import CHATS, Sandbox

pytestmark = pytest.mark.tooling

PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))
RUSSIAN = [page for page in PAGES if page.startswith("docs/ru/")]
ENGLISH = [page for page in PAGES if page not in RUSSIAN]
PROGRAMS = [
    pytest.param(block.text, id=f"{page}-{number}")
    for page in ENGLISH
    for number, block in enumerate(blocks(page))
    if block.language == "python"
]
COMMANDS = [command for page in ENGLISH for command in command_lines(page)]
OUTCOMES = [
    (int(chat_id), set(re.findall(r"`(\w+)`", raised)), delivery.strip("`"))
    for delivery, _, _, raised, chats in rows("docs/outcomes.md", "outcomes")
    for chat_id in re.findall(r"\d+", chats)
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_example_prints_what_it_says(sandbox: Sandbox, tmp_path: Path, program: str) -> None:
    """A program that is copied from a page prints what the page shows, without a warning."""
    (tmp_path / "token.txt").write_text(sandbox.token + "\n")
    assert run(program, tmp_path) == printed(program)


def test_every_example_passes_a_strict_type_check(tmp_path: Path) -> None:
    """An example can be copied into a program that is type-checked."""
    for number, program in enumerate(PROGRAMS):
        (tmp_path / f"example_{number}.py").write_text(str(program.values[0]), encoding="utf-8")
    checked = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", "."],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert checked.stdout == f"Success: no issues found in {len(PROGRAMS)} source files\n"


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("sandbox")
def test_every_command_works(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that sends is run; one that serves, or needs the result of another, is only parsed."""
    monkeypatch.chdir(tmp_path)
    for name in ("orders.csv", "orders.csv.journal"):
        Path(name).touch()
    line, _, _ = command.partition(" < ")
    name, *arguments = shlex.split(line)
    assert name.rpartition("/")[2] == "yandex-market-chats"
    if arguments[0] == "send":
        outcome = CliRunner().invoke(commands, arguments, input="Заказ уже в пути\n")
        assert (outcome.exit_code, outcome.stderr) == (0, "")
    else:
        group = commands
        while isinstance(group.commands[arguments[0]], click.Group):
            group = cast("click.Group", group.commands[arguments.pop(0)])
        group.commands[arguments[0]].make_context(name, arguments[1:])


@pytest.mark.parametrize(("chat_id", "raised", "delivery"), OUTCOMES)
def test_table_of_outcomes_agrees_with_the_sandbox(
    sandbox: Sandbox, chat_id: int, raised: set[str], delivery: str
) -> None:
    """The first attempt in each chat raises an error of the row, with the row's delivery."""
    timeout = 0.1 if chat_id == 9003 else 15  # that chat answers after 20 seconds
    with MarketChats(timeout=timeout, retries=RetryPolicy.disabled()) as chats:
        if not raised:
            chats.send_message(chat_id=chat_id, message="Заказ уже в пути")
            assert len(sandbox.messages) == 1
            return
        with pytest.raises(MarketError) as caught:
            chats.send_message(chat_id=chat_id, message="Заказ уже в пути")
    assert type(caught.value).__name__ in raised
    assert caught.value.delivery.name == delivery
    assert delivery == "UNKNOWN" or not sandbox.messages


def test_table_of_outcomes_lists_every_misbehaving_chat() -> None:
    """A reader can reproduce each row with the sandbox."""
    assert {chat_id for chat_id, _, _ in OUTCOMES} >= CHATS.keys()


@pytest.mark.parametrize("page", ["docs/sandbox.md", "docs/ru/sandbox.md"])
def test_table_of_chats_matches_the_sandbox(page: str) -> None:
    """Each chat is listed once, in order; the English sentences are the sandbox's own."""
    table = {int(chat_id): sentence for chat_id, sentence in rows(page, "chats")}
    assert list(table) == list(CHATS)
    assert page in RUSSIAN or table == dict(CHATS)


def test_table_of_arguments_matches_the_constructor() -> None:
    """The table has every argument, and the variables and defaults of the code."""
    table = {row[0].strip("`"): row for row in rows("docs/configuration.md", "arguments")}
    parameters = inspect.signature(MarketChats).parameters
    assert table.keys() == parameters.keys()
    assert table["base_url"][2] == f"`{_settings.DEFAULT_BASE_URL}`"
    assert table["retries"][2] == f"`{RetryPolicy()}`"
    timeout = _settings.DEFAULT_TIMEOUT
    assert table["timeout"][2] == f"{timeout.connect:g} s to connect, {timeout.read:g} s for each other phase"
    assert table["max_parallel"][2] == str(parameters["max_parallel"].default)
    variables = {name for name in vars(_settings).values() if re.match("YANDEX_MARKET_", str(name))}
    assert set(re.findall(r"YANDEX_MARKET_\w+", str(table))) == variables


def test_table_of_exit_codes_matches_the_command() -> None:
    """A script distinguishes the outcomes by their exit codes."""
    codes = [0, EXIT_USAGE, *(EXIT_CODES[delivery] for delivery in Delivery)]
    table = {int(code): meaning for code, meaning in rows("docs/command-line.md", "exit-codes")}
    assert list(table) == codes
    meanings = zip(table.values(), ["sent", "wrong usage", "not sent", "unknown"], strict=True)
    assert all(meaning.startswith(word) for meaning, word in meanings)


def test_length_of_a_message_matches_the_check() -> None:
    """Each page that names the longest message names the same length."""
    pages = "\n".join(map(read, PAGES))
    assert set(re.findall(r"(\d+) (?:characters|символ)", pages)) == {str(_settings.MESSAGE_MAX_LENGTH)}


def test_tree_of_errors_matches_the_classes() -> None:
    """The tree shows each class below its base."""
    tree = next(block.text for block in blocks("docs/errors.md") if block.language == "text")
    path: list[str] = []
    for line in tree.splitlines():
        name = re.search(r"\w+", line)
        assert name
        path[name.start() // 4 :] = [name[0]]
        classes = [getattr(sys.modules[MarketError.__module__], name) for name in path]
        assert all(issubclass(child, base) for base, child in pairwise(classes))
    assert {cls.__name__ for cls in _descendants(MarketError)} <= set(re.findall(r"\w+Error", tree))


def _descendants(cls: type[Any]) -> set[type[Any]]:
    children: list[type[Any]] = cls.__subclasses__()
    return {cls}.union(*(_descendants(child) for child in children if child.__module__ == cls.__module__))


@pytest.mark.parametrize("page", RUSSIAN)
def test_both_languages_agree(page: str) -> None:
    """A Russian page has the code, the headings and the tables of the English one."""
    english = page.replace("docs/ru/", "docs/")
    assert blocks(page) == blocks(english)
    for mark in ("\n#+ ", "\n\\|", "```"):
        assert re.findall(mark, read(page)) == re.findall(mark, read(english))


def test_every_page_is_in_both_languages_or_listed_as_english_only() -> None:
    """A new page has a Russian version, or the Russian navigation links to the English page."""
    english, russian = ({path.stem for path in (ROOT / name).glob("*.md")} for name in ("docs", "docs/ru"))
    listed = re.findall(r"(?m)^ +- [^{\n]+: \.\./(\w+)\.html$", read("docs/mkdocs/ru.yml"))
    assert english - russian == set(listed)


def test_both_tables_of_outcomes_agree() -> None:
    """Deliveries, classes and chats are the same in both languages."""
    english, russian = (rows(page, "outcomes") for page in ("docs/outcomes.md", "docs/ru/outcomes.md"))
    assert [[row[0], *row[3:]] for row in english[1:]] == [[row[0], *row[3:]] for row in russian[1:]]


def test_every_example_of_the_repository_is_on_a_page() -> None:
    """The programs in examples/ can be read on the site."""
    included = set(re.findall(r'--8<-- "examples/(.+)"', read("docs/examples.md")))
    assert included == {path.name for path in (ROOT / "examples").glob("*.py")}
