"""Where a key figure ends at the end of its period: forecasts with an interval out of the shop's own past.

Each of a few simple forecasts is made as of the same point of periods as long as this one, week by week through the
past; the one that was least off is taken, and how far off it was then is the interval now: it covers as often as it
says as far as the shop goes on as it did (split conformal prediction, Vovk et al. 2005). `evaluate` says how often.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal, NamedTuple

from segmentation.goals.measuring import ADDED, Bought, Measured, measure

Way = Literal["as_before", "pace", "development", "last_year"]
OUTSIDE = 0.2
"""The probability that the figure ends outside the interval."""
LEAST_PAST = 12
"""Periods of the past, a week apart each, that there must be to judge by."""
MOST_PAST = 104
WEEK, YEAR, LEAST_PACE = 7, 364, 28


class Forecast(NamedTuple):
    """What the figure ends at, and between what with a probability of 80 percent; `past`: periods it was judged by.

    `chance`: of ending at the target or above, as often as the like happened in the past.
    """

    value: float
    low: float
    high: float
    way: Way
    past: int
    off: tuple[float, ...]

    def chance(self, target: float) -> float:
        """The share of the past in which the figure would have reached the target."""
        wanted = math.log1p(max(0.0, target)) - math.log1p(max(0.0, self.value))
        reached = sum(each >= wanted for each in self.off)
        return (reached + 0.5) / (len(self.off) + 1)


@dataclass(frozen=True, slots=True)
class Past:
    """The figure of periods, each counted once."""

    kpi: Measured
    bought: Bought
    known: dict[tuple[int, int], float | None]

    def of(self, since: int, until: int) -> float | None:
        if since < self.bought.began:
            return None
        if (since, until) not in self.known:
            self.known[since, until] = measure(self.kpi, self.bought, since, until)
        return self.known[since, until]


def forecast(
    kpi: Measured,
    bought: Bought,
    since: date,
    until: date,
    today: date,
    known: dict[tuple[int, int], float | None] | None = None,
    reached: Decimal | None = None,
) -> Forecast | None:
    """As of the beginning of `today`, within [since, until); None where too little is known of the past.

    `known`: the figure of periods that were counted already, of the same key figure and buyers; it is added to.
    `reached`: the figure of everybody in [since, today), where `bought` is of a share of them.
    """
    past = Past(kpi, bought, {} if known is None else known)
    begin, length, gone = since.toordinal(), (until - since).days, (today - since).days
    if not 0 < gone < length or not len(bought.day):
        return None
    now = {way: of(past, begin, length, gone) for way, of in WAYS.items()}
    off: dict[Way, list[float]] = {way: [] for way, value in now.items() if value is not None}
    # Periods that had ended by today, at the same weekday.
    first = begin - WEEK * -(-(begin + length - today.toordinal()) // WEEK)
    for start in range(first, first - MOST_PAST * WEEK, -WEEK):
        if start < bought.began:
            break
        ended = past.of(start, start + length)
        for way in off:
            said = WAYS[way](past, start, length, gone)
            if ended is not None and said is not None:
                off[way].append(math.log1p(max(0.0, ended)) - math.log1p(max(0.0, said)))
    judged = {way: errors for way, errors in off.items() if len(errors) >= LEAST_PAST}
    if not judged:
        return None
    way = min(judged, key=lambda each: (_size(judged[each]), each))
    sampled = past.of(begin, begin + gone)
    value, whole = now[way], sampled if reached is None else float(reached)
    if value is None:
        raise RuntimeError(f"{way} was judged without a value of today")
    return _within(kpi, length, value * whole / sampled if whole and sampled else value, way, judged[way], whole)


def _size(errors: list[float]) -> float:
    return sum(abs(each) for each in errors) / len(errors)


def _within(
    kpi: Measured,
    length: int,
    value: float,
    way: Way,
    errors: list[float],
    reached: float | None,
) -> Forecast:
    # Periods a week apart overlap: the past is as short as the periods that follow one another in it are few.
    wider = 1 + length / (WEEK * len(errors))
    ranked = sorted(wider * each for each in errors)
    # So many of the past, and this one: as likely to be the highest of them as any.
    rank = min(len(ranked), math.ceil((len(ranked) + 1) * (1 - OUTSIDE / 2)))
    low, high = (_moved(value, ranked[place]) for place in (len(ranked) - rank, rank - 1))
    least = reached if kpi in ADDED and reached is not None else 0.0
    return Forecast(max(value, least), max(low, least), max(high, least), way, len(ranked), tuple(ranked))


def _moved(value: float, error: float) -> float:
    return math.expm1(math.log1p(max(0.0, value)) + error)


def _as_before(past: Past, since: int, length: int, gone: int) -> float | None:
    """As much as in the period before."""
    return past.of(since - length, since)


def _pace(past: Past, since: int, length: int, gone: int) -> float | None:
    """What is reached, and for the rest as much a day as in as many days before (four weeks at least)."""
    if past.kpi not in ("orders", "net", "new_buyers"):
        return None
    now, rest = since + gone, length - gone
    days = max(rest, LEAST_PACE)
    reached, lately = past.of(since, now), past.of(now - days, now)
    return None if reached is None or lately is None else reached + lately * rest / days


def _development(past: Past, since: int, length: int, gone: int) -> float | None:
    """What is reached, rising as it did in the period before."""
    return _risen(past, since, since - length, length, gone)


def _last_year(past: Past, since: int, length: int, gone: int) -> float | None:
    """What is reached, rising as it did a year before, at the same weekdays."""
    return _risen(past, since, since - YEAR, length, gone) if length <= YEAR else None


def _risen(past: Past, since: int, before: int, length: int, gone: int) -> float | None:
    reached, then, ended = (
        past.of(since, since + gone),
        past.of(before, before + gone),
        past.of(before, before + length),
    )
    return reached * ended / then if reached is not None and ended is not None and then else None


WAYS: dict[Way, Callable[[Past, int, int, int], float | None]] = {
    "as_before": _as_before,
    "pace": _pace,
    "development": _development,
    "last_year": _last_year,
}
