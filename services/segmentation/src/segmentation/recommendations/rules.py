"""Which products are bought with which, by cosine similarity in baskets, with shrinkage (Linden et al. 2003)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from statistics import median_low

import numpy as np
import numpy.typing as npt

from segmentation.recommendations.state import Basket, Goods, Product

MOST_PRODUCTS, MOST_OF_A_BASKET, NEIGHBOURS = 3_000, 60, 50
SHRINKAGE = 5
"""Pairs that were seen a few times only are trusted little."""
LEAST_TOGETHER = 2
LOOKED_BACK, RECENT, NEW = timedelta(days=180), timedelta(days=30), timedelta(days=30)
_AT_ONCE = 2_000_000
Codes = npt.NDArray[np.int64]


def count(baskets: Sequence[Basket], today: date) -> list[Product]:
    """The products of the baskets of the last half year, the most sold first, each with its neighbours."""
    looked_at = [basket for basket in baskets if today - LOOKED_BACK <= basket.day < today]
    orders, recent = Counter[str](), Counter[str]()
    first: dict[str, date] = {}
    prices: dict[str, list[int]] = defaultdict(list)
    newest: dict[str, Goods] = {}
    for basket in sorted(looked_at, key=lambda each: each.day):
        for goods in {each.sku: each for each in basket.goods}.values():
            orders[goods.sku] += 1
            recent[goods.sku] += basket.day >= today - RECENT
            first.setdefault(goods.sku, basket.day)
            newest[goods.sku] = goods
            if goods.price is not None:
                prices[goods.sku].append(goods.price)
    skus = sorted(orders, key=lambda sku: (-orders[sku], sku))[:MOST_PRODUCTS]
    neighbours = _neighbours(looked_at, skus, orders)
    # Of a shop that has begun, or whose history begins here, not everything is new.
    began = min(first.values(), default=today) + NEW
    return [
        Product(
            sku,
            newest[sku].category,
            newest[sku].brand,
            orders[sku],
            recent[sku],
            median_low(prices[sku]) if prices[sku] else None,
            newest[sku].mark == "new" or (first[sku] >= today - NEW and first[sku] > began),
            neighbours.get(sku, ()),
        )
        for sku in skus
    ]


def _neighbours(
    baskets: Sequence[Basket], skus: Sequence[str], orders: Counter[str]
) -> dict[str, list[tuple[str, float]]]:
    place = {sku: number for number, sku in enumerate(skus)}
    codes, times = _together(_pairs(baskets, place))
    enough = times >= LEAST_TOGETHER
    codes, times = codes[enough], times[enough]
    if not len(codes):
        return {}
    sold = np.array([orders[sku] for sku in skus], dtype=np.float64)
    one, other = np.divmod(codes, MOST_PRODUCTS)
    score = times / (np.sqrt(sold[one] * sold[other]) + SHRINKAGE)
    left, right, both = np.concatenate((one, other)), np.concatenate((other, one)), np.concatenate((score, score))
    order = np.lexsort((right, -both, left))
    left, right, both = left[order], right[order], both[order]
    found: dict[str, list[tuple[str, float]]] = {}
    starts = np.flatnonzero(np.diff(left, prepend=-1))
    for start, end in zip(starts, [*starts[1:], len(left)], strict=True):
        upto = min(int(end), int(start) + NEIGHBOURS)
        found[skus[int(left[start])]] = [(skus[int(right[n])], round(float(both[n]), 4)) for n in range(start, upto)]
    return found


def _pairs(baskets: Sequence[Basket], place: dict[str, int]) -> Iterator[Codes]:
    """Pairs of each basket as numbers; of a large one the most sold products alone."""
    for basket in baskets:
        places = np.array(
            sorted({place[each.sku] for each in basket.goods if each.sku in place})[:MOST_OF_A_BASKET], dtype=np.int64
        )
        if len(places) > 1:
            one, other = np.triu_indices(len(places), 1)
            yield places[one] * MOST_PRODUCTS + places[other]


def _together(pairs: Iterator[Codes]) -> tuple[Codes, Codes]:
    """The distinct pairs, and how often each was seen; a few million are held at a time."""
    codes, times = np.array([], dtype=np.int64), np.array([], dtype=np.int64)
    waiting, held = list[Codes](), 0
    for each in pairs:
        waiting.append(each)
        held += len(each)
        if held > _AT_ONCE:
            codes, times = _added(codes, times, np.concatenate(waiting))
            waiting, held = [], 0
    return _added(codes, times, np.concatenate(waiting)) if waiting else (codes, times)


def _added(codes: Codes, times: Codes, fresh: Codes) -> tuple[Codes, Codes]:
    more, counts = np.unique(fresh, return_counts=True)
    both, inverse = np.unique(np.concatenate((codes, more)), return_inverse=True)
    total = np.bincount(inverse, weights=np.concatenate((times, counts)).astype(np.float64), minlength=len(both))
    return both, total.astype(np.int64)
