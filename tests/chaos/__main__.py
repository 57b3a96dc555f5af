"""``python -m chaos``: kill and pause everything under load, then count what was lost or doubled."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chaos import mutants
from chaos.forms import name_of, trial_of
from chaos.harm import plan as faults

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    """Exit code 0 when nothing is wrong; with --mutant when the checker caught it."""
    given = arguments()
    if given.mutants:
        return mutants.run_all(ROOT, given.seed)
    if given.mutant:
        return mutants.run_one(ROOT, given.mutant, given.seed)
    seed = given.seed if given.seed is not None else random.randrange(1, 10_000)
    folder = given.folder or ROOT / ".run" / f"chaos-{name_of(given)}"
    began = time.monotonic()
    verdict = trial_of(
        given, folder, seed, lambda text: print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)
    ).run()
    verdict["command"] = command_of(sys.argv[1:], seed)
    out = given.out or folder / "verdict.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(verdict, indent=1, ensure_ascii=False) + "\n", "utf-8")
    for line in verdict["findings"]:
        print(f"  {line}")
    events = verdict["events"]
    for process, held in verdict["held"].items():
        print(
            f"{process} held up to {held['partitions']} partitions, took the relay {held['relay']} times, "
            f"swept {held['swept']} rows"
        )
    kinds = (("killed", "kills"), ("paused", "pauses"), ("connections cut", "cuts"), ("restarted", "rolls"))
    for what, kind in kinds:
        print(f"{what} {sum(verdict[kind].values())} times: {verdict[kind]}")
    print(
        f"{events['distinct']} events: "
        + ", ".join(f"{events[kind]} {kind}" for kind in ("acked", "failed", "unknown"))
    )
    print("looked at: " + ", ".join(f"{what.replace('_', ' ')} {number}" for what, number in verdict["found"].items()))
    print(f"seed {seed}, {verdict['machine']['cores']} cores, {verdict['seconds']['all']} s in all")
    for what, figures in verdict["measured"].items():
        print(f"{what}: {json.dumps(figures)}")
    print(f"longest time in which nothing was taken: {verdict['longest_gap_s']}")
    for step, times in verdict["steps"].items():
        print(f"killed {times} times at: {step}")
    for what, times in {**verdict["network"], **verdict["others"]}.items():
        print(f"{times} times: {what}")
    if not verdict["settled"]:
        print(f"not settled: {verdict['still_open']}")
    if verdict["faults_missed"]:
        print(f"faults that found no process: {verdict['faults_missed']}")
    print(verdict["verdict"])
    print(f"{'passed' if verdict['passed'] else 'FAILED'} ({out})")
    return 0 if verdict["passed"] else 1


def command_of(asked: Sequence[str], seed: int) -> str:
    """The command that does the same again: what was asked for, with the seed, without where it was written."""
    chosen, left = list[str](), iter(asked)
    for each in left:
        option, _, value = each.partition("=")
        if option not in ("--out", "--folder", "--seed"):
            chosen.append(each)
        elif not value:
            next(left, None)
    short = "SHORT=1 " if "--short" in chosen else ""
    rest = [*(each for each in chosen if each != "--short"), "--seed", str(seed)]
    return f'make chaos {short}ARGS="{" ".join(rest)}"'


def arguments() -> argparse.Namespace:
    """What the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    parser.add_argument(
        "--short", action="store_true", help="for every change: 22 kills, 12 pauses, 5 cuts, all restarted; minutes"
    )
    parser.add_argument("--brief", action="store_true", help="for mutants: 8 kills, 8 pauses, 9 cuts")
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1, help="with 3 the leaders are killed")
    parser.add_argument("--leader-kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=0, metavar="N", help="kill N times at each named step (R4: 20)")
    parser.add_argument("--network", type=int, default=0, metavar="N", help="harm each link in each way N times (2)")
    parser.add_argument("--outage", type=int, default=0, metavar="S", help="the broker is down for S seconds (R7: 600)")
    parser.add_argument("--stops", type=int, default=0, metavar="N", help="end N processes by SIGTERM (R9: 100)")
    parser.add_argument("--full-disk", type=int, default=0, metavar="N", help="fill PostgreSQL's disk N times; as root")
    parser.add_argument("--poison", type=int, default=0, metavar="N", help="N rounds of unreadable records (R6)")
    parser.add_argument("--storms", type=int, default=0, metavar="N", help="each group is shared out anew N times (20)")
    parser.add_argument("--skew", type=int, default=0, metavar="H", help="processes with clocks wrong by H hours (2)")
    parser.add_argument("--customers", type=int, default=9_500, help="of the long form; some eleven events each")
    parser.add_argument("--seconds", type=float, default=2_700, help="of the long form's load")
    parser.add_argument("--kills", type=int, default=200, help="of the long form")
    parser.add_argument("--pauses", type=int, default=50, help="of the long form")
    parser.add_argument("--rolls", type=int, default=5, help="of the long form: all processes restarted, in turns")
    parser.add_argument("--cuts", type=int, default=50, help="of the long form: a service's database sessions are cut")
    parser.add_argument("--processes", type=int, default=faults.PROCESSES, help="of each service (2)")
    parser.add_argument("--seed", type=int, help="same seed: same events and same faults (absent: drawn, and printed)")
    parser.add_argument("--mutant", metavar="NAME", help="break the product by a patch; good is what is caught")
    parser.add_argument("--mutants", action="store_true", help="all patches, one after the other, and a table")
    parser.add_argument("--folder", type=Path, help="where the stack runs (default: .run/chaos-…)")
    parser.add_argument("--out", type=Path, help="where the verdict is written (default: in the folder)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
