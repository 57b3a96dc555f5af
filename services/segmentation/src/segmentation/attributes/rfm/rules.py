"""Rules of RFM: how recently, how often and for how much a customer buys (SEG-019, SEG-020, C-15)."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import NamedTuple

from common.events.segments import Confidence, Method
from common.time.calendar import add_months
from common.values.currency import minor_per_major
from segmentation.purchases.state import Purchases
from segmentation.shop_statistics.state import ShopStatistics
from segmentation.thresholds.state import RfmRules

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
    """A score. `cell` is R F M, 1 = high; `recency_days` whole days, `monetary` minor units of `currency`.

    Cell and class are read by position (0 and 1) in the migration.
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
    measured = measure(purchases, today, statistics.window_months if statistics else rules.window_months, currency)
    if measured is None:
        return None
    method: Method = "fixed"
    high = above_fixed(measured, rules)
    if statistics is not None and statistics.method(rules) == "mean":
        method, high = "mean", above_mean(measured, statistics, rules)
    cell = "".join("1" if each else "0" for each in high)
    return Score(
        cell=cell,
        rfm_class=CLASSES[cell],
        method=method,
        confidence=statistics.confidence(rules) if statistics is not None else "low",
        recency_days=measured.recency_days,
        frequency=measured.frequency,
        monetary=measured.monetary,
        currency=measured.currency,
        others=measured.others,
    )


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
    if score.method == "fixed" or statistics is None:
        buyers = statistics.buyers if statistics else 0
        return (
            f"fixed: R at most {rules.recency_days} days, F at least {rules.frequency}, M at least "
            f"{rules.monetary} {score.currency}; {buyers} buyers are too few for means"
        )
    total, count = statistics.monetary.get(score.currency, (0, 0))
    spent = f"above {total / count:.0f} minor units of" if count else f"at least {rules.monetary}"
    return (
        f"means of {statistics.buyers} buyers as of {statistics.month}: "
        f"R below {statistics.recency_sum / statistics.buyers:.1f} "
        f"days, F above {statistics.frequency_sum / statistics.buyers:.2f}, M {spent} {score.currency}"
    )
