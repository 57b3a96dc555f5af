"""Events that orders-ingest publishes on `activity`: what a customer did short of ordering (ORD-019 to 027)."""

from __future__ import annotations

from typing import ClassVar

from common.events.envelope import EventData
from common.events.fields import Count, PersonalText, Text


class Activity(EventData):
    """Something a customer did; `sku` and `category` where they apply."""

    TOPIC: ClassVar[str] = "activity"
    RANK: ClassVar[int] = 50
    sku: Text | None = None
    category: Text | None = None


class ProductViewed(Activity):
    TYPE: ClassVar[str] = "product.viewed"


class ProductSearched(Activity):
    TYPE: ClassVar[str] = "product.searched"
    terms: PersonalText | None = None


class ProductFavourited(Activity):
    TYPE: ClassVar[str] = "product.favourited"


class CartUpdated(Activity):
    TYPE: ClassVar[str] = "cart.updated"


class CheckoutInterrupted(Activity):
    TYPE: ClassVar[str] = "checkout.interrupted"


class ChatEnded(Activity):
    TYPE: ClassVar[str] = "chat.ended"
    seconds: Count | None = None
