"""Events that orders-ingest publishes on `catalogue`: a shop's products, by SKU (ORD-008, 009, 042)."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar

from pydantic import Field

from common.events.envelope import EventData
from common.events.fields import Count, Currency, Instant, Minor, Revision, Sku, Text
from common.events.orders import ProductMark, ProductSize

Description = Annotated[str, Field(max_length=20_000)]


class MarkedSince(EventData):
    """The product's place in the shop's range from `since` on, until `until` (exclusive; None: until the next)."""

    mark: ProductMark
    since: Instant
    until: Instant | None = None


class ProductFields(EventData):
    """What a shop says of a product: the same in the event, in an upsert and as shown."""

    name: Text | None = None
    category: Text | None = None
    brand: Text | None = None
    size: ProductSize | None = None
    description: Description | None = None
    image: Text | None = None  # address of a picture
    season: Text | None = None  # such as spring, or 2025-summer, in the shop's own words
    launched_on: date | None = None
    category_heat: Annotated[int, Field(ge=0, le=100)] | None = None  # how much in demand the category is in its trade
    price: Minor | None = None
    currency: Currency | None = None
    stock: Count | None = None
    marks: Annotated[tuple[MarkedSince, ...], Field(max_length=200)] = ()


class ProductChanged(ProductFields):
    """The whole product as it stands; the highest revision of a SKU counts. Nobody's: there is no subject."""

    TYPE: ClassVar[str] = "product.changed"
    TOPIC: ClassVar[str] = "catalogue"
    RANK: ClassVar[int] = 5
    sku: Sku
    version: Revision | None = None  # the shop's own version number of the product, if it keeps one
    revision: Revision = 0
