"""Runs P1, P2 and P3, each beside its limit, on servers of its own."""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from pathlib import Path

from rich.console import Console

from bench import everything, from_log, machine, over_http, report
from bench.costs import profile
from bench.figures import Result
from bench.servers import ROOT, make_topics, servers

QUICK = (
    from_log.Size(orders=3_000, customers=1_000, warm=500, baseline=300),
    over_http.Size(warm=500, batched=6_000, single=1_500),
    everything.Size(orders=2_500, warm=500),
)
FULL = (from_log.Size(), over_http.Size(), everything.Size())
PARTS = ("P1", "P2", "P3")


async def measure(parts: list[str], seed: int, quick: bool, console: Console) -> Result:
    """Run the parts one after the other, so that none disturbs another."""
    log, http, whole = QUICK if quick else FULL
    result = Result(machine.describe(), seed)
    began = time.monotonic()
    if "P1" in parts or "P2" in parts:
        with servers() as ours:
            await make_topics(ours.kafka)
            if "P1" in parts:
                console.print("P1: from Kafka to committed effects", style="dim")
                await from_log.measure(ours, result, seed, log)
                report.tell(result, "P1", console)
            if "P2" in parts:
                console.print("P2: over HTTP", style="dim")
                await over_http.measure(ours, result, seed, http)
                report.tell(result, "P2", console)
    if "P3" in parts:
        console.print("P3: everything", style="dim")
        await everything.measure(result, seed, whole)
    result.seconds = time.monotonic() - began
    return result


def main() -> None:
    """Measure, print, and replace docs/bench.md where everything was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a minute instead of four; smaller, so less exact")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; may be repeated")
    parser.add_argument("--seed", type=int, default=20, help="of the orders (default: %(default)s)")
    parser.add_argument("--profile", choices=from_log.SERVICES, help="say where this service's time goes in P1 instead")
    parser.add_argument("--out", type=Path, help="write the document here (default: docs/bench.md, when full)")
    given = parser.parse_args()
    # A topic made a moment ago changes its leader once; the producer tries again, and says so for every batch.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    console = Console(width=None if Console().is_terminal else 160)
    if given.profile:
        asyncio.run(profile(given.profile, given.seed, QUICK[0] if given.quick else FULL[0], console))
        return
    parts = given.only or list(PARTS)
    result = asyncio.run(measure(parts, given.seed, given.quick, console))
    report.show(result, console)
    full = not given.quick and parts == list(PARTS)
    out = given.out or (ROOT / "docs" / "bench.md" if full else None)
    if out is not None:
        report.write(result, out, "make bench" + (" ARGS=--quick" if given.quick else ""))


if __name__ == "__main__":
    main()
