"""Named groups of graded R, F and M: maps of grades 1 to 5 to names (SEG-020).

`shopify`: eleven names; R against the mean of F and M. Shopify publishes the names and what they mean, not the borders,
which are ours. `ten_groups`: those of the R package `rfm` (Hebbali), of which the first that fits counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

Map = Literal["four_classes", "shopify", "ten_groups"]
PROSPECTS = "prospects"
"""Shopify's name of those without an order, who have no score."""
_SHOPIFY = {
    # R: the group by the mean of F and M: at most 2, between, at least 4.
    5: ("new", "active", "champions"),
    4: ("promising", "active", "loyal"),
    3: ("almost_lost", "needs_attention", "loyal"),
    2: ("dormant", "at_risk", "previously_loyal"),
    1: ("dormant", "at_risk", "previously_loyal"),
}
_TEN = (
    # The lowest and the highest grade of R, F and M.
    ("champions", (5, 5), (5, 5), (5, 5)),
    ("potential_loyalist", (3, 5), (3, 5), (2, 5)),
    ("loyal", (2, 4), (2, 4), (2, 4)),
    ("promising", (3, 4), (1, 3), (3, 5)),
    ("new", (4, 5), (1, 3), (1, 5)),
    ("cant_lose", (1, 2), (3, 4), (4, 5)),
    ("at_risk", (1, 2), (2, 5), (4, 5)),
    ("need_attention", (1, 3), (3, 5), (3, 5)),
    ("about_to_sleep", (2, 3), (1, 3), (1, 4)),
    ("lost", (1, 1), (1, 5), (1, 5)),
)
OTHERS = "others"
GROUPS: dict[str, tuple[str, ...]] = {
    "shopify": (*dict.fromkeys(name for names in _SHOPIFY.values() for name in names), PROSPECTS),
    "ten_groups": (*(name for name, *_ in _TEN), OTHERS),
}


def group_of(named_by: Map, grades: Sequence[int]) -> str | None:
    """The group of these grades; None where the shop has no map, or there are no grades but high and low."""
    if named_by == "four_classes" or not grades:
        return None
    return _group(named_by, *grades)


@lru_cache(maxsize=512)
def _group(named_by: Map, r: int, f: int, m: int) -> str:
    if named_by == "shopify":
        return _SHOPIFY[r][0 if f + m <= 4 else 2 if f + m >= 8 else 1]
    fitting = (name for name, *borders in _TEN if _fits(borders, (r, f, m)))
    return next(fitting, OTHERS)


def _fits(borders: Sequence[tuple[int, int]], grades: Sequence[int]) -> bool:
    return all(low <= grade <= high for (low, high), grade in zip(borders, grades, strict=True))
