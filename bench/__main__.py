"""Runs P1 to P11, P13 to P16, MAILS, BEHAVIOUR, COUPONS, REPORTS on own servers, beside limits and baselines."""

from __future__ import annotations

import argparse
import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from rich.console import Console

from bench import (
    behaviour,
    campaigning,
    everything,
    fitting,
    footprint,
    from_log,
    histories,
    imports,
    issuing,
    latency,
    lists,
    machine,
    mailing,
    over_http,
    pages,
    predicting,
    quoting,
    report,
    reporting,
    rescoring,
    segments,
    statements,
    verifying,
)
from bench.costs import profile
from bench.figures import Result
from bench.living import Living, living
from bench.servers import ROOT, Servers, make_topics, servers

QUICK = (
    from_log.Size(orders=3_000, customers=1_000, warm=500, baseline=300),
    over_http.Size(warm=500, batched=6_000, single=1_500),
    histories.Size((10, 100, 1_000, 4_000)),
    segments.Size(10_000),
    campaigning.Size(5_000),
    issuing.Size(30_000),
    mailing.Size(2_000, 1_000),
    rescoring.Size(2_000),
)
QUICK_WHOLE = (
    everything.Size(orders=2_500, warm=500),
    latency.Size(a_second=50.0, seconds=4.0, idle=6, before=()),
    behaviour.Size(orders_a_second=50.0, seconds=4.0),
    imports.Size(whole=False),
    quoting.Size(members=1_000, rates=(100.0,), seconds=5.0),
)
FULL = (
    from_log.Size(),
    over_http.Size(),
    histories.Size(),
    segments.Size(),
    campaigning.Size(),
    issuing.Size(),
    mailing.Size(),
    rescoring.Size(),
)
FULL_WHOLE = (everything.Size(), latency.Size(), behaviour.Size(), imports.Size(), quoting.Size())
OF_ONE_SERVICE = ("P6", "P1", "P2", "P7", "P8", "MAILS", "COUPONS", "P13", "P16", "REPORTS")
OF_THE_STACK = ("P11", "P3", "P4", "BEHAVIOUR", "P5", "P9", "P10", "P16")
PARTS = tuple(dict.fromkeys((*OF_ONE_SERVICE, *OF_THE_STACK)))
TOLD = {"P13": ("P13", "P15"), "P16": ()}
"""Which figures a part of one service tells, where not its own; those of P16 are told with its pages."""
CUSTOMERS = {True: 20_000, False: 1_000_000}
"""Of P6 and P16, where it is quick, and where it is not."""


async def measure(parts: list[str], seed: int, quick: bool, console: Console) -> Result:
    """Run the parts one after the other, so that none disturbs another."""
    result = Result(machine.describe(), seed)
    began = time.monotonic()
    if set(parts) & set(OF_ONE_SERVICE):
        await _measure_services(parts, result, quick, console)
    if set(parts) & set(OF_THE_STACK):
        await _measure_stack(parts, result, quick, console)
    result.seconds = time.monotonic() - began
    return result


async def _measure_services(parts: list[str], result: Result, quick: bool, console: Console) -> None:
    """What is measured of one service at a time, on servers that all of them use in turn."""
    log, http, long, groups, wide, many, mails, scored = QUICK if quick else FULL
    customers = CUSTOMERS[quick]
    work: dict[str, tuple[str, Callable[[Servers], Awaitable[None]]]] = {
        "P6": ("a shop's scores, fits and lifetime values", lambda ours: _score(ours, result, customers, scored)),
        "P1": ("from Kafka to committed effects", lambda ours: from_log.measure(ours, result, result.seed, log)),
        "P2": ("over HTTP", lambda ours: over_http.measure(ours, result, result.seed, http)),
        "P7": ("a segment over many customers", lambda ours: segments.measure(ours, result, groups)),
        "P8": ("a campaign to many customers", lambda ours: campaigning.measure(ours, result, wide)),
        "MAILS": ("a queue of mails handed off", lambda ours: mailing.measure(ours, result, mails)),
        "COUPONS": ("a coupon to each of many customers", lambda ours: issuing.measure(ours, result, many)),
        "P13": ("customers with long histories, P15 with them", lambda ours: histories.measure(ours, result, long)),
        "P16": ("lists over many customers", lambda ours: lists.measure(ours, result, customers)),
        "REPORTS": ("reports of a large shop", lambda ours: reporting.measure(ours, result, customers)),
    }
    with servers() as ours:
        await make_topics(ours.kafka)
        for part in OF_ONE_SERVICE:
            if part in parts:
                what, measured = work[part]
                console.print(f"{part}: {what}", style="dim")
                await measured(ours)
                for number in TOLD.get(part, (part,)):
                    report.tell(result, number, console)


async def _score(ours: Servers, result: Result, customers: int, scored: rescoring.Size) -> None:
    """P6, without what P7 says of it on its way."""
    predicting.measure(result, result.seed, customers)
    fitting.measure(result)
    await rescoring.measure(ours, result, scored)


async def _measure_stack(parts: list[str], result: Result, quick: bool, console: Console) -> None:
    """What is measured of all services together, on one stack."""
    whole, waiting, seen, files, quotes = QUICK_WHOLE if quick else FULL_WHOLE
    work: dict[str, tuple[str, Callable[[Living], Awaitable[None]]]] = {
        "P11": (
            "a stack that starts and rests",
            lambda stack: footprint.measure(stack, result, 5.0 if quick else 15.0),
        ),
        "P3": ("everything", lambda stack: everything.measure(stack, result, result.seed, whole)),
        "P4": ("from an order to its notice", lambda stack: latency.measure(stack, result, waiting)),
        "BEHAVIOUR": ("from a view to its count", lambda stack: behaviour.measure(stack, result, seen)),
        "P5": ("imports", lambda stack: imports.measure(stack, result, files)),
        "P16": ("the console's pages", lambda stack: pages.measure(stack, result)),
        "P9": ("the checkout's question", lambda stack: quoting.measure(stack, result, quotes)),
        "P10": ("verify", lambda stack: verifying.measure(stack, result)),
    }
    async with living() as stack:
        for part in OF_THE_STACK:
            if part in parts:
                what, measured = work[part]
                console.print(f"{part}: {what}", style="dim")
                await measured(stack)
                report.tell(result, part, console)


def main() -> None:
    """Measure, print, and replace docs/bench.md where everything was measured."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="some three minutes instead of half an hour; smaller, so less exact"
    )
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part alone; may be repeated")
    parser.add_argument("--seed", type=int, default=20, help="of the orders (default: %(default)s)")
    parser.add_argument("--profile", choices=from_log.SERVICES, help="say where this service's time goes in P1 instead")
    parser.add_argument(
        "--statements", type=int, metavar="LINES", help="say where PostgreSQL's time goes in an import of LINES instead"
    )
    parser.add_argument("--out", type=Path, help="write the document here (default: docs/bench.md, when full)")
    given = parser.parse_args()
    # A topic made a moment ago changes its leader once; the producer tries again, and says so for every batch.
    logging.getLogger("aiokafka").setLevel(logging.ERROR)
    console = Console(width=None if Console().is_terminal else 160)
    if given.profile:
        asyncio.run(profile(given.profile, given.seed, QUICK[0] if given.quick else FULL[0], console))
        return
    if given.statements:
        asyncio.run(statements.measure(given.statements, console))
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
