"""What recommendations are made of: baskets, products, and what is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

Place = Literal["home", "search", "cart", "chat", "message"]
Goal = Literal["any", "cross_sell", "up_sell"]
Kind = Literal["bought_with", "again", "new", "popular"]
RestsOn = Literal["cart", "history", "cold_start"]


class Goods(NamedTuple):
    """A line of a basket; `price` in minor units of the shop's currency, None where it was paid in another."""

    sku: str
    category: str | None = None
    brand: str | None = None
    price: int | None = None
    mark: str | None = None


class Basket(NamedTuple):
    day: date
    goods: Sequence[Goods]


@dataclass(frozen=True, slots=True)
class Product:
    """`orders` of the baskets that were looked at, `recent` of those of the last month; `neighbours` best first."""

    sku: str
    category: str | None
    brand: str | None
    orders: int
    recent: int
    price: int | None
    is_new: bool
    neighbours: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """`skus`: in the cart, or asked about; `history`: of the newest orders first; `returning`: has bought before.

    `products`: those that may be recommended, and those of `skus` and `history`, by sku.
    """

    products: Mapping[str, Product]
    skus: Sequence[str] = ()
    history: Sequence[Sequence[str]] = ()
    returning: bool = False
    category: str | None = None
    goal: Goal = "any"
    again: bool = False
    limit: int = 10


class Pick(NamedTuple):
    """`because`: the product that it is bought with, or that is bought again."""

    product: Product
    score: float
    kind: Kind
    because: str | None
