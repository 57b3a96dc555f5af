"""How recently, how often and for how much does a customer buy, beside the shop's others? (SEG-019, SEG-020, C-15)"""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from common.time.calendar import add_months
from common.values.currency import minor_per_major
from segmentation.customers.state import Rfm
from segmentation.thresholds.state import RfmRules

if TYPE_CHECKING:
    from segmentation.purchases.book import Book
    from segmentation.shop_statistics.state import Figures

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


@lru_cache(maxsize=4096)
def window_start(today: date, months: int) -> date:
    """The first day of the window that ends with `today`; kept, because many customers are scored on one day."""
    return add_months(today, -months)


def measure(book: Book, today: date, window_months: int, currency: str) -> Measure | None:
    """R, F and M over the months before `today`, today included; None when nothing was bought in them.

    Orders refunded whole or closed count for nothing. A refund without an order lessens M in its own month.
    """
    since = window_start(today, window_months)
    bought = book.frequency(since)
    if not bought:
        return None
    spent = book.monetary(since)
    others = tuple(sorted((name, amount) for name, amount in spent.items() if name != currency and amount))
    return Measure((today - book.days[-1]).days, bought, spent.get(currency, 0), currency, others)


def score(book: Book, today: date, figures: Figures | None, rules: RfmRules, currency: str) -> Rfm | None:
    """The customer's score on `today` against the shop's figures; None when nothing was bought in the window.

    The window is that of the figures: of one that was set since, they know nothing yet.
    """
    measured = measure(book, today, figures.window_months if figures else rules.window_months, currency)
    if measured is None:
        return None
    by_mean = figures is not None and figures.method(rules) == "mean"
    high = above_mean(measured, figures, rules) if figures is not None and by_mean else above_fixed(measured, rules)
    cell = "".join("1" if each else "0" for each in high)
    return Rfm(
        cell=cell,
        rfm_class=CLASSES[cell],
        method="mean" if by_mean else "fixed",
        confidence=figures.confidence(rules) if figures is not None else "low",
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


def above_mean(measured: Measure, figures: Figures, rules: RfmRules) -> tuple[bool, bool, bool]:
    """Which of R, F, M are better than the shop's mean; equal to it is not. Exact: products are compared, not means.

    A currency that nobody had bought in when the figures were made is judged by the fixed threshold.
    """
    total, count = figures.monetary.get(measured.currency, (0, 0))
    return (
        measured.recency_days * figures.buyers < figures.recency_sum,
        measured.frequency * figures.buyers > figures.frequency_sum,
        measured.monetary * count > total if count else above_fixed(measured, rules)[2],
    )
