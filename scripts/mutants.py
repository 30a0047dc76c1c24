"""Mutate the modules that decide (`MODULES`); the unit tests must notice every mutant.

mutmut works in a copy, .mutants/, because it expects the package below src/. Mutants that change nothing are
listed in tests/mutants.toml with the reason. Any other survivor is printed, and makes the exit code 1.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COPY = ROOT / ".mutants"
PACKAGE = Path("src", "yandex_market_chats")
MODULES = ("_credentials", "_errors", "_limits", "_outcomes", "_retry", "_settings")
# They start no process and wait for nothing.
TESTS = "attempts chats credentials destinations errors limits network properties retry settings"
SETTINGS = {
    "source_paths": ["src"],
    "only_mutate": [f"{PACKAGE.as_posix()}/{name}.py" for name in MODULES],
    "also_copy": ["scripts", "openapi.yaml"],
    "pytest_add_cli_args": ["-n0", "-p", "no:randomly"],
    "pytest_add_cli_args_test_selection": [f"tests/test_{name}.py" for name in TESTS.split()],
}


def undecorated(source: str) -> str:
    """Rewrite decorators as assignments, because mutmut skips decorated functions."""
    lines = source.splitlines()
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef)]
    for node in sorted(functions, key=lambda node: -node.lineno):
        for decorator in node.decorator_list:
            if (decorated := ast.unparse(decorator)) != "classmethod":
                below = f"{' ' * node.col_offset}{node.name} = {decorated}({node.name})"
                lines.insert(node.end_lineno or 0, below)
                del lines[decorator.lineno - 1]
    return "\n".join(lines) + "\n"


def make_copy() -> None:
    """Copy what mutmut works on."""
    shutil.rmtree(COPY, ignore_errors=True)
    folders = {"overlays": "src", "generated": "src", "scripts": "scripts", "tests": "tests"}
    for folder, target in folders.items():
        shutil.copytree(ROOT / folder, COPY / target, dirs_exist_ok=True)
    for name in ("openapi.yaml", "pyproject.toml"):
        shutil.copy(ROOT / name, COPY)
    for path in (COPY / PACKAGE / f"{name}.py" for name in MODULES):
        path.write_text(undecorated(path.read_text(encoding="utf-8")), encoding="utf-8")
    settings = ["\n  ".join([f"{name} =", *values]) for name, values in SETTINGS.items()]
    (COPY / "setup.cfg").write_text("\n".join(["[mutmut]", *settings, ""]), encoding="utf-8")


def mutmut(*arguments: str) -> str:
    """Run mutmut in the copy and return its output; the output of `run` is only shown."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    environment = {**os.environ, "CI": "1"}  # hypothesis then tries the same examples in every run
    stdout = None if arguments == ("run",) else subprocess.PIPE
    ended = subprocess.run(command, cwd=COPY, env=environment, check=True, stdout=stdout, encoding="utf-8")
    return str(ended.stdout)


def fits(diff: str, pattern: str) -> bool:
    """Return whether the added code of a mutant, or else the removed, fits a pattern; `…` is anything."""
    new, old = (" ".join(re.findall(rf"(?m)^[{sign}] +(.*\w.*)", diff)) for sign in "+-")
    return re.fullmatch(".*".join(map(re.escape, pattern.split("…"))), new or old) is not None


def main() -> int:
    """Test the mutants; print the score, and the survivors that are not listed."""
    reasons = tomllib.loads((ROOT / "tests" / "mutants.toml").read_text(encoding="utf-8"))
    listed = {(module, pattern) for module, patterns in reasons.items() for pattern in patterns}
    make_copy()
    mutmut("run")
    ends = re.findall(r"(?m)^ *\w+\.(\w+)\.(\S+): (.+)$", mutmut("results", "--all", "true"))
    survivors = [(module, name) for module, name, end in ends if end not in {"killed", "timeout"}]
    used, unlisted = set[tuple[str, str]](), 0
    for module, name in survivors:
        diff = mutmut("show", f"{PACKAGE.name}.{module}.{name}")
        fitting = {entry for entry in listed if entry[0] == module and fits(diff, entry[1])}
        used |= fitting
        unlisted += not fitting
        print("" if fitting else diff, end="")
    killed, excused = len(ends) - len(survivors), len(survivors) - unlisted
    print(f"\n{killed} of {len(ends)} mutants were killed, {killed / len(ends):.1%}.")
    print(f"{excused} survivors are listed in tests/mutants.toml, {unlisted} are not.")
    for module, pattern in sorted(listed - used):
        print(f"No survivor of {module} fits this entry: {pattern}")
    return 1 if unlisted or listed - used else 0


if __name__ == "__main__":
    sys.exit(main())
