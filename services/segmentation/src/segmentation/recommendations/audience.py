"""Whom to tell of a product: customers ranked by how it fits what they buy (SEG-052, SEG-053)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from segmentation.recommendations.state import Goods, Product

CATEGORY, BRAND, HALF_LIFE = 0.3, 0.2, 90
"""What goods of the same category and brand are worth beside the similarity of goods bought together, which is below 1;
and after so many days a purchase counts half."""


class Bought(NamedTuple):
    """A basket of a customer."""

    customer: str
    day: date
    goods: tuple[Goods, ...]


class Fit(NamedTuple):
    """`score` ranks within the answer. `because`: products bought that go with it, the closest first; `same_category`
    and `same_brand`: units of orders with such goods; `new_percent` of the goods were new when bought."""

    customer: str
    score: float
    because: list[str]
    same_category: int
    same_brand: int
    new_percent: int
    last_day: date


@dataclass(slots=True)
class _Fitting:
    score: float = 0.0
    near: dict[str, float] = field(default_factory=dict)
    category: int = 0
    brand: int = 0
    new: int = 0
    goods: int = 0
    last: date = date.min
    has: bool = False


def rank(product: Product, baskets: Iterable[Bought], today: date, *, again: bool, limit: int) -> list[Fit]:
    """The customers of these baskets whom the product fits best; who has bought it only where it is bought `again`.

    Of a new product those who take what is new count more: up to twice.
    """
    near = dict(product.neighbours)
    found: dict[str, _Fitting] = {}
    for basket in baskets:
        of = found.setdefault(basket.customer, _Fitting())
        of.last = max(of.last, basket.day)
        weight = 0.5 ** (max(0, (today - basket.day).days) / HALF_LIFE)
        for goods in basket.goods:
            of.goods += 1
            of.new += goods.mark == "new"
            of.has |= goods.sku == product.sku
            fits = near.get(goods.sku, 0.0)
            if fits:
                of.near[goods.sku] = fits
            if product.category is not None and goods.category == product.category:
                of.category += 1
                fits += CATEGORY
            if product.brand is not None and goods.brand == product.brand:
                of.brand += 1
                fits += BRAND
            if again and goods.sku == product.sku:
                fits += 1.0
            of.score += weight * fits
    if product.is_new:
        for of in found.values():
            of.score *= 1 + of.new / of.goods if of.goods else 1
    best = sorted(
        ((customer, of) for customer, of in found.items() if of.score > 0 and (again or not of.has)),
        key=lambda each: (-each[1].score, each[0]),
    )
    return [
        Fit(
            customer,
            round(of.score, 4),
            sorted(of.near, key=lambda sku: (-of.near[sku], sku))[:3],
            of.category,
            of.brand,
            100 * of.new // of.goods,
            of.last,
        )
        for customer, of in best[:limit]
    ]
