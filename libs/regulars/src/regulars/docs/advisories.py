"""`make audit`: asks the advisories about every pinned package, and writes docs/audit.md with the date (SEC-002).

Exits 1 where they could not be asked, or where one stands in no triage table of docs/security.md. With `--if-reached`,
as CI runs it, being out of their reach is said and is no failure.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[5]
PINNED = "deploy/constraints.txt"
_COMMAND = (
    *("tool", "run", "pip-audit==2.10.1", "--strict", "--no-deps", "--disable-pip", "--progress-spinner", "off"),
    *("--format", "json", "--requirement", PINNED),
)
"""Without `--strict` it calls a package that it could not ask about free of vulnerabilities."""
LONGEST_S = 300
IF_REACHED = "--if-reached"


class Finding(NamedTuple):
    """An advisory about a pinned package."""

    package: str
    version: str
    advisory: str
    also: tuple[str, ...]
    mended_in: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        return {self.advisory, *self.also}


class NotAsked(Exception):
    """The advisories could not be asked; says why."""


def findings_of(answer: str) -> tuple[int, list[Finding]]:
    """How many packages pip-audit asked about, and what it found. Raises NotAsked where it left one out."""
    dependencies: list[dict[str, Any]] = json.loads(answer)["dependencies"]
    left_out = [each["name"] for each in dependencies if "skip_reason" in each]
    if left_out or not dependencies:
        raise NotAsked(f"nobody was asked about {', '.join(left_out) or 'any package'}")
    found = [
        Finding(each["name"], each["version"], v["id"], tuple(v.get("aliases", ())), tuple(v.get("fix_versions", ())))
        for each in dependencies
        for v in each["vulns"]
    ]
    return len(dependencies), sorted(found)


def triaged(page: str) -> set[str]:
    """The advisories that the triage table of docs/security.md names."""
    return set(re.findall(r"\b(?:CVE-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3}|PYSEC-\d{4}-\d+)\b", page))


def document(asked: int, found: list[Finding], known: set[str], at: datetime) -> str:
    """docs/audit.md."""
    lines = [
        "# Advisories about the pinned packages",
        "",
        f"Written by `make audit` on {at:%Y-%m-%d %H:%M} UTC with pip-audit, which asked about each of the {asked}",
        f'packages of [constraints.txt](../{PINNED}). What was judged stands in [security.md](security.md), "Triage".',
        "",
    ]
    if not found:
        return "\n".join([*lines, "None.", ""])
    lines += ["| package | version | advisory | mended in | judged |", "| --- | --- | --- | --- | --- |"]
    for each in found:
        names = ", ".join([each.advisory, *each.also])
        judged = "yes" if each.names & known else "**no**"
        mended = ", ".join(each.mended_in) or "none yet"
        lines.append(f"| {each.package} | {each.version} | {names} | {mended} | {judged} |")
    return "\n".join([*lines, ""])


def ask(root: Path) -> tuple[int, list[Finding]]:
    """What the advisories say of the pinned packages. Raises NotAsked."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or "uv"
    try:
        ended = subprocess.run(
            [uv, *_COMMAND], cwd=root, capture_output=True, text=True, check=False, timeout=LONGEST_S
        )
    except subprocess.TimeoutExpired:
        raise NotAsked(f"no answer within {LONGEST_S} seconds") from None
    try:
        return findings_of(ended.stdout)
    except ValueError:
        said = [line for line in ended.stderr.splitlines() if line.startswith(("ERROR", "error"))]
        raise NotAsked((said or ended.stderr.splitlines() or ["pip-audit said nothing"])[-1]) from None


def main(root: Path = ROOT, given: Sequence[str] = ()) -> int:
    try:
        asked, found = ask(root)
    except NotAsked as error:
        print(f"The advisories could not be asked, so docs/audit.md is left as it is: {error}", file=sys.stderr)
        return 0 if IF_REACHED in given else 1
    known = triaged((root / "docs/security.md").read_text("utf-8"))
    (root / "docs/audit.md").write_text(document(asked, found, known, datetime.now(UTC)), "utf-8")
    new = [each for each in found if not each.names & known]
    for each in new:
        print(f"{each.package} {each.version}: judge {each.advisory} in docs/security.md, or raise the pin")
    print(f"{asked} packages, {len(found)} advisories, {len(new)} of them not judged: docs/audit.md")
    return 1 if new else 0


if __name__ == "__main__":
    sys.exit(main(given=sys.argv[1:]))
