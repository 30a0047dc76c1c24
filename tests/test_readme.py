"""README is true: its examples run, and its tables say what the sandbox and the client do."""

import inspect
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner

from environment import lead_to
from pages import ROOT, blocks, marked, read, rows
from yandex_market_chats import Delivery, MarketChats, MarketError, RetryPolicy, _settings
from yandex_market_chats.cli import commands
from yandex_market_chats.cli._output import EXIT_CODES, EXIT_USAGE
from yandex_market_chats.sandbox import CHATS, Sandbox

README, RUSSIAN = "README.md", "README.ru.md"
PAGES = sorted(path.name for path in ROOT.glob("*.md"))
PROGRAMS = [block.text for block in blocks(README) if block.language == "python"]
COMMANDS = [
    line
    for block in blocks(README)
    if block.language == "sh"
    for line in re.split(r" && |\n", block.text)
    if "yandex-market-chats" in line
]
VARIABLE = re.compile(r"YANDEX_MARKET_\w+")


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """Serve a sandbox that the environment names."""
    with Sandbox() as sandbox:
        lead_to(sandbox, monkeypatch)
        yield sandbox


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_python_example_prints_what_it_says(sandbox: Sandbox, tmp_path: Path, program: str) -> None:
    """An example runs unchanged, without a warning, and its last lines contain its output."""
    (tmp_path / "token.txt").write_text(sandbox.token + "\n")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", "-c", program],
        cwd=tmp_path,
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert ended.stdout.splitlines() == re.findall(r"(?m)^# prints: (.+)", program)
    assert sandbox.messages or "with Sandbox()" in program


def test_each_python_example_passes_a_strict_type_check(tmp_path: Path) -> None:
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


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("sandbox")
def test_each_command_line_works(command: str) -> None:
    """A line that sends is run; the one that serves would not return, so it is only parsed."""
    line, _, _ = command.partition(" < ")
    name, *arguments = shlex.split(line)
    assert name.rpartition("/")[2] == "yandex-market-chats"
    if arguments[0] == "send":
        outcome = CliRunner().invoke(commands, arguments, input="Заказ уже в пути\n")
        assert (outcome.exit_code, outcome.stderr) == (0, "")
    else:
        commands.commands[arguments[0]].make_context(name, arguments[1:])


@pytest.mark.parametrize("mark", ["sandbox", "tests"])
def test_the_lines_for_a_fresh_machine_are_one_line_each(mark: str) -> None:
    """They start from nothing but Python, and a script can extract them from the page."""
    line = marked(README, mark)
    assert "\n" not in line
    assert line.startswith("python3.11 -m venv .venv && .venv/bin/pip install ")
    assert all(shlex.split(part) for part in line.split(" && "))


def test_the_extras_on_the_page_exist() -> None:
    """pyproject.toml has the extras that the lines install."""
    extras = ",".join(re.findall(r"\.\[([\w,]+)\]", read(README))).split(",")
    assert {"cli", "sandbox", "dev"} == set(extras)
    assert all(f"\n{extra} = [" in read("pyproject.toml") for extra in extras)


@pytest.mark.parametrize("page", [README, RUSSIAN])
def test_the_table_of_chats_is_that_of_the_sandbox(page: str) -> None:
    """It lists each chat once, in order; the English sentences are those of the sandbox itself."""
    table = {int(chat_id): sentence for chat_id, sentence in rows(page, "chats")}
    assert list(table) == list(CHATS)
    assert page == RUSSIAN or table == dict(CHATS)


OUTCOMES = [
    (int(chat_id), set(re.findall(r"`(\w+)`", raised)), delivery.strip("`"))
    for _, raised, delivery, _, chats in rows(README, "outcomes")
    for chat_id in re.findall(r"\d+", chats)
]


@pytest.mark.parametrize(("chat_id", "raised", "delivery"), OUTCOMES)
def test_the_table_of_outcomes_is_true(
    sandbox: Sandbox, chat_id: int, raised: set[str], delivery: str
) -> None:
    """The first attempt at each chat raises an error of the row, with the delivery of the row."""
    # The slow chat would take its 20 seconds.
    timeout = 0.1 if chat_id == 9003 else 15
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


def test_each_chat_of_the_sandbox_reproduces_a_row() -> None:
    """The table of outcomes leaves out no chat that misbehaves."""
    assert {chat_id for chat_id, _, _ in OUTCOMES} >= CHATS.keys()


def test_the_environment_variables_are_those_of_the_settings() -> None:
    """README names each variable, and each variable in README exists."""
    variables = {name for name in vars(_settings).values() if isinstance(name, str) and VARIABLE.match(name)}
    assert set(VARIABLE.findall(read(README))) == variables


def test_the_table_of_arguments_is_the_constructor() -> None:
    """It lists every argument, and the defaults of the numbers among them."""
    table = {argument.strip("`"): default for argument, _, default in rows(README, "arguments")}
    assert table.keys() == inspect.signature(MarketChats).parameters.keys()
    assert table["base_url"] == f"`{_settings.DEFAULT_BASE_URL}`"
    assert table["retries"] == f"`{RetryPolicy()}`"
    timeout = _settings.DEFAULT_TIMEOUT
    assert table["timeout"] == f"{timeout.connect:g} s to connect, {timeout.read:g} s for each other phase"
    assert table["max_parallel"] == str(inspect.signature(MarketChats).parameters["max_parallel"].default)


@pytest.mark.parametrize(
    ("page", "meanings"),
    [
        (README, ["sent", "wrong usage", "not sent", "unknown"]),
        (RUSSIAN, ["отправлено", "неверный вызов", "не отправлено", "неизвестно"]),
    ],
)
def test_the_table_of_exit_codes_is_that_of_the_command(page: str, meanings: list[str]) -> None:
    """A script distinguishes the outcomes by these codes."""
    codes = [0, EXIT_USAGE, *(EXIT_CODES[delivery] for delivery in Delivery)]
    table = {int(code): meaning for code, meaning in rows(page, "exit-codes")}
    assert list(table) == codes
    assert all(table[code].startswith(meaning) for code, meaning in zip(codes, meanings, strict=True))


@pytest.mark.parametrize("page", [README, RUSSIAN])
def test_the_length_of_a_message_is_that_of_the_check(page: str) -> None:
    """The number is right wherever it is mentioned."""
    assert set(re.findall(r"(\d+) (?:characters|символ)", read(page))) == {str(_settings.MESSAGE_MAX_LENGTH)}


def test_the_tree_of_errors_is_that_of_the_classes() -> None:
    """The tree has each class below its base, and each class has the attributes of its line."""
    tree = next(block.text for block in blocks(README) if block.text.startswith("MarketError "))
    path: list[str] = []
    for line in tree.splitlines():
        name = re.search(r"\w+", line)
        assert name
        path[name.start() // 4 :] = [name[0]]
        classes = [getattr(sys.modules[MarketError.__module__], name) for name in path]
        assert all(issubclass(child, base) for base, child in pairwise(classes))
        assert set(re.findall(r"\.(\w+)", line)) <= set(dir(classes[-1]("text")))
    assert {cls.__name__ for cls in _descendants(MarketError)} <= set(re.findall(r"\w+Error", tree))


def _descendants(cls: type) -> set[type]:
    return {cls}.union(*map(_descendants, cls.__subclasses__()))


def test_both_languages_have_the_same_code() -> None:
    """The Russian page has the same fenced blocks in the same order."""
    assert blocks(RUSSIAN) == blocks(README)


def test_both_languages_have_the_same_tables() -> None:
    """Classes, deliveries and chats are the same, and so are the numbers of rows and of headings."""
    for english, russian in zip(rows(README, "outcomes"), rows(RUSSIAN, "outcomes"), strict=True):
        assert [english[1], english[2], english[4]] == [russian[1], russian[2], russian[4]]
    assert read(README).count("\n|") == read(RUSSIAN).count("\n|")
    assert re.findall(r"(?m)^#+ ", read(README)) == re.findall(r"(?m)^#+ ", read(RUSSIAN))


@pytest.mark.parametrize("page", PAGES)
def test_each_relative_link_works(page: str) -> None:
    """A relative link names a file of this repository, and its anchor a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            assert (ROOT / path).exists(), target
            assert not anchor or anchor in _anchors(path or page), target


def _anchors(page: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", read(page))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_each_target_on_a_page_exists(page: str) -> None:
    """`make` has each target that a page mentions."""
    targets = set(re.findall(r"(?m)^([a-z-]+):", read("Makefile")))
    assert set(re.findall(r"`make ([a-z-]+)", read(page))) <= targets
