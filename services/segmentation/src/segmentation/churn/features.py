"""What tells who will come again: how recently, how often, for how long and for how much a customer has bought."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from math import log1p

from segmentation.lifetime_value.rules import Day, bought

NAMES = ("recency", "frequency", "tenure", "amount", "silence", "bought_once")
REASONS = {
    "recency": ("bought recently", "has not bought for long"),
    "frequency": ("buys often", "has bought seldom"),
    "tenure": ("is a customer of that age", "is a customer of that age"),
    "amount": ("buys for that much", "buys for that much"),
    "silence": ("is not late by the customer's own gaps", "is late by the customer's own gaps"),
    "bought_once": ("has come again before", "has never come again"),
}
"""By feature, for people: what speaks for coming again, and what speaks against it."""
_SHORTEST_GAP, _LATEST = 7, 10.0


def features(days: Sequence[Day], until: date, unit: int) -> tuple[float, ...] | None:
    """In the order of `NAMES`, as it stood at the beginning of `until`; None for whom had not bought before.

    Logarithms of the days since the last purchase, of the further days of buying, of the days since the first, and of
    the mean amount, in units of the currency of `unit` minor ones; the silence in mean gaps of the customer's own.
    """
    known = bought(days, until)
    if known is None:
        return None
    silence = known.age - known.last
    gaps = min(silence / max(known.last / known.x, _SHORTEST_GAP), _LATEST) if known.x else 0.0
    mean = known.total / known.days / unit if known.days else 0.0
    return log1p(silence), log1p(known.x), log1p(known.age), log1p(mean), gaps, float(not known.x)


def came_again(days: Sequence[Day], since: date, until: date) -> bool:
    """Whether anything was bought from `since` on and before `until`."""
    return any(each.buying and since <= each.day < until for each in days)
