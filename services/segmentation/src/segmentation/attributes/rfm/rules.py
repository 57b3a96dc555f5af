"""Rules of RFM: how recently, how often and for how much a customer buys (SEG-019, SEG-020, C-15)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from common.events.segments import Confidence, Method, Scoring
from common.time.calendar import add_months
from common.values.currency import minor_per_major
from segmentation.attributes.rfm.groups import group_of
from segmentation.purchases.state import Purchases
from segmentation.shop_statistics.grades import GRADES, places
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import RfmRules

HIGH_FROM = 4
"""Of grades 1 to 5, the lowest that counts as high where grades are mapped to the four classes."""
CLASSES = {
    "111": "important_value",
    "101": "important_development",
    "011": "important_keep",
    "001": "important_keep",
    "110": "general_value",
    "100": "general_value",
    "010": "general_value",
    "000": "general_value",
}


class Measure(NamedTuple):
    """R in days since the last order, F completed orders, M paid less refunds in minor units of `currency`.

    `currency` is the shop's; nothing is converted, and what was spent in others is kept apart.
    """

    recency_days: int
    frequency: int
    monetary: int
    currency: str
    others: tuple[tuple[str, int], ...] = ()


class Score(NamedTuple):
    """A score. `cell` is R F M, each 1 = high and 0 = low, or a grade from 1 to 5; the five are told by `graded`.

    `recency_days` whole days, `monetary` minor units of `currency`. Cell, class and group are read by position (0, 1
    and 9) in the migration.
    """

    cell: str
    rfm_class: str
    method: Method
    confidence: Confidence
    recency_days: int
    frequency: int
    monetary: int
    currency: str
    others: tuple[tuple[str, int], ...] = ()
    """Spent in other currencies than the shop's: (currency, minor units)."""
    group: str | None = None
    """The name of the grades by the shop's map; None where it has none."""


@lru_cache(maxsize=4096)
def window_start(today: date, months: int) -> date:
    """The first day of the window that ends with `today`; kept, because many customers are scored on one day."""
    return add_months(today, -months)


def measure(purchases: Purchases, today: date, window_months: int, currency: str) -> Measure | None:
    """R, F and M over the months before `today`, today included; None when nothing was bought in them.

    Orders refunded whole or closed count for nothing. A refund without an order lessens M in its own month.
    """
    bought, spent = purchases.since(window_start(today, window_months))
    if not bought or purchases.last_day is None:
        return None
    others = tuple(sorted((name, amount) for name, amount in spent.items() if name != currency and amount))
    return Measure((today - purchases.last_day).days, bought, spent.get(currency, 0), currency, others)


def score(
    purchases: Purchases, today: date, statistics: ShopStatistics | None, rules: RfmRules, currency: str
) -> Score | None:
    """The customer's score on `today` against the shop's statistics; None when nothing was bought in the window.

    The window is that of the statistics: of one that was set since, they know nothing yet.
    """
    measured = measure(purchases, today, months_of_window(statistics, rules), currency)
    if measured is None:
        return None
    method, grades, binary = placed(measured, statistics, rules)
    confidence = statistics.confidence(rules) if statistics is not None else "low"
    cell = f"{grades[0]}{grades[1]}{grades[2]}" if grades else binary
    return Score(cell, CLASSES[binary], method, confidence, *measured, group_of(rules.groups, grades))


def months_of_window(statistics: ShopStatistics | None, rules: RfmRules) -> int:
    """How far back is looked: as the statistics did, if there are any."""
    return statistics.window_months if statistics else rules.window_months


def placed(
    measured: Measure, statistics: ShopStatistics | None, rules: RfmRules
) -> tuple[Method, tuple[int, ...], str]:
    """The method, the grades where it gives any, and one of the eight cells: R, F and M, each 1 = high and 0 = low."""
    method = statistics.method(rules) if statistics is not None else "fixed"
    grades: tuple[int, ...] = ()
    if statistics is not None and (method == "quantile" or method == "equal_groups"):
        grades = graded(measured, statistics, method)
    elif statistics is not None and method == "mean":
        high = above_mean(measured, statistics, rules)
    elif rules.graded:
        grades = graded_by_fixed(measured, rules)
    else:
        high = above_fixed(measured, rules)
    if grades:
        r, f, m = grades
        high = r >= HIGH_FROM, f >= HIGH_FROM, m >= HIGH_FROM
    return method, grades, "01"[high[0]] + "01"[high[1]] + "01"[high[2]]


def graded(measured: Measure, statistics: ShopStatistics, scoring: Scoring) -> tuple[int, int, int]:
    """Grades 1 to 5 of R, F and M among the shop's buyers; 5 is the most recent, the most often, the most spent."""
    r, f, m = places(measured.recency_days, measured.frequency, measured.monetary, scoring)
    by_r, by_f, by_m = statistics.tops
    return GRADES - _above(r, by_r), 1 + _above(f, by_f), 1 + _above(m, by_m)


def graded_by_fixed(measured: Measure, rules: RfmRules) -> tuple[int, int, int]:
    """Grades 1 to 5 by the rules' own borders, whoever else buys."""
    unit = minor_per_major(measured.currency)
    return (
        GRADES - _above(measured.recency_days, rules.recency_grades),
        1 + _above(measured.frequency, rules.frequency_grades),
        1 + _above(measured.monetary, tuple(each * unit for each in rules.monetary_grades)),
    )


def _above(value: int, tops: tuple[int, ...]) -> int:
    """How many of the borders, which rise, the value is above; one that is equal to it is not passed."""
    return bisect_left(tops, value)


def above_fixed(measured: Measure, rules: RfmRules) -> tuple[bool, bool, bool]:
    """Which of R, F, M are high by fixed thresholds: by default at most 60 days, 2 orders or more, 200.00 or more."""
    return (
        measured.recency_days <= rules.recency_days,
        measured.frequency >= rules.frequency,
        measured.monetary >= rules.monetary * minor_per_major(measured.currency),
    )


def above_mean(measured: Measure, statistics: ShopStatistics, rules: RfmRules) -> tuple[bool, bool, bool]:
    """Which of R, F, M are better than the shop's mean; equal to it is not. Exact: products are compared, not means.

    A currency that nobody had bought in when the statistics were made is scored by the fixed threshold.
    """
    total, count = statistics.monetary.get(measured.currency, (0, 0))
    return (
        measured.recency_days * statistics.buyers < statistics.recency_sum,
        measured.frequency * statistics.buyers > statistics.frequency_sum,
        measured.monetary * count > total if count else above_fixed(measured, rules)[2],
    )


def why(score: Score, statistics: ShopStatistics | None, rules: RfmRules) -> str:
    """The boundaries that the score was measured against, in a sentence for the shop's people."""
    if statistics is not None and score.method in ("quantile", "equal_groups"):
        return _why_graded(score, statistics)
    if score.method == "fixed" and rules.graded:
        unit = minor_per_major(score.currency)
        borders = rules.recency_grades, rules.frequency_grades, tuple(each * unit for each in rules.monetary_grades)
        return f"fixed grades: {_borders(borders, score.currency, unit)}"
    if score.method == "fixed" or statistics is None:
        buyers = statistics.buyers if statistics else 0
        return (
            f"fixed: R at most {rules.recency_days} days, F at least {rules.frequency}, M at least "
            f"{rules.monetary} {score.currency}; {buyers} buyers are too few for means"
        )
    total, count = statistics.monetary.get(score.currency, (0, 0))
    unit = minor_per_major(score.currency)
    spent = f"above {total / count / unit:.{len(str(unit)) - 1}f}" if count else f"at least {rules.monetary}"
    return (
        f"means of {statistics.buyers} buyers as of {statistics.month}: "
        f"R below {statistics.recency_sum / statistics.buyers:.1f} "
        f"days, F above {statistics.frequency_sum / statistics.buyers:.2f}, M {spent} {score.currency}"
    )


def _why_graded(score: Score, statistics: ShopStatistics) -> str:
    known = f"{statistics.buyers} buyers as of {statistics.month}"
    if score.method == "equal_groups":
        return f"five groups of equal size of {known}; who is alike in one measure is told apart by another"
    unit = minor_per_major(score.currency)
    return f"fifths of {known}, equal values in one: {_borders(statistics.tops, score.currency, unit)}"


def _borders(tops: Sequence[Sequence[int]], currency: str, unit: int) -> str:
    r, f, m = ("/".join(f"{each:g}" for each in of) for of in (*tops[:2], [each / unit for each in tops[2]]))
    return f"R falls a grade after {r} days, F rises above {f} orders, M above {m} {currency}"
