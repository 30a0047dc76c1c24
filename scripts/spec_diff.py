"""Tell what the change of openapi.yaml since a git revision means for users: `spec_diff.py main`.

An empty revision is the last release. Redocly's differ judges what the change means for the wire, and
api_diff.py what it means for the generated client: when it breaks one of them it is breaking. Without its
version step, in openapi.yaml and in the package, that is a failure. With --markdown the same is written
for a pull request.
"""

import argparse
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import griffe
from packaging.version import Version

import api_diff
import node_tools
import regenerate
from versions import CONTRACT, PACKAGE, ROOT, after, last_release, short_of, stated, valid

MEANING = {
    "none": "Nothing changes.",
    "patch": "Not breaking: the shape of requests and answers stays.",
    "minor": "Not breaking: something is added.",
    "major": "Breaking: a program written against the old contract may fail.",
}


def at_fork(revision: str, root: Path) -> bytes:
    """Return the contract as it was where the work in `root` left `revision`."""

    def git(*arguments: str) -> bytes:
        return subprocess.run(["git", *arguments], cwd=root, check=True, stdout=subprocess.PIPE).stdout

    # What the other branch has gained meanwhile is no change of this one.
    fork = git("merge-base", revision, "HEAD").decode().strip()
    return git("show", f"{fork}:{CONTRACT}")


def compare(base: bytes, revision: Path, formats: list[str]) -> list[str]:
    """Let Redocly compare two contracts; return its report in each of the formats."""
    # The report quotes the paths that Redocly is given, so they are short and the same everywhere.
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "base").mkdir()
        Path(folder, "base", CONTRACT).write_bytes(base)
        shutil.copy(revision, Path(folder, CONTRACT))
        command = [
            *node_tools.command("redocly"),
            *("diff", f"base/{CONTRACT}", CONTRACT),
            *("--config", str(ROOT / "redocly.yaml"), "--fail-on", "none"),
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
    """Tell whether the change takes a credential away, which Redocly finds harmless to old requests."""
    one_more_is_accepted = change["typeName"] == "SecurityRequirement" and change["kind"] == "added"
    return change["typeName"].startswith("SecurityRequirement") and not one_more_is_accepted


@functools.cache
def client(contract: bytes) -> api_diff.Thing:
    """Return the names and signatures of the client that the generator makes of a contract."""
    with tempfile.TemporaryDirectory() as folder:
        source, name = Path(folder, CONTRACT), regenerate.COMMITTED.name
        source.write_bytes(contract)
        regenerate.generate(Path(folder, name), source)
        return griffe.load(name, search_paths=[folder])


def broken_names(base: bytes, revision: bytes) -> list[str]:
    """Return what users of the generated client lose, a line for each."""
    try:
        return api_diff.breaks(client(base), client(revision))
    except subprocess.CalledProcessError:
        return ["- The generator makes no client of one of the two: that counts as breaking."]


def review(base: bytes, root: Path, style: str) -> tuple[str, bool]:
    """Return the words about the change since `base`, and whether the version step it needs is made."""
    report, details = compare(base, root / CONTRACT, [style, "json"])
    result = json.loads(details)
    dropped = any(map(drops_security, result["changes"]))
    broken = broken_names(base, (root / CONTRACT).read_bytes())
    step = "major" if dropped or broken else result.get("bump", "none")
    old = valid(str(result["infoVersions"].get("base")), f"The old {CONTRACT}")
    needed = after(old, step)
    versions = {path: stated(path, root) for path in (CONTRACT, PACKAGE)}
    behind = [path for path, version in versions.items() if short_of(version, needed)]
    lowered = any(Version(version) < Version(old) for version in versions.values())
    lines = ["- Other credentials than before are asked for: that counts as breaking."] * dropped
    lines += broken
    lines += [f"- It asks for version {needed} or later."] * (step != "none" or lowered)
    lines += [f"- {path} says {versions[path]}." for path in behind]
    lines += ["- A version may not be lower than before."] * lowered
    verdict = f"**{MEANING[step]}**" if style == "markdown" else MEANING[step]
    # Redocly knows neither what else breaks nor that below 1.0 a break is a minor step.
    report = report.replace(f" · requires a **{result.get('bump')}** bump", "")
    return "\n\n".join(filter(None, [verdict, "\n".join(lines), report])), not (
        lowered or (behind and step == "major")
    )


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Print the review; return the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("base", help="the git revision to compare with; when it is empty, the last release")
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
    words, passes = review(base, root, options.style)
    print(words)
    return 0 if passes else 1


if __name__ == "__main__":
    raise SystemExit(main())
