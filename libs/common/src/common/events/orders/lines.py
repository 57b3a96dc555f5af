"""What an order is made of."""

from __future__ import annotations

from typing import Literal

from common.events.envelope import EventData
from common.events.fields import (
    Count,
    Minor,
    Text,
)

MAX_LINES = 5_000
"""Lines of one order."""

OrderState = Literal["placed", "paid", "shipped", "in_transit", "delivered", "completed", "closed"]
OrderKind = Literal["ordinary", "subscription", "pre_sale"]
ProductMark = Literal["new", "hot", "clearance", "regular"]
ProductSize = Literal["full_size", "sample"]
EntryPath = Literal[
    "already_bought",
    "favourites",
    "search",
    "ad",
    "group",
    "qr_code",
    "affiliate",
    "email",
    "home",
    "recommendation",
    "other",
]
ReasonCode = Literal[
    "size",
    "quality",
    "damaged",
    "wrong_item",
    "wrong_address",
    "not_as_described",
    "late",
    "not_received",
    "changed_mind",
    "other",
]


class OrderLine(EventData):
    """One line; `paid` is what was actually paid for it after discounts (ORD-003, ORD-004, ORD-010).

    `kind` says whether it was sold: gifts and free samples are no revenue. `size` is the product's: full size or trial
    size. `mark` is the product's place in the shop's range on the day of the purchase (ORD-008).
    """

    sku: Text
    name: Text | None = None
    category: Text | None = None
    brand: Text | None = None
    kind: Literal["goods", "gift", "sample"] = "goods"
    size: ProductSize | None = None
    mark: ProductMark | None = None
    quantity: Count
    unit_price: Minor | None = None
    paid: Minor = 0


class PromotionUse(EventData):
    """One coupon, promotion, code or other discount that was used on an order (ORD-014).

    `code` is the shop's name of it; `amount` is what it took off the order, in minor units of the order's currency.
    """

    kind: Literal[
        "coupon",
        "promotion",
        "secret_code",
        "threshold",
        "flash_sale",
        "points",
        "tier_price",
        "free_shipping",
        "other",
    ]
    code: Text | None = None
    amount: Minor = 0
