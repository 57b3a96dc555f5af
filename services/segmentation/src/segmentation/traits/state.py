"""What is known of a customer for traits and buyer types, read at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, slots=True)
class Line:
    """One line of goods; `paid` in minor units of its order's currency."""

    sku: str
    category: str | None
    brand: str | None
    quantity: int
    paid: int
    mark: str | None


@dataclass(frozen=True, slots=True)
class Bought:
    """An order that counts; `net` in minor units of the shop's currency, None where it was paid in another."""

    day: date
    net: int | None
    hour: int | None = None
    promoted: bool = False
    lines: tuple[Line, ...] = ()
    entry_path: str | None = None
    silent: bool | None = None
    decision_seconds: int | None = None
    compared_items: int | None = None
    reviews_viewed: int | None = None


@dataclass(frozen=True, slots=True)
class Voices:
    """Reviews with stars (`rated`), those with 4 or 5 and with 1 or 2, those with photos, and complaints.

    `stories`, `haggling`, `praise`: texts that tell a story of the purchase, haggle, or ask for praise.
    """

    reviews: int = 0
    rated: int = 0
    positive: int = 0
    low: int = 0
    photo_reviews: int = 0
    complaints: int = 0
    stories: int = 0
    haggling: int = 0
    praise: int = 0


@dataclass(frozen=True, slots=True)
class ShopMeans:
    """Of the shop's buyers in its RFM window, in minor units: net of a buyer, and of an order; None: not known yet."""

    per_buyer: int | None = None
    per_order: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """`orders` newest first; `activity` counts by type of event in the last 365 days; `completed` counts all orders."""

    today: date
    completed: int = 0
    orders: tuple[Bought, ...] = ()
    activity: Mapping[str, int] = field(default_factory=dict)
    voices: Voices = Voices()
    means: ShopMeans = ShopMeans()
    tags: frozenset[str] = frozenset()

    def within(self, days: int) -> list[Bought]:
        """The orders of the last `days`, today included."""
        first = self.today.toordinal() - days
        return [order for order in self.orders if order.day.toordinal() > first]
