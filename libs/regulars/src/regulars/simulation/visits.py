"""Visits of a simulated shop, counted by hour and source as its web statistics would (ORD-029)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random

from regulars.simulation.course import Said
from regulars.simulation.plan import Plan
from regulars.simulation.rhythm import Rhythm

SOURCES = {"search": 0.5, "direct": 0.3, "ads": 0.2}
"""Where visitors come from, and their shares."""
A_DAY = 0.2
"""Visits by known and unknown people, for each customer of the plan, on a day as busy as the mean."""
_HOUR = timedelta(hours=1)


def visits(plan: Plan, rhythm: Rhythm) -> Iterator[Said]:
    """The counts of each whole hour of the plan, told at its end; an hour and source without a visit is not told."""
    random = Random(f"{plan.seed}:visits")
    hour = plan.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
    while hour + _HOUR <= plan.end:
        busy = max(0.0, rhythm.of(hour + _HOUR) - rhythm.of(hour))
        for source, share in SOURCES.items():
            count = _poisson(random, plan.customers * A_DAY * busy * share)
            if count:
                yield _told(plan, hour, source, count)
        hour += _HOUR


def _told(plan: Plan, hour: datetime, source: str, count: int) -> Said:
    at = hour + _HOUR
    data = {"hour": hour.isoformat(), "source": source, "visits": count}
    id_ = f"sim{plan.seed}-visits-{source}-{hour:%Y%m%d%H}"
    return Said(at, "events", {"id": id_, "type": "visits.counted", "time": at.isoformat(), "data": data})


def _poisson(random: Random, mean: float) -> int:
    """Knuth's way for few, the normal curve for many."""
    if mean > 50:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
