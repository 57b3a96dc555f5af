"""Events that orders-ingest publishes on `activity`: what a customer did short of ordering (ORD-019 to 027)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from common.events.envelope import EventData
from common.events.fields import Count, Identifier, Instant, PersonalText, Revision, Text
from common.events.orders import EntryPath


class Activity(EventData):
    """Something a customer did; `sku` and `category` where they apply."""

    TOPIC: ClassVar[str] = "activity"
    RANK: ClassVar[int] = 50
    sku: Text | None = None
    category: Text | None = None


class ProductViewed(Activity):
    """A product's page, or a panel of it, was looked at (ORD-019, ORD-024, ORD-028)."""

    TYPE: ClassVar[str] = "product.viewed"
    panel: Literal["reviews", "past_sales"] | None = None
    entry_path: EntryPath | None = None
    platform: Text | None = None
    traffic_source: Text | None = None


class ProductSearched(Activity):
    TYPE: ClassVar[str] = "product.searched"
    terms: PersonalText | None = None


class ProductFavourited(Activity):
    TYPE: ClassVar[str] = "product.favourited"


class CartUpdated(Activity):
    TYPE: ClassVar[str] = "cart.updated"


class CheckoutInterrupted(Activity):
    """A cart or checkout was left (ORD-026); `step` is where, in the shop's own words (ORD-036)."""

    TYPE: ClassVar[str] = "checkout.interrupted"
    step: Text | None = None


class ChatEnded(Activity):
    """A chat with an agent of the shop ended, after `seconds`; `order_id` is the order that followed (ORD-021)."""

    TYPE: ClassVar[str] = "chat.ended"
    seconds: Count | None = None
    order_id: Identifier | None = None


class CheckoutStep(Activity):
    """A step of the checkout was reached, in the shop's own words; `seconds` were spent on the one before (ORD-036)."""

    TYPE: ClassVar[str] = "checkout.step"
    step: Text
    checkout_id: Identifier | None = None
    order_id: Identifier | None = None  # the order that the last step made
    seconds: Count | None = None


class VisitsCounted(EventData):
    """Visits of the shop within one hour by source; nobody's (ORD-029).

    Of an hour (`hour` is its start), source and `counted_by` the highest `revision` counts. `shop`: the shop's own
    count, of all visitors. `views`: made here of `product.viewed`: customers who viewed something within the hour.
    """

    TYPE: ClassVar[str] = "visits.counted"
    TOPIC: ClassVar[str] = "activity"
    RANK: ClassVar[int] = 60
    hour: Instant
    source: Text = ""
    visits: Annotated[int, Field(ge=0, le=10**9)]
    counted_by: Literal["shop", "views"] = "shop"
    revision: Revision = 0
