"""The command `simulate`."""

import asyncio
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

from cyclopts import Parameter, validators
from rich.console import Console

from regulars.client import Services, set_up_shop
from regulars.dead import asked
from regulars.simulation.catalogue import Catalogue
from regulars.simulation.life import Truth
from regulars.simulation.plan import Plan
from regulars.simulation.stream import simulated
from regulars.simulation.telling import Telling
from regulars.stack.errors import Refused

Folder = Annotated[Path, Parameter(env_var="REGULARS_RUN", help="Where the stack keeps its data, logs and secrets.")]
Positive = Annotated[int, Parameter(validator=validators.Number(gte=1))]
_RUN = Path(".run")
_console = Console(highlight=False, soft_wrap=True)


def simulate(
    shop: str,
    *,
    kind: Literal["music", "gifts", "tea"] = "tea",
    customers: Positive = 1_000,
    days: Positive = 365,
    acquired_days: Positive | None = None,
    end: datetime | None = None,
    seed: int = 1,
    rate: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0,
    speed: Annotated[float, Parameter(validator=validators.Number(gte=0))] = 0,
    truth: Path = Path("truth.jsonl"),
    folder: Folder = _RUN,
) -> int:
    """Tell the running stack what happened in a made-up shop, through the public doors alone, and write what is true.

    The same arguments make the same customers, events and truth: told again, all of it is known. Take a shop of its
    own: its time zone and currency are set to the kind's.

    Parameters
    ----------
    kind
        music (as CDNOW), gifts (as UCI Online Retail) or tea (used up and bought again).
    days
        What happened within so many days before the end.
    acquired_days
        Customers come within so many days from the beginning on; by default within all of them.
    end
        The last instant that is told of; by default now, to the hour. To repeat a run name the one it printed.
    rate
        Events a second; by default as many as the services take.
    speed
        In place of a rate: each at its time, by a clock that goes so many times as fast, so that at 100 a day takes a
        quarter of an hour, with its busy and its quiet hours.
    truth
        A file of JSON lines: the plan, each customer, and the sums.
    """
    until = (end or datetime.now(UTC).replace(minute=0, second=0, microsecond=0)).astimezone(UTC)
    plan = Plan(shop, kind, customers, until, days, seed, acquired_days)
    if acquired_days is not None and acquired_days > days:
        raise Refused(f"--acquired-days {acquired_days} is more than --days {days}")
    if rate and speed:
        raise Refused("--rate and --speed are two ways to say how fast: give one of them")
    began = time.monotonic()
    with written(truth, plan) as book:
        telling = asked(folder, lambda services: tell(services, plan, book, rate, speed))
    seconds = time.monotonic() - began
    _console.print(f"{telling.told:,} told in {seconds:.0f} s, up to {until.isoformat()}; the truth is in {truth}")
    for (door, status), count in sorted(telling.results.items()):
        _console.print(f"{count:>10,}  {door} {status}")
    for line in telling.refusals:
        _console.print(line, markup=False)
    return 1 if telling.refusals else 0


class Book:
    """Writes the truth of each customer as it is complete, and the sums of all."""

    SUMS = ("orders", "open", "closed", "paid", "refunded", "reviews", "tickets")

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self.sums = {"customers": 0, "left": 0, **dict.fromkeys(self.SUMS, 0)}

    def ended(self, truth: Truth) -> None:
        """Note one customer, whose life is told."""
        self.sums["customers"] += 1
        self.sums["left"] += truth.left_at is not None
        for name in self.SUMS:
            self.sums[name] += getattr(truth, name)
        self.line(truth.as_dict())

    def line(self, said: dict[str, Any]) -> None:
        self._file.write(json.dumps(said) + "\n")


@contextmanager
def written(path: Path, plan: Plan) -> Iterator[Book]:
    """A book in the file, which is there once all was told."""
    unfinished = path.with_name(path.name + ".part")
    with unfinished.open("w", encoding="utf-8") as file:
        book = Book(file)
        acquired = plan.days if plan.acquired_days is None else plan.acquired_days
        said = {"kind": plan.kind_name, "customers": plan.customers, "seed": plan.seed, "acquired_days": acquired}
        book.line({"plan": {"shop": plan.shop, **said, "end": plan.end.isoformat(), "days": plan.days}})
        yield book
        book.line({"sums": book.sums})
    os.replace(unfinished, path)


async def tell(services: Services, plan: Plan, book: Book, rate: float, speed: float = 0) -> Telling:
    """Set the shop up, and tell its catalogue and all that happened, as `simulate` says."""
    await set_up_shop(services, plan.shop, zone=plan.kind.zone, currency=plan.kind.currency)
    said: dict[str, int] = {}

    def say(line: str) -> None:
        """Eight requests wait for the same service: it is said once, until more was told."""
        if said.get(line) != telling.told:
            said[line] = telling.told
            _console.print(line, style="dim", markup=False)

    # All that is told may be told twice.
    telling = Telling(partial(services.call_patiently, say), plan.shop, rate, speed, plan.start)
    catalogue = Catalogue(plan)
    await telling.products(catalogue.told())
    shown = asyncio.create_task(_show(telling))
    try:
        await telling.all(simulated(plan, catalogue, book.ended))
    finally:
        shown.cancel()
    return telling


async def _show(telling: Telling) -> None:
    while True:
        await asyncio.sleep(5)
        _console.print(f"  {telling.told:,} told", style="dim")
