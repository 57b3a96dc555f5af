"""All lives of a plan side by side, and the shop's visits, in order of time; memory grows with who still orders."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from regulars.simulation.catalogue import Catalogue
from regulars.simulation.course import Said
from regulars.simulation.life import LEAD, Life, Truth
from regulars.simulation.plan import Plan
from regulars.simulation.rhythm import Rhythm
from regulars.simulation.visits import visits


def simulated(plan: Plan, catalogue: Catalogue, ended: Callable[[Truth], None]) -> Iterator[Said]:
    """What the shop tells, in order of time; `ended` gets each customer's truth when all was told."""
    rhythm = Rhythm(plan)
    yield from heapq.merge(_lives(plan, rhythm, catalogue, ended), visits(plan, rhythm), key=lambda said: said.at)


def _lives(plan: Plan, rhythm: Rhythm, catalogue: Catalogue, ended: Callable[[Truth], None]) -> Iterator[Said]:
    running: list[tuple[datetime, int, Said, Iterator[Said], Life]] = []
    for number in range(plan.customers):
        life = Life(plan, rhythm, catalogue, number)
        # Later customers arrive later: nothing of them happens before this.
        yield from _until(running, life.begins() - LEAD - timedelta(minutes=3), ended)
        _go_on(running, number, life.said(), life, ended)
    yield from _until(running, None, ended)


def _until(
    running: list[tuple[datetime, int, Said, Iterator[Said], Life]],
    until: datetime | None,
    ended: Callable[[Truth], None],
) -> Iterator[Said]:
    while running and (until is None or running[0][0] < until):
        _, number, said, rest, life = heapq.heappop(running)
        yield said
        _go_on(running, number, rest, life, ended)


def _go_on(
    running: list[tuple[datetime, int, Said, Iterator[Said], Life]],
    number: int,
    rest: Iterator[Said],
    life: Life,
    ended: Callable[[Truth], None],
) -> None:
    said = next(rest, None)
    if said is None:
        ended(life.truth)
    else:
        heapq.heappush(running, (said.at, number, said, rest, life))
