"""A cart, its buyer and what may be used on it, as the pure rules of prices see them."""

from __future__ import annotations

from typing import NamedTuple

from membership.coupons.offer import Offer
from membership.programme.programme import ONE


class Line(NamedTuple):
    """`price` of one unit before any discount, in minor units."""

    sku: str
    quantity: int
    price: int
    category: str | None = None
    mark: str | None = None

    @property
    def total(self) -> int:
        return self.quantity * self.price


class Buyer(NamedTuple):
    """`level`: of the tier held, -1 for nobody's; `orders`: completed orders that count; `price`: the tier's share."""

    level: int = -1
    orders: int = 0
    price: int = ONE


class Cart(NamedTuple):
    """`freight` in minor units."""

    lines: tuple[Line, ...]
    freight: int = 0

    def amounts(self, price: int = ONE) -> list[int]:
        """What each line costs at that share of the shop's price, rounded half up; never more than without it."""
        return [(line.total * price * 2 + ONE) // (2 * ONE) for line in self.lines]


class Candidate(NamedTuple):
    """A coupon, or an automatic offer under its own id, that the buyer may use now."""

    code: str
    offer: Offer


class Chosen(NamedTuple):
    """A candidate that is used, and what it takes off goods and freight, in minor units."""

    code: str
    goods: int
    freight: int


class Price(NamedTuple):
    """`by_tier`: what the tier's price takes off; `lines`: what remains of each line; the best that there is."""

    goods: int
    freight: int
    by_tier: int
    lines: tuple[int, ...]
    chosen: tuple[Chosen, ...]

    @property
    def total(self) -> int:
        return self.goods + self.freight
