"""What does a shop look like as of a month's first midnight? Its figures are inputs to every customer's fold."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from common.events.standing import OrderStanding
from segmentation.attributes.rfm import rules as rfm
from segmentation.customers.state import Confidence, KnownOrder, Method, Refund
from segmentation.purchases.book import Book
from segmentation.thresholds.state import DEFAULT, GapRules, RfmRules


@dataclass(frozen=True, slots=True)
class Figures:
    """Figures of one shop as of 00:00 on the 1st of `month` in its zone (`as_of`), exact: sums beside counts.

    `median_gap_doubled`: twice the median gap in days, None without gaps. `recency_sum` (days) and `frequency_sum` are
    over the `buyers` of the `window_months` before; `monetary` maps a currency to (sum in minor units, buyers).
    """

    month: date
    as_of: datetime
    gaps: int = 0
    median_gap_doubled: int | None = None
    buyers: int = 0
    recency_sum: int = 0
    frequency_sum: int = 0
    monetary: dict[str, tuple[int, int]] = field(default_factory=dict)
    window_months: int = DEFAULT.rfm.window_months

    def shop_gap_doubled(self, rules: GapRules) -> int:
        """Twice the shop's gap in days; the rules' default until enough gaps are known."""
        if self.gaps < rules.gaps_needed or self.median_gap_doubled is None:
            return 2 * rules.default_days
        return self.median_gap_doubled

    def method(self, rules: RfmRules) -> Method:
        """Mean split from a number of buyers on (defaults.md: 30)."""
        return "mean" if self.buyers >= rules.buyers_needed else "fixed"

    def confidence(self, rules: RfmRules) -> Confidence:
        """How much stands behind the boundaries: fixed ones are a guess; 300 buyers make a steady mean."""
        if self.method(rules) == "fixed":
            return "low"
        return "high" if self.buyers >= rules.buyers_for_high_confidence else "medium"


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


def add_up(tallies: Iterable[Tally], month: date, as_of: datetime, window_months: int) -> Figures:
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
        as_of=as_of,
        gaps=gaps.total(),
        median_gap_doubled=median_doubled(gaps),
        buyers=buyers,
        recency_sum=recency,
        frequency_sum=frequency,
        monetary=monetary,
        window_months=window_months,
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


def tally_of(
    customers: Iterable[tuple[Sequence[KnownOrder], Sequence[Refund]]], month: date, window_months: int, currency: str
) -> Tally:
    """The tally of whole histories, by what happened before the month; `store.figures` says it in SQL.

    `currency` is the shop's at the month's start; M of a buyer who spent nothing in it is 0.
    """
    gaps = Counter[int]()
    measures: list[rfm.Measure] = []
    for orders, refunds in customers:
        book = Book((), (each for each in refunds if each.day < month))
        for order in orders:
            if order.day is None or order.day >= month or (order.gone is not None and order.gone < month):
                continue
            of_it = (r for r in refunds if (r.order_id, r.currency) == (order.order_id, order.currency))
            given_back = sum(refund.amount for refund in of_it if refund.day < month)
            kept = OrderStanding(0, "completed", True, order.currency, max(0, order.paid - given_back))
            book.count(order._replace(standing=kept), 1)
        gaps.update((later - earlier).days for earlier, later in itertools.pairwise(book.days))
        measured = rfm.measure(book, month, window_months, currency)
        measures += [measured] if measured else []
    return Tally(
        gaps=gaps,
        buyers=len(measures),
        recency_sum=sum(each.recency_days for each in measures),
        frequency_sum=sum(each.frequency for each in measures),
        monetary={currency: (sum(each.monetary for each in measures), len(measures))} if measures else {},
    )
