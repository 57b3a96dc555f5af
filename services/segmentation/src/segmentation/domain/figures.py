"""What does a shop look like as of a month's first midnight? Its figures are inputs to every customer's fold."""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from common.calendar import add_months, day_start, local_date, start_of_month
from segmentation.domain import rfm
from segmentation.domain.lifecycle import DEFAULT_SHOP_GAP_DOUBLED
from segmentation.domain.state import CompletedOrder, Confidence, Method, Refund

GAPS_NEEDED = 30
BUYERS_NEEDED = 30
BUYERS_FOR_HIGH_CONFIDENCE = 300


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one shop as of 00:00 on the 1st of `month` in its zone (`as_of`), exact: sums beside counts.

    `median_gap_doubled`: twice the median gap in days, None without gaps. `recency_sum` (days) and `frequency_sum` are
    over the `buyers` of the 12 months before; `monetary` maps a currency to (sum in minor units, buyers).
    """

    month: date
    as_of: datetime
    gaps: int = 0
    median_gap_doubled: int | None = None
    buyers: int = 0
    recency_sum: int = 0
    frequency_sum: int = 0
    monetary: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def shop_gap_doubled(self) -> int:
        """Twice the shop's gap in days; 60 days until 30 gaps are known."""
        if self.gaps < GAPS_NEEDED or self.median_gap_doubled is None:
            return DEFAULT_SHOP_GAP_DOUBLED
        return self.median_gap_doubled

    @property
    def method(self) -> Method:
        """Mean split from 30 buyers on (defaults.md)."""
        return "mean" if self.buyers >= BUYERS_NEEDED else "fixed"

    @property
    def confidence(self) -> Confidence:
        """How much stands behind the boundaries: fixed ones are a guess; 300 buyers make a steady mean."""
        if self.method == "fixed":
            return "low"
        return "high" if self.buyers >= BUYERS_FOR_HIGH_CONFIDENCE else "medium"


@dataclass(frozen=True, slots=True)
class Shop:
    """What a fold needs to know of a shop: its zone, its known figures by time, and the first ones still to come."""

    zone: ZoneInfo
    figures: Sequence[Figures]
    pending_month: date
    pending_at: datetime

    def at(self, instant: datetime) -> Figures | None:
        """The newest figures as of `instant` or before."""
        index = bisect_right(self.figures, instant, key=_as_of)
        return self.figures[index - 1] if index else None

    def next_as_of(self, after: datetime) -> datetime | None:
        """The next instant after `after` at which figures are, or will be, new; None when they are overdue."""
        index = bisect_right(self.figures, after, key=_as_of)
        if index < len(self.figures):
            return self.figures[index].as_of
        return self.pending_at if self.pending_at > after else None


def _as_of(figures: Figures) -> datetime:
    return figures.as_of


def shop_with(zone: ZoneInfo, figures: Sequence[Figures], now: datetime) -> Shop:
    """The shop with its figures, oldest first.

    Pending is the month after the newest stored one; for a shop without figures it is the current month, because what
    was known at the start of an earlier one nobody can say any more.
    """
    pending = add_months(figures[-1].month, 1) if figures else start_of_month(local_date(now, zone))
    return Shop(zone, figures, pending, day_start(pending, zone))


@dataclass(frozen=True, slots=True)
class Tally:
    """What figures are made of, for some of a shop's customers; tallies of different customers add up.

    `gaps` counts gaps by their length in days; the rest as in Figures.
    """

    gaps: Mapping[int, int]
    buyers: int
    recency_sum: int
    frequency_sum: int
    monetary: Mapping[str, tuple[int, int]]


def add_up(tallies: Iterable[Tally], month: date, zone: ZoneInfo) -> Figures:
    """The figures of a shop from the tallies of all its customers."""
    gaps, buyers, recency, frequency = Counter[int](), 0, 0, 0
    monetary: dict[str, tuple[int, int]] = {}
    for tally in tallies:
        gaps.update(tally.gaps)
        buyers, recency = buyers + tally.buyers, recency + tally.recency_sum
        frequency += tally.frequency_sum
        for currency, (total, count) in tally.monetary.items():
            known = monetary.get(currency, (0, 0))
            monetary[currency] = (known[0] + total, known[1] + count)
    return Figures(
        month=month,
        as_of=day_start(month, zone),
        gaps=gaps.total(),
        median_gap_doubled=median_doubled(gaps),
        buyers=buyers,
        recency_sum=recency,
        frequency_sum=frequency,
        monetary=monetary,
    )


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


def tally_of(customers: Iterable[tuple[Sequence[CompletedOrder], Sequence[Refund]]], month: date) -> Tally:
    """The tally of whole histories, by what happened before the month; `store.figures` says it in SQL."""
    gaps = Counter[int]()
    measures: list[rfm.Measure] = []
    for orders, refunds in customers:
        before = [order for order in orders if order.day < month]
        days = sorted({order.day for order in before})
        gaps.update((later - earlier).days for earlier, later in itertools.pairwise(days))
        measured = rfm.measure(before, [each for each in refunds if each.day < month], month)
        measures += [measured] if measured else []
    monetary: dict[str, tuple[int, int]] = {}
    for each in measures:
        total, count = monetary.get(each.currency, (0, 0))
        monetary[each.currency] = (total + each.monetary, count + 1)
    return Tally(
        gaps=gaps,
        buyers=len(measures),
        recency_sum=sum(each.recency_days for each in measures),
        frequency_sum=sum(each.frequency for each in measures),
        monetary=monetary,
    )
