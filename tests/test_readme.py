"""README keeps its word: its examples run, its tables tell what the sandbox and the client do."""

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

from calls import PARALLEL, attempt, longest, make_call, refused, shortest
from environment import lead_to
from pages import ROOT, blocks, marked, read, rows
from yandex_market_chats import Delivery, MarketChats, MarketError, RetryPolicy, _settings
from yandex_market_chats._cli import EXIT_CODES, EXIT_USAGE, main
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
    """Serve a sandbox that the environment leads to."""
    with Sandbox() as sandbox:
        lead_to(sandbox, monkeypatch)
        yield sandbox


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_python_example_prints_what_it_says(sandbox: Sandbox, tmp_path: Path, program: str) -> None:
    """An example runs as it stands, without a warning, and its output is that of its last lines."""
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


def test_every_python_example_passes_a_strict_type_check(tmp_path: Path) -> None:
    """Who copies an example into a program that is checked finds no fault with it."""
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
def test_every_command_line_is_one(command: str) -> None:
    """A line that sends has sent; the one that serves, and would not return, is only parsed."""
    words, _, _ = command.partition(" < ")
    name, *arguments = shlex.split(words)
    assert name.rpartition("/")[2] == "yandex-market-chats"
    if arguments[0] == "send":
        outcome = CliRunner().invoke(main, arguments, input="Заказ уже в пути\n")
        assert (outcome.exit_code, outcome.stderr) == (0, "")
    else:
        main.commands[arguments[0]].make_context(name, arguments[1:])


@pytest.mark.parametrize("mark", ["sandbox", "tests"])
def test_the_lines_for_a_fresh_machine_are_one_line_each(mark: str) -> None:
    """They begin at nothing but Python, and a script can take them out of the page."""
    line = marked(README, mark)
    assert "\n" not in line
    assert line.startswith("python3.11 -m venv .venv && .venv/bin/pip install ")
    assert all(shlex.split(part) for part in line.split(" && "))


def test_the_extras_that_it_names_exist() -> None:
    """What the lines install is what pyproject.toml offers."""
    extras = ",".join(re.findall(r"\.\[([\w,]+)\]", read(README))).split(",")
    assert {"cli", "sandbox", "dev"} == set(extras)
    assert all(f"\n{extra} = [" in read("pyproject.toml") for extra in extras)


@pytest.mark.parametrize("page", [README, RUSSIAN])
def test_the_table_of_chats_is_that_of_the_sandbox(page: str) -> None:
    """Each chat stands in it once, in order; the English sentences are those of the sandbox itself."""
    table = {int(chat_id): sentence for chat_id, sentence in rows(page, "chats")}
    assert list(table) == list(CHATS)
    assert page == RUSSIAN or table == dict(CHATS)


OUTCOMES = [
    (int(chat_id), set(re.findall(r"`(\w+)`", raised)), delivery.strip("`"))
    for _, raised, delivery, _, chats in rows(README, "outcomes")
    for chat_id in re.findall(r"\d+", chats)
]


@pytest.mark.parametrize(("chat_id", "raised", "delivery"), OUTCOMES)
def test_the_table_of_outcomes_tells_what_happens(
    sandbox: Sandbox, chat_id: int, raised: set[str], delivery: str
) -> None:
    """The first attempt at each chat ends with an error of the row, and the row's word on the message."""
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


def test_every_chat_of_the_sandbox_rehearses_a_row() -> None:
    """No awkward answer is left out of the table of outcomes."""
    assert {chat_id for chat_id, _, _ in OUTCOMES} >= CHATS.keys()


def test_the_environment_variables_are_those_of_the_settings() -> None:
    """Each variable is named in README, and each that is named on a page exists."""
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
    ("page", "words"),
    [
        (README, ["sent", "wrong usage", "not sent", "unknown"]),
        (RUSSIAN, ["отправлено", "неверный вызов", "не отправлено", "неизвестно"]),
    ],
)
def test_the_table_of_exit_codes_is_that_of_the_command(page: str, words: list[str]) -> None:
    """A script tells the outcomes apart by them."""
    codes = [0, EXIT_USAGE, *(EXIT_CODES[delivery] for delivery in Delivery)]
    table = {int(code): meaning for code, meaning in rows(page, "exit-codes")}
    assert list(table) == codes
    assert all(table[code].startswith(word) for code, word in zip(codes, words, strict=True))


@pytest.mark.parametrize("page", [README, RUSSIAN])
def test_the_length_of_a_message_is_that_of_the_check(page: str) -> None:
    """Wherever it is named."""
    assert set(re.findall(r"(\d+) (?:characters|символ)", read(page))) == {str(_settings.MESSAGE_MAX_LENGTH)}


@pytest.mark.parametrize(
    ("page", "words"), [(README, "after {:g} to {:g} s"), (RUSSIAN, "через {:g}–{:g} с")]
)
def test_the_wait_for_a_place_is_that_of_the_policy(page: str, words: str) -> None:
    """The shortest and the longest that chance can draw."""
    waits = [attempt(make_call(uniform=draw), refused(420, PARALLEL)) for draw in (shortest, longest)]
    (told,) = (row[3] for row in rows(page, "outcomes") if row[4] == "420, 4201")
    assert told.replace(",", ".").endswith(words.format(*waits))


def test_an_error_stays_what_the_tree_says() -> None:
    """The tree of errors names each class under its base."""
    tree = next(block.text for block in blocks(README) if block.text.startswith("MarketError "))
    path: list[str] = []
    for line in tree.splitlines():
        name = re.search(r"\w+", line)
        assert name
        path[name.start() // 4 :] = [name[0]]
        classes = [getattr(sys.modules[MarketError.__module__], name) for name in path]
        assert all(issubclass(child, base) for base, child in pairwise(classes))
    assert {cls.__name__ for cls in _descendants(MarketError)} <= set(re.findall(r"\w+Error", tree))


def _descendants(cls: type) -> set[type]:
    return {cls}.union(*map(_descendants, cls.__subclasses__()))


def test_both_languages_say_the_same_in_code() -> None:
    """The Russian page has the same fenced blocks in the same order."""
    assert blocks(RUSSIAN) == blocks(README)


def test_both_languages_have_the_same_tables() -> None:
    """Classes, deliveries and chats of the outcomes agree, and so does the number of everything else."""
    for english, russian in zip(rows(README, "outcomes"), rows(RUSSIAN, "outcomes"), strict=True):
        assert [english[1], english[2], english[4]] == [russian[1], russian[2], russian[4]]
    assert read(README).count("\n|") == read(RUSSIAN).count("\n|")
    assert re.findall(r"(?m)^#+ ", read(README)) == re.findall(r"(?m)^#+ ", read(RUSSIAN))


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    """A relative link leads to a file of this repository, and its anchor to a heading."""
    for target in re.findall(r"\]\(([^)\s]+)\)", read(page)):
        if not target.startswith("https://"):
            path, _, anchor = target.partition("#")
            assert (ROOT / path).exists(), target
            assert not anchor or anchor in _anchors(path or page), target


def _anchors(page: str) -> set[str]:
    headings = re.findall(r"(?m)^#+ (.+)$", read(page))
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_every_target_that_is_named_exists(page: str) -> None:
    """`make` knows each target that a page tells people to make."""
    targets = set(re.findall(r"(?m)^([a-z-]+):", read("Makefile")))
    assert set(re.findall(r"`make ([a-z-]+)", read(page))) <= targets
