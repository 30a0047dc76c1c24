"""The package as pip installs it."""

import subprocess
import sys
import tarfile
import tomllib
from importlib import import_module, metadata, resources
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from packaging.requirements import Requirement

import yandex_market_chats
from versions import ROOT

pytestmark = pytest.mark.tooling

PACKAGES = {"yandex_market_chats", "yandex_market_chats_generated"}
INSTALLED = metadata.distribution("yandex-market-chats")


def test_the_package_reports_the_version_that_is_installed() -> None:
    """The version is stated in one place."""
    assert INSTALLED.version == yandex_market_chats.__version__


def test_the_tests_require_no_newer_dependencies_than_users_need() -> None:
    """The CI job with the oldest dependencies must install exactly the promised versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    for_users, for_tests = (
        {Requirement(line).name for line in lines}
        for lines in (
            [*project["dependencies"], *extras["cli"], *extras["redis"], *extras["sandbox"]],
            [*extras["test"], *extras["dev"]],
        )
    )
    assert not for_users & for_tests


@pytest.mark.parametrize("package", sorted(PACKAGES))
def test_each_package_is_typed(package: str) -> None:
    """A type checker ignores a package without the marker of PEP 561."""
    assert resources.files(package).joinpath("py.typed").is_file()


def test_the_wheel_contains_exactly_the_two_packages() -> None:
    """Nothing else of this repository is installed into a user's site-packages."""
    paths = [path for path in INSTALLED.files or [] if ".." not in path.parts]
    if any(path.suffix == ".pth" for path in paths):
        pytest.skip("installed as editable: .ci/run runs this against the wheel")
    assert {path.parts[0] for path in paths if not path.parts[0].endswith(".dist-info")} == PACKAGES


@pytest.mark.parametrize("folder", [".hidden", "build"])
def test_the_sdist_contains_the_tracked_files(tmp_path: Path, folder: str) -> None:
    """Caches, tools and other work trees stay out, even if the path to the repository matches .gitignore."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, encoding="utf-8", check=False
    ).stdout.splitlines()
    if not listed:
        pytest.skip("not a repository of git")
    root = tmp_path / folder / "repository"
    ignored = (
        ".node/tool.js",
        ".venv/pip.py",
        ".trees/other/.ci/run",
        "build/lib.py",
        "tests/__pycache__/x.pyc",
    )
    for name in (*listed, *ignored):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"" if name in ignored else (ROOT / name).read_bytes())
    (archive,) = SdistBuilder(str(root)).build(directory=str(tmp_path))
    with tarfile.open(archive) as sdist:
        names = [name.partition("/")[2] for name in sdist.getnames()]
    assert sorted(names) == sorted([*listed, "PKG-INFO"])


def test_each_name_in_all_exists() -> None:
    """A star import must not fail."""
    for package in (*PACKAGES, "yandex_market_chats.sandbox"):
        module = import_module(package)
        assert not [name for name in module.__all__ if not hasattr(module, name)]


def test_importing_the_package_loads_neither_the_command_line_nor_the_sandbox() -> None:
    """A program that only sends messages needs no extra, and must not spend time on one."""
    program = (
        "import sys, yandex_market_chats as m; print({f'{m.__name__}.cli', 'aiohttp'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


def test_a_program_that_uses_the_package_passes_a_strict_type_check(tmp_path: Path) -> None:
    """Users check their programs with the types of the installed package."""
    program = tmp_path / "consumer.py"
    program.write_text(
        "from yandex_market_chats import ApiKey, Delivery, MarketChats, MarketError, RetryPolicy\n"
        "\n\n"
        "def late(text: str) -> bool:\n"
        "    with MarketChats(business_id=1, auth=ApiKey('key'), retries=RetryPolicy.disabled()) as chats:\n"
        "        try:\n"
        "            return chats.send_message(chat_id=1, message=text).attempts > 1\n"
        "        except MarketError as error:\n"
        "            return error.delivery is Delivery.UNKNOWN\n"
        "\n\n"
        "late(1)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file=", program.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.splitlines() == [
        'consumer.py:12: error: Argument 1 to "late" has incompatible type "int"; expected "str"  [arg-type]',
        "Found 1 error in 1 file (checked 1 source file)",
    ]
