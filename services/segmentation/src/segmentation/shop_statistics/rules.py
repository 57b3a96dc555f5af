"""Tallies of some of a shop's customers, and the statistics that they add up to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from common.events.segments import Scoring
from common.values.currency import minor_per_major
from segmentation.shop_statistics.grades import tops
from segmentation.shop_statistics.state import ShopStatistics


@dataclass(frozen=True, slots=True)
class Tally:
    """What statistics are made of, for some of a shop's customers; tallies of different customers add up.

    `gaps` counts gaps by their length in days; `places`, where grades are asked for, the buyers at each place by R, F
    and M; the rest as in ShopStatistics.
    """

    gaps: Mapping[int, int]
    buyers: int
    recency_sum: int
    frequency_sum: int
    monetary: Mapping[str, tuple[int, int]]
    orders: int
    places: tuple[Mapping[int, int], ...] = ()


def add_up(
    tallies: Iterable[Tally],
    month: date,
    as_of: datetime,
    window_months: int,
    scoring: Scoring = "mean",
    currency: str = "",
) -> ShopStatistics:
    """The statistics of a shop from the tallies of all its customers; `currency` is the shop's, where grades are."""
    gaps, buyers, recency, frequency, orders = Counter[int](), 0, 0, 0, 0
    monetary: dict[str, tuple[int, int]] = {}
    places = (Counter[int](), Counter[int](), Counter[int]())
    for tally in tallies:
        gaps.update(tally.gaps)
        buyers, recency = buyers + tally.buyers, recency + tally.recency_sum
        frequency, orders = frequency + tally.frequency_sum, orders + tally.orders
        for sums, counted in zip(places, tally.places, strict=False):
            sums.update(counted)
        for currency, (total, count) in tally.monetary.items():
            known = monetary.get(currency, (0, 0))
            monetary[currency] = (known[0] + total, known[1] + count)
    return ShopStatistics(
        month=month,
        as_of=as_of,
        orders=orders,
        gaps=gaps.total(),
        median_gap_doubled=median_doubled(gaps),
        buyers=buyers,
        recency_sum=recency,
        frequency_sum=frequency,
        monetary=monetary,
        window_months=window_months,
        scoring=scoring,
        tops=_tops(places, scoring, currency) if scoring != "mean" and buyers else (),
    )


def _tops(places: Iterable[Mapping[int, int]], scoring: Scoring, currency: str) -> tuple[tuple[int, ...], ...]:
    """Whole days, orders and units of the currency; what breaks ties is finer than they are."""
    units = (1, 1, minor_per_major(currency) if scoring == "quantile" else 1)
    return tuple(tops(counts, unit) for counts, unit in zip(places, units, strict=True))


def median_doubled(counts: Mapping[int, int]) -> int | None:
    """Twice the median of values that come with their counts: the sum of the two in the middle; None without any."""
    total = sum(counts.values())
    found, passed = list[int](), 0
    for value in sorted(counts):
        passed += counts[value]
        # The middle two are numbers (total - 1) // 2 and total // 2, from 0; of an odd number both are one.
        found += [value] * (sum(passed > middle for middle in ((total - 1) // 2, total // 2)) - len(found))
        if len(found) == 2:
            return sum(found)
    return None
