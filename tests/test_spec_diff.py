"""What scripts/spec_diff.py reports about a change of the contract, and which changes pass."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import node_tools
import spec_diff
from repositories import commit_all, edit, git, make_repository
from versions import CONTRACT, PACKAGE, ROOT, stated
from yandex_market_chats._settings import MESSAGE_MAX_LENGTH

pytestmark = pytest.mark.tooling

BREAKING, HARMLESS = "Breaking: ", "Not breaking: "
CHAT_ID = "        - $ref: '#/components/parameters/ChatId'\n"
SECURITY = "security:\n  - ApiKey: []\n  - OAuth: [market:partner-api]\n"
LENGTH = f"maxLength: {MESSAGE_MAX_LENGTH}"
NOTE = (f"          {LENGTH}\n", f"          {LENGTH}\n        note: {{type: string}}\n")
RENAMED_COMPONENT = ("ChatId", "TheChat")
SHORTER = (LENGTH, "maxLength: 1")


@pytest.fixture(scope="module", autouse=True)
def _redocly() -> None:
    """Install Redocly; where that is impossible, as without a network, nothing here can run."""
    try:
        node_tools.command("redocly")
    except subprocess.CalledProcessError:
        if "CI" in os.environ:
            raise
        pytest.skip("npm could not install @redocly/cli")


@pytest.fixture
def work_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a git repository with one commit: the contract and the package's version."""
    for path in (CONTRACT, PACKAGE):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes((ROOT / path).read_bytes())
    make_repository(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def _names_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip generating two clients in tests that do not depend on them."""
    monkeypatch.setattr(spec_diff, "broken_names", lambda _base, _revision: [])


names_stay = pytest.mark.usefixtures("_names_stay")


def step(folder: Path, path: str, version: str) -> None:
    """Change the version that the file states."""
    edit(folder, path, stated(path, folder), version)


@pytest.mark.parametrize(
    ("old", "new", "verdict", "detail"),
    [
        pytest.param(
            "        '404':\n          $ref: '#/components/responses/NotFound'\n",
            "",
            BREAKING,
            "Response `404` was removed.",
            id="removed answer",
        ),
        pytest.param(
            *SHORTER, BREAKING, f"changed from '{MESSAGE_MAX_LENGTH}' to '1'", id="tightened length"
        ),
        pytest.param(
            CHAT_ID,
            CHAT_ID + "        - {name: kind, in: query, required: true, schema: {type: string}}\n",
            BREAKING,
            "Required `kind` query parameter was added.",
            id="new required parameter",
        ),
        pytest.param(*NOTE, HARMLESS, "properties/note", id="optional field"),
        pytest.param(
            "      required: [status]\n", "", BREAKING, "no longer required: `status`", id="optional status"
        ),
        pytest.param(SECURITY, "", BREAKING, "Other credentials", id="dropped security"),
        pytest.param(SECURITY, f"{SECURITY}  - {{}}\n", HARMLESS, "security", id="one more credential"),
        pytest.param(
            "      tags: [chats]\n",
            "      tags: [chats]\n      security: []\n",
            BREAKING,
            "Other credentials",
            id="operation without security",
        ),
        pytest.param(
            "SendMessageToChatRequest",
            "Message",
            BREAKING,
            ".models.SendMessageToChatRequest`: *Is no longer public*",
            id="renamed schema",
        ),
        pytest.param(
            "tags: [chats]",
            "tags: [talks]",
            BREAKING,
            "`yandex_market_chats_generated.api.chats`: *Is no longer public*",
            id="changed tag",
        ),
        pytest.param(
            "[OK, ERROR]",
            "[OK]",
            BREAKING,
            ".ApiResponseStatusType.ERROR`: *Is no longer public*",
            id="removed enum value",
        ),
        pytest.param(
            "application/json:\n            schema:\n              $ref: '#/components/schemas/SendM",
            "application/xml:\n            schema:\n              $ref: '#/components/schemas/SendM",
            BREAKING,
            "No client can be generated",
            id="body that the generator does not know",
        ),
        pytest.param(*RENAMED_COMPONENT, HARMLESS, "parameters/TheChat", id="renamed parameter component"),
        pytest.param("The text of the", "The", HARMLESS, "description", id="description"),
    ],
)
def test_every_edit_has_its_verdict(work_tree: Path, old: str, new: str, verdict: str, detail: str) -> None:
    """An edit breaks if old requests or answers fail, or if a name of the generated client is removed."""
    base = (work_tree / CONTRACT).read_bytes()
    edit(work_tree, CONTRACT, old, new)
    report, passes = spec_diff.review(base, work_tree, "stylish")
    assert report.startswith(verdict)
    assert detail in report
    assert passes == (verdict == HARMLESS)


@names_stay
@pytest.mark.parametrize(
    ("contract", "package", "code"),
    [
        ("0.4.0", "0.3.1", 1),
        ("0.3.1", "0.4.0", 1),
        ("0.4.0rc1", "0.4.0rc1", 0),
    ],
)
def test_a_break_needs_the_minor_step_of_both_versions_below_1(
    work_tree: Path, contract: str, package: str, code: int
) -> None:
    """A break of 0.3.0 passes only as 0.4.0 or later, in the contract and in the package."""
    for path in (CONTRACT, PACKAGE):
        step(work_tree, path, "0.3.0")
    commit_all(work_tree)
    edit(work_tree, CONTRACT, *SHORTER)
    for path, version in ((CONTRACT, contract), (PACKAGE, package)):
        step(work_tree, path, version)
    assert spec_diff.main(["HEAD"], work_tree) == code


@names_stay
def test_a_break_needs_the_major_step_from_1_on(work_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A break of 1.2.3 does not pass as 1.3.0, and the report names the required version."""
    for path in (CONTRACT, PACKAGE):
        step(work_tree, path, "1.2.3")
    commit_all(work_tree)
    edit(work_tree, CONTRACT, *SHORTER)
    for path in (CONTRACT, PACKAGE):
        step(work_tree, path, "1.3.0")
    assert spec_diff.main(["HEAD"], work_tree) == 1
    assert f"requires version 2.0.0 or later.\n- {CONTRACT} says 1.3.0." in capsys.readouterr().out


ALIASED = """
openapi: 3.1.0
info: {title: Chats, version: 0.1.0}
paths:
  /chats:
    get:
      responses:
        '200':
          description: The chats.
          headers: &limits
            X-Limit: {schema: {type: integer}}
        '420':
          description: Too many requests.
          headers: *limits
"""


def bump(base: str, revision: str) -> tuple[str, str]:
    """Return the version step that Redocly asks for, and its report."""
    report, details = spec_diff.compare(base.encode(), revision.encode(), ["stylish", "json"])
    return json.loads(details)["bump"], report


def test_headers_removed_behind_an_alias_are_reported() -> None:
    """Redocly visits an aliased node once, so the second response would seem unchanged."""
    step, report = bump(ALIASED, ALIASED.replace("          headers: *limits\n", ""))
    assert "removed   responses/420/headers" in report
    assert step != "none"


def test_an_added_operation_that_reuses_an_alias_is_not_breaking() -> None:
    """Redocly reports an aliased node at its first use, so it would seem removed from the old operation."""
    added = """
  /chat:
    get:
      responses:
        '200':
          description: A chat.
          headers: &limits
            X-Limit: {schema: {type: integer}}
"""
    revision = ALIASED.replace(
        "headers: &limits\n            X-Limit: {schema: {type: integer}}", "headers: *limits"
    )
    step, _ = bump(ALIASED, revision.replace("paths:\n", f"paths:{added}"))
    assert step == "minor"


def test_no_change_passes(work_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a change there is nothing to declare."""
    assert spec_diff.main(["HEAD"], work_tree) == 0
    assert capsys.readouterr().out.startswith("Nothing changes.\n")


def test_commits_of_the_other_branch_do_not_count(
    work_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The comparison starts at the fork, so a branch that lags behind changes nothing."""
    git(work_tree, "switch", "--quiet", "--create=ahead")
    edit(work_tree, CONTRACT, *SHORTER)
    commit_all(work_tree)
    git(work_tree, "switch", "--quiet", "--create=behind", "HEAD~")
    assert spec_diff.main(["ahead"], work_tree) == 0
    assert "Nothing changes." in capsys.readouterr().out


@names_stay
def test_a_lowered_version_does_not_pass(work_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Installers would ignore a release that is older than the installed one."""
    for path in (CONTRACT, PACKAGE):
        step(work_tree, path, "0.3.0")
    commit_all(work_tree)
    step(work_tree, PACKAGE, "0.3.0rc1")
    assert spec_diff.main(["HEAD"], work_tree) == 1
    assert "may not be lower" in capsys.readouterr().out


@names_stay
def test_an_invalid_version_is_named(work_tree: Path) -> None:
    """An invalid version ends in a message that says which of the contracts has it."""
    step(work_tree, CONTRACT, "next")
    with pytest.raises(SystemExit, match=r"^openapi\.yaml states 'next'"):
        spec_diff.main(["HEAD"], work_tree)
    commit_all(work_tree)
    edit(work_tree, CONTRACT, "version: next", "version: 0.3.0")
    with pytest.raises(SystemExit, match=r"^The old openapi\.yaml states 'next'"):
        spec_diff.main(["HEAD"], work_tree)


@names_stay
def test_without_a_base_the_last_release_is_compared(
    work_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A break that is already on main still breaks users of the last release."""
    assert spec_diff.main([""], work_tree) == 0
    assert "no release yet" in capsys.readouterr().out
    git(work_tree, "tag", "v0.3.0")
    edit(work_tree, CONTRACT, *SHORTER)
    commit_all(work_tree)
    assert spec_diff.main(["HEAD"], work_tree) == 0
    assert spec_diff.main([""], work_tree) == 1


@names_stay
def test_markdown_is_a_verdict_and_a_table_for_a_pull_request(
    work_tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With --markdown the verdict is bold, its lines form a list, and each row points into the contract."""
    edit(work_tree, CONTRACT, *SHORTER)
    assert spec_diff.main(["HEAD", "--markdown"], work_tree) == 1
    report = capsys.readouterr().out
    version = stated(CONTRACT, work_tree)
    assert report.startswith(f"**{BREAKING}")
    assert f".\n- {CONTRACT} says {version}.\n- {PACKAGE} says {version}.\n\n## " in report
    assert "| Impact | Change |" in report
    assert f"| {CONTRACT}:" in report


@names_stay
def test_the_report_has_only_one_verdict(work_tree: Path) -> None:
    """Redocly's own version step is left out: it treats credentials and versions below 1.0 differently."""
    base = (work_tree / CONTRACT).read_bytes()
    edit(work_tree, CONTRACT, SECURITY, "")
    report, _ = spec_diff.review(base, work_tree, "markdown")
    assert "requires version" in report
    assert "bump" not in report


def test_an_unknown_revision_is_reported(work_tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistyped revision ends in a message and not in a traceback."""
    with pytest.raises(SystemExit, match="2"):
        spec_diff.main(["no-such-revision"], work_tree)
    assert "no openapi.yaml at no-such-revision" in capsys.readouterr().err


def test_an_unreadable_contract_has_no_verdict(work_tree: Path) -> None:
    """Broken YAML ends with a message and not as a change without breaks."""
    (work_tree / CONTRACT).write_text("openapi: [", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"^openapi\.yaml is not valid YAML"):
        spec_diff.main(["HEAD"], work_tree)
