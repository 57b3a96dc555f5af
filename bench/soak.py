"""A long load on two processes of each service: memory, connections, table sizes, and how they grow with the events.

`python -m bench.soak --customers 56000 --events 2000000` (some 36 events a customer a year; an hour and more on two
cores) starts a stack of its own, tells it a simulated shop's stream as fast as it is taken, and looks at every process
and table meanwhile. It prints each slope with its limit and exits with 1 where one lies above it, or where something is
dead or not read at the end; `make bench` does not run it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from math import inf
from pathlib import Path
from statistics import linear_regression

import asyncpg

from bench import machine
from bench.living import Living, living
from regulars.simulation.catalogue import Catalogue
from regulars.simulation.plan import Plan
from regulars.simulation.stream import simulated
from regulars.simulation.telling import Telling
from regulars.stack.databases import dsn

END = datetime(2026, 6, 1, tzinfo=UTC)
EACH = 100_000
"""Events that a slope is told for."""
MOST_MB, MOST_RATIO, MOST_CONNECTIONS, MOST_HELD_MB = 5.0, 1.1, 0, 200.0
"""A process of ours may grow by so many MB for each 100,000 events of the second half; an event of it may take so many
times the room of one of the first half; so many more connections than before may be open in it; and a process may hold
so many MB at any time (P3)."""
LATE_S = 10.0
"""By the shop's clock nothing is told later than this, and all is read so long after the last."""
SERVERS = ("postgres", "kafka-1")
"""Whose memory is shown and not judged: caches grow until they are full."""
ENOUGH = 2 * EACH
"""Fewer events are over while pools and caches still fill: growth is shown then, and not judged."""
LEAST_LOOKS = 3
"""In each half, for a slope."""
GONE = "outbox%"
"""Tables that retention empties by the day: they grow for OUTBOX_DAYS, longer than this takes."""
# Others' alone: no worker of PostgreSQL's own, and not this one.
_CONNECTIONS = """
select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
"""
_SIZES = "select sum(pg_total_relation_size(oid)) from pg_class where relkind in ('r', 'p') and relname not like $1"


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen when so many events had been told; `tables`: bytes by database, indexes with them."""

    told: int
    at_s: float
    memory: Mapping[str, float]
    connections: int
    tables: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Slope:
    """A figure beside its limit."""

    what: str
    value: float
    unit: str
    most: float

    @property
    def kept(self) -> bool:
        return self.value <= self.most

    def __str__(self) -> str:
        above = "" if self.kept else "ABOVE IT"
        return f"{self.what:<48} {self.value:>10.2f} {self.unit:<24} limit {self.most:g}  {above}"


def slopes(samples: Sequence[Sample], *, alike: bool = True) -> list[Slope]:
    """How everything grew: memory and connections in the second half, room an event against the first half's.

    Below ENOUGH events growth has no limit, nor where the halves are not `alike`, as of a day by the shop's clock,
    which begins with profiles and visits and ends with few orders and what follows them. What a process holds has its
    own limit always. Raises ValueError where there are too few looks for a slope.
    """
    half = samples[-1].told / 2
    early = [sample for sample in samples if sample.told <= half]
    late = [sample for sample in samples if sample.told >= half]
    if min(len(early), len(late)) < LEAST_LOOKS:
        raise ValueError(
            f"{len(early)} and {len(late)} looks in the halves are too few: more customers, or look oftener"
        )
    judged = alike and samples[-1].told >= ENOUGH
    found = [
        Slope(
            f"memory of {name}",
            _growth(late, [sample.memory[name] for sample in late]) * EACH,
            "MB / 100,000 events",
            MOST_MB if judged and name not in SERVERS else inf,
        )
        for name in sorted(samples[0].memory)
    ]
    held = {name: max(s.memory[name] for s in samples) for name in samples[0].memory if name not in SERVERS}
    most = max(held, key=lambda name: held[name])
    found.append(Slope(f"most memory of a process ({most})", held[most], "MB", MOST_HELD_MB))
    more = max(sample.connections for sample in late) - max(sample.connections for sample in early)
    found.append(Slope("connections to PostgreSQL", more, "more than before", MOST_CONNECTIONS if judged else inf))
    for name in sorted(samples[0].tables):
        before, after = (_growth(part, [s.tables[name] for s in part]) for part in (early, late))
        ratio = _ratio(before, after)
        found.append(Slope(f"room of an event in {name}", ratio, "x before", MOST_RATIO if judged else inf))
    return found


def _ratio(before: float, after: float) -> float:
    """Bytes an event of the second half to those of the first; what grows in the second alone is beyond any limit."""
    if after <= 0:
        return 0.0
    return after / before if before > 0 else inf


def _growth(samples: Sequence[Sample], values: Iterable[float]) -> float:
    return linear_regression([sample.told for sample in samples], list(values)).slope


async def look(stack: Living, databases: Mapping[str, str], told: int, at_s: float) -> Sample:
    """A sample of now."""
    tables, connections = dict[str, int](), 0
    for name, url in databases.items():
        connection = await asyncpg.connect(url)
        try:
            tables[name] = int(await connection.fetchval(_SIZES, GONE))
            connections = int(await connection.fetchval(_CONNECTIONS))
        finally:
            await connection.close()
    return Sample(told, at_s, stack.memory(), connections, tables)


async def soak(
    plan: Plan, most: int | None, rate: float, speed: float, every_s: float
) -> tuple[list[Sample], list[Slope]]:
    """Tell all of it, and see the stack meanwhile; the last sample is of when all has caught up.

    Of a shop's clock also how late anything was told, and how long all took to be read afterwards.
    """
    samples: list[Sample] = []
    async with living(processes=2) as stack:
        await stack.set_up(plan.shop, plan.kind.zone, plan.kind.currency)
        databases = {name: dsn(each["DATABASE_URL"]) for name, each in stack.state.services.items()}
        telling, catalogue = Telling(stack.services.call, plan.shop, rate, speed, plan.start), Catalogue(plan)
        began = time.monotonic()

        async def watch() -> None:
            while True:
                samples.append(await look(stack, databases, telling.told, time.monotonic() - began))
                print(f"{samples[-1].at_s:7.0f} s  {telling.told:>9,} told", flush=True)
                await asyncio.sleep(every_s)

        await telling.products(catalogue.told())
        watching = asyncio.create_task(watch())
        await telling.all(islice(simulated(plan, catalogue, lambda truth: None), most))
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
        ended = time.monotonic()
        await stack.caught_up(3_600)
        read_s = time.monotonic() - ended
        print(f"all read {read_s:.1f} s after the last was told", flush=True)
        await stack.none_dead()
        samples.append(await look(stack, databases, telling.told, time.monotonic() - began))
    if not speed:
        return samples, []
    return samples, [
        Slope(f"answered late, by a clock {speed:g} times as fast", telling.behind_s, "s at most", LATE_S),
        Slope("all read after the last was told", read_s, "s", LATE_S),
    ]


def main() -> int:
    """Exit code 1 where a slope lies above its limit."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--customers", type=int, default=30_000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--events", type=int, help="tell no more than so many of them")
    parser.add_argument("--rate", type=float, default=0, help="events a second; by default as many as are taken")
    parser.add_argument("--speed", type=float, default=0, help="in its place: so many times the shop's own clock")
    parser.add_argument("--every", type=float, default=15, metavar="S", help="seconds between looks")
    parser.add_argument("--out", type=Path, help="where the samples and slopes go as JSON")
    given = parser.parse_args()
    if given.rate and given.speed:
        parser.error("--rate and --speed are two ways to say how fast: give one of them")
    load = machine.load()
    plan = Plan("soak", "tea", given.customers, END, given.days, given.seed, None)
    samples, pace = asyncio.run(soak(plan, given.events, given.rate, given.speed, given.every))
    try:
        found = [*slopes(samples, alike=not given.speed), *pace]
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    last = samples[-1]
    print(f"{last.told:,} events in {last.at_s:.0f} s, two processes of each service, seed {given.seed}")
    if last.told < ENOUGH:
        print(f"all read, none dead; growth is judged from {ENOUGH:,} events on, here a process's memory alone")
    print(f"{machine.describe()}, load before {load}")
    for slope in found:
        print(slope)
    if given.out is not None:
        said = {"slopes": [{"what": s.what, "value": s.value, "most": s.most} for s in found], "seed": given.seed}
        seen = [
            {
                "told": s.told,
                "at_s": round(s.at_s),
                "memory": dict(s.memory),
                "connections": s.connections,
                "tables": dict(s.tables),
            }
            for s in samples
        ]
        given.out.write_text(json.dumps(said | {"samples": seen}, indent=1) + "\n", "utf-8")
    return 0 if all(slope.kept for slope in found) else 1


if __name__ == "__main__":
    sys.exit(main())
