"""`python -m regulars.docs.runs NAME [VARIABLE=value …]`: do what is only done on request, and keep what it said.

The result (exit code, date, commit, machine, load, the lines that matter) goes into docs/runs/NAME.json, from which
`make docs` makes docs/reliability.md. A run counts as passed where its command ended with 0 and said so: of pytest,
that a test passed and none was skipped.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from regulars.docs.circumstances import circumstances

ROOT = Path(__file__).parents[5]
FOLDER = Path("docs") / "runs"
_SUMMARY = re.compile(r"^=* ?(\d+ (?:passed|failed|skipped|error).*?) ?=*$")
_KEPT_LINES = 40


@dataclass(frozen=True, slots=True)
class Run:
    """A command by hand: `number` and `target` as the list of targets has them, `tests` and options for pytest or
    another `program` of ours; `keeps` the lines of its output that are its result."""

    number: str
    target: str
    tests: str = ""
    program: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    asks_for: tuple[str, ...] = ()
    keeps: str = r"(?!)"

    def argv(self) -> list[str]:
        """Without the environment."""
        if self.program:
            return [sys.executable, "-m", *shlex.split(self.program)]
        return [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:xdist", *shlex.split(self.tests)]

    def shown(self, given: Mapping[str, str]) -> str:
        """As a person types it."""
        variables = "".join(f"{name}={value} " for name, value in {**self.environment, **given}.items())
        if self.program:
            return f"{variables}.venv/bin/python -m {self.program}"
        return f"{variables}make test ARGS={shlex.quote(self.tests)}"


RUNS: Mapping[str, Run] = {
    "any-order": Run(
        "L1",
        "≥ 10,000 permutations of a customer's inputs: identical balances, lots, tiers, facts",
        tests="services/membership/tests/test_order_independence.py -k any_order_and_repetition",
        environment={"HYPOTHESIS_PROFILE": "nightly"},
    ),
    "doubt-races-caps": Run(
        "M1, M2, M3",
        "1,000 lost replies: 0 duplicates; 10,000 races of opt-out and send: 0 hand-offs after the answer; "
        "200 customers × 50 candidates × 2 processes: exactly the cap",
        tests='services/messaging -k "lost_replies or opt_out_was_answered or exactly_the_cap"',
        environment={"SCALE": "full"},
    ),
    "exactly-what-fits": Run(
        "L4",
        "1,000 concurrent redemptions of one balance, uses of a quota, of a coupon, of an offer's stock and budget: "
        "exactly what fits",
        tests="services/membership/tests/api "
        '-k "concurrent_redemptions or exactly_the_quota or exactly_what_fits or one_coupon_one_wins"',
        environment={"SCALE": "full"},
    ),
    "fuzzing": Run(
        "S2",
        "every route fuzzed: 0 server errors, 0 answers that the document does not know",
        tests="tests/doors/test_fuzzed.py",
        environment={"FUZZ_EXAMPLES": "20"},
        keeps=r"^(positive|negative) \S+: \d+ operations",
    ),
    "canary": Run(
        "S3",
        "an erased person: 0 plaintext hits in databases, topics, logs, new backups; totals unchanged",
        tests="libs/regulars/tests/backups/test_canary.py",
        keeps=r"^looked through",
    ),
    "upgrade": Run(
        "V6",
        "processes of two commits side by side under load, the older ones leaving: nothing lost, nothing twice",
        tests="tests/upgrade",
        asks_for=("UPGRADE_FROM",),
        keeps=r"orders by processes of two commits",
    ),
    "backup": Run(
        "operations",
        "backed up under load, all destroyed, restored: what was answered before is there, all agrees; the loss stated",
        tests="libs/regulars/tests/backups/test_backup.py -k under_load",
        keeps=r"orders (before the backup|after the restore)",
    ),
    "backup-point-in-time": Run(
        "operations",
        "backed up continuously under load, all destroyed, set back to an instant: what was answered by then is there, "
        "what came later in no service, no mail of before it sent again; erasures done again; the loss stated",
        tests="libs/regulars/tests/backups/test_to_an_instant.py",
        keeps=r"orders (before the base backup|after the restore)|^restored in|^0 mails since|done again",
    ),
    "runbooks": Run(
        "O5",
        "what an alert is about is brought about, it fires, what its runbook says mends it",
        tests="tests/runbooks",
        environment={"RUNBOOKS": "walk"},
    ),
    "rebuild": Run(
        "R5a",
        "each of the five services rebuilt beside the live one: identical; nothing sent twice or numbered back",
        tests="tests/rebuild",
    ),
    "soak": Run(
        "O4",
        "2,000,000 events, two processes of each service: memory, connections and room an event flat",
        program="bench.soak --customers 56000 --events 2000000",
        keeps=r" limit (?!inf)| events in |^all read",
    ),
    "night": Run(
        "O4, a shop's day",
        "a day of a shop, its busy and its quiet hours, at 100 times its speed: told and read in time, none dead",
        program="bench.soak --customers 30000 --days 1 --speed 100",
        keeps=r" limit (?!inf)| events in |^all read",
    ),
    "soak-short": Run(
        "O4, in short",
        "the same with some 20,000 events: all read, none dead, no process holds 200 MB; nothing about slopes",
        program="bench.soak --customers 300 --every 5",
        keeps=r"^most memory| events in |^all read",
    ),
}


def result(run: Run, output: str, code: int) -> tuple[bool, list[str]]:
    """Whether it passed, and the lines that say how."""
    lines = [line.strip() for line in output.splitlines()]
    kept = [line for line in lines if re.search(run.keeps, line)][-_KEPT_LINES:]
    if run.program:
        return code == 0 and bool(kept), kept
    summary = next((found[1] for line in reversed(lines) if (found := _SUMMARY.match(line))), "no summary")
    return code == 0 and " passed" in summary and "skipped" not in summary, [*kept, summary]


def main(arguments: list[str], root: Path = ROOT) -> int:
    """Exit code 0 where it passed, 2 where it was asked for wrongly."""
    name, given = arguments[0] if arguments else "", dict(each.partition("=")[::2] for each in arguments[1:])
    run = RUNS.get(name)
    if run is None or set(given) != set(run.asks_for):
        print(f"{__doc__}\nThere are:", file=sys.stderr)
        for each, one in RUNS.items():
            print(f"  {' '.join([each, *(f'{v}=…' for v in one.asks_for)]):<40} {one.target}", file=sys.stderr)
        return 2
    load, began = os.getloadavg()[0], time.monotonic()
    environment = os.environ | run.environment | given
    with subprocess.Popen(
        run.argv(), cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        output = []
        for line in process.stdout:
            print(line, end="", flush=True)
            output.append(line)
    passed, said = result(run, "".join(output), process.returncode)
    found: dict[str, Any] = {
        "passed": passed,
        "said": said,
        "command": run.shown(given),
        "seconds": round(time.monotonic() - began),
        **circumstances(root, load),
    }
    file = root / FOLDER / f"{name}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    print(f"{'passed' if passed else 'FAILED'} ({file})")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
