"""Picks products for a customer: by the cart, else by the newest orders, else by rules (SEG-060, 062, 073)."""

from __future__ import annotations

from collections import defaultdict
from math import sqrt

from segmentation.recommendations.state import Ask, Kind, Pick, Product, RestsOn

LOOKED_AT = 3
"""Orders of a customer that count, the newest."""
FADING = 2.0
"""After so many orders a purchase counts half."""
FLOOR = 0.02
"""What a product without a neighbour among the seeds is worth against the best one."""
DEARER = (1.1, 2.0)
"""An up-sell costs between so many times the price."""


def seeds_of(ask: Ask) -> tuple[dict[str, float], RestsOn]:
    """The products to start from with their weights: the cart's, else those of the newest orders."""
    asked = {sku: 1.0 for sku in ask.skus if sku in ask.products}
    if asked:
        return asked, "cart"
    weights: dict[str, float] = defaultdict(float)
    for number, skus in enumerate(ask.history[:LOOKED_AT]):
        for sku in set(skus) & ask.products.keys():
            weights[sku] += 0.5 ** (number / FADING)
    return dict(weights), "history" if weights else "cold_start"


def pick(ask: Ask) -> tuple[list[Pick], RestsOn]:
    """The best products, at most `limit`, and what they rest on.

    Nothing of the cart, and nothing that was bought before unless `again` is asked for. Where nothing is known of
    somebody, who has bought before gets what is new first, everybody else what sells best (SEG-060, SEG-073).
    """
    seeds, rests_on = seeds_of(ask)
    had = {sku for skus in ask.history for sku in skus}
    hidden = set(ask.skus) | (set() if ask.again else had)
    wanted = [each for each in ask.products.values() if each.sku not in hidden and _fits(ask, each, seeds)]
    if rests_on == "cold_start":
        fresh = ask.returning
        wanted.sort(key=lambda each: (not (fresh and each.is_new), -each.recent, -each.orders, each.sku))
        return [Pick(each, 0.0, "new" if fresh and each.is_new else "popular", None) for each in wanted][
            : ask.limit
        ], rests_on
    drawn = _drawn(ask, seeds)
    best = max((score for score, _ in drawn.values()), default=1.0) or 1.0
    most = max((each.recent for each in ask.products.values()), default=0)
    picks = []
    for each in wanted:
        score, because = drawn.get(each.sku, (0.0, None))
        worth = (score / best + FLOOR) * sqrt((each.recent + 1) / (most + 1))
        picks.append(Pick(each, round(worth, 4), _kind(each, because), because))
    picks.sort(key=lambda found: (-found.score, -found.product.recent, found.product.sku))
    return picks[: ask.limit], rests_on


def _drawn(ask: Ask, seeds: dict[str, float]) -> dict[str, tuple[float, str]]:
    """What the seeds draw in: by sku the score, and the seed that draws most."""
    scores: dict[str, float] = defaultdict(float)
    strongest: dict[str, tuple[float, str]] = {}
    for sku, weight in seeds.items():
        drawn = [(other, weight * score) for other, score in ask.products[sku].neighbours]
        if ask.again:
            drawn.append((sku, weight))
        for other, score in drawn:
            scores[other] += score
            if score > strongest.get(other, (0.0, ""))[0]:
                strongest[other] = score, sku
    return {sku: (score, strongest[sku][1]) for sku, score in scores.items()}


def _kind(product: Product, because: str | None) -> Kind:
    if because is None:
        return "new" if product.is_new else "popular"
    return "again" if because == product.sku else "bought_with"


def _fits(ask: Ask, product: Product, seeds: dict[str, float]) -> bool:
    """Whether the product is of the category, and of the kind of sale, that is asked for (SEG-064)."""
    if ask.category is not None and product.category != ask.category:
        return False
    if ask.goal == "any" or not seeds:
        return True
    started = [ask.products[sku] for sku in seeds]
    if ask.goal == "cross_sell":
        return product.category is None or product.category not in {each.category for each in started}
    return any(
        each.category == product.category
        and each.price
        and product.price
        and DEARER[0] * each.price <= product.price <= DEARER[1] * each.price
        for each in started
    )
