"""Report what the changes to openapi.yaml since a git revision mean for users: `spec_diff.py main`.

An empty revision means the last release. Redocly judges the wire and api_diff.py the generated client. A
change that breaks either is breaking, and fails without its version step in openapi.yaml and in the package.
--markdown formats the report for a pull request.
"""

import argparse
import functools
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import griffe
import yaml  # type: ignore[import-untyped]
from packaging.version import Version

import api_diff
import node_tools
import regenerate
from versions import CONTRACT, PACKAGE, ROOT, after, last_release, short_of, stated, valid

MEANING = {
    "none": "Nothing changes.",
    "patch": "Not breaking: requests and answers keep their shape.",
    "minor": "Not breaking: something is added.",
    "major": "Breaking: a program written against the old contract may fail.",
}


def at_fork(revision: str, root: Path) -> bytes:
    """Return the contract as it was where the work in `root` branched off from `revision`."""

    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=root, check=True, stdout=subprocess.PIPE).stdout

    # Later commits of the other branch are not changes of this one.
    fork = git("merge-base", revision, "HEAD").decode().strip()
    return git("show", f"{fork}:{CONTRACT}")


def without_aliases(contract: bytes) -> bytes:
    """Return the contract, as JSON if it has YAML aliases: Redocly visits an aliased node only once."""
    if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(contract)):
        return json.dumps(yaml.safe_load(contract), default=str).encode()
    return contract  # unchanged, because the report quotes its line numbers


def compare(base: bytes, revision: bytes, formats: list[str]) -> list[str]:
    """Return Redocly's comparison of two contracts in each of the formats."""
    # The report quotes the paths that Redocly receives, so they are short and the same everywhere.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "base").mkdir()
        Path(folder, "base", CONTRACT).write_bytes(without_aliases(base))
        Path(folder, CONTRACT).write_bytes(without_aliases(revision))
        command = [
            *node_tools.command("redocly"),
            *("diff", f"base/{CONTRACT}", CONTRACT),
            *("--config", str(ROOT / "scripts" / "node" / "redocly.yaml"), "--fail-on", "none"),
        ]
        runs = [
            subprocess.run(
                [*command, "--format", name],
                cwd=folder,
                env=node_tools.ENVIRONMENT,
                capture_output=True,
                encoding="utf-8",
                check=False,
            )
            for name in formats
        ]
    if any(run.returncode for run in runs):
        sys.exit(runs[0].stderr)
    return [run.stdout.strip() for run in runs]


def drops_security(change: dict[str, Any]) -> bool:
    """Return whether the change removes a credential, which Redocly considers harmless to old requests."""
    one_more_is_accepted = change["typeName"] == "SecurityRequirement" and change["kind"] == "added"
    return change["typeName"].startswith("SecurityRequirement") and not one_more_is_accepted


@functools.cache  # the two contracts may be equal
def client(contract: bytes) -> api_diff.Thing:
    """Return the names and signatures of the client that is generated from a contract."""
    with tempfile.TemporaryDirectory() as folder:
        source, name = Path(folder, CONTRACT), regenerate.COMMITTED.name
        source.write_bytes(contract)
        regenerate.generate(Path(folder, name), source)
        return griffe.load(name, search_paths=[folder])


def broken_names(base: bytes, revision: bytes) -> list[str]:
    """Return a line for each break that users of the generated client would notice."""
    try:
        return api_diff.breaks(client(base), client(revision))
    except subprocess.CalledProcessError:
        return ["- No client can be generated from one of the two contracts: that counts as breaking."]


def review(base: bytes, root: Path, style: str) -> tuple[str, bool]:
    """Return the report on the changes since `base`, and whether the version step suffices."""
    revision = (root / CONTRACT).read_bytes()
    report, details = compare(base, revision, [style, "json"])
    result = json.loads(details)
    lines = broken_names(base, revision)
    if any(map(drops_security, result["changes"])):
        lines.append("- Other credentials than before are required: that counts as breaking.")
    bump = result.get("bump", "none")
    step = "major" if lines else bump
    old = valid(str(result["infoVersions"].get("base")), f"The old {CONTRACT}")
    needed = after(old, step)
    versions = {path: stated(path, root) for path in (CONTRACT, PACKAGE)}
    behind = [path for path, version in versions.items() if short_of(version, needed)]
    lowered = any(Version(version) < Version(old) for version in versions.values())
    if step != "none" or lowered:
        lines.append(f"- It requires version {needed} or later.")
    lines += [f"- {path} says {versions[path]}." for path in behind]
    if lowered:
        lines.append("- A version may not be lower than before.")
    verdict = f"**{MEANING[step]}**" if style == "markdown" else MEANING[step]
    # Redocly does not know what else breaks, nor that below 1.0 a break is a minor step.
    report = report.replace(f" · requires a **{bump}** bump", "")
    passes = not (lowered or (behind and step == "major"))
    return "\n\n".join(filter(None, [verdict, "\n".join(lines), report])), passes


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print the report; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("base", help="the git revision to compare with; if empty, the last release")
    parser.add_argument("--markdown", dest="style", action="store_const", const="markdown", default="stylish")
    options = parser.parse_args(arguments)
    revision = options.base or last_release(root)
    if revision is None:
        print("There is no release yet: nothing to compare with.")
        return 0
    try:
        base = at_fork(revision, root)
    except subprocess.CalledProcessError:
        parser.error(f"git finds no {CONTRACT} at {revision}")
    try:
        report, passes = review(base, root, options.style)
    except yaml.YAMLError as error:
        sys.exit(f"{CONTRACT} is not valid YAML: {error}")
    print(report)
    return 0 if passes else 1


if __name__ == "__main__":
    raise SystemExit(main())
