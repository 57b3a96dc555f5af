"""`python -m regulars.docs [check]`: write the documents that describe the code, or say which are stale."""

from __future__ import annotations

import sys
from pathlib import Path

from common.contract import documents as contract
from regulars.docs import settings
from regulars.docs.citations import load
from regulars.docs.claims import claims_page
from regulars.docs.coverage import coverage, requirements
from regulars.docs.flows import flows, subscriptions
from regulars.docs.metrics import document, metrics
from regulars.docs.reliability import reliability
from regulars.docs.scale import page

ROOT = Path(__file__).parents[5]
USAGE = """usage: python -m regulars.docs [check]

Writes docs/flows.md, docs/metrics.md, docs/settings.md, docs/scale.md, docs/claims.md, docs/reliability.md,
docs/coverage.md, docs/asyncapi.json and libs/common/schemas; `check` writes nothing and exits 1 when one is stale.
docs/coverage.md needs a run of all tests before it (make test): else it is left as it is, and the exit status is 1."""
NOT_WHOLE = (
    "docs/coverage.md was not looked at: it is made from what all tests cite, and here none or some have run;"
    " run all of them with `make test`, then `make docs`"
)


def wanted(root: Path) -> dict[Path, str]:
    """Path -> content of the documents made here. Coverage only where all tests have run."""
    made = {
        root / "docs" / "flows.md": flows(subscriptions()),
        root / "docs" / "metrics.md": document(metrics()),
        root / "docs" / "settings.md": settings.document(settings.groups()),
        root / "docs" / "claims.md": claims_page(root),
        root / "docs" / "reliability.md": reliability(root),
        root / "docs" / "scale.md": page((root / "docs" / "bench.md").read_text("utf-8")),
    }
    notes, whole = load(root)
    if whole:
        made[root / "docs" / "coverage.md"] = coverage(notes, requirements(root))
    return made


def main(arguments: list[str], root: Path = ROOT) -> int:
    if arguments not in ([], ["check"]):
        print(USAGE, file=sys.stderr)
        return 2
    if arguments == ["check"]:
        problems = [
            f"{path.relative_to(root)} is {'stale' if path.exists() else 'missing'}: run `make docs`"
            for path, text in wanted(root).items()
            if not path.exists() or path.read_text("utf-8") != text
        ]
        problems += contract.stale()
    else:
        problems = contract.export()
        for path, text in wanted(root).items():
            path.write_text(text, "utf-8")
    if not load(root)[1]:
        problems.append(NOT_WHOLE)
    for line in problems:
        print(line, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
