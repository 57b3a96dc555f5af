"""Customers for a product: whom to tell of it, with reasons (SEG-052, SEG-053)."""

from __future__ import annotations

import asyncio
from datetime import date
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from common.refusals import Invalid
from segmentation.api.customers import Out
from segmentation.commands.memberships import day_of
from segmentation.recommendations import store
from segmentation.recommendations.audience import rank
from segmentation.recommendations.rules import LOOKED_BACK
from segmentation.recommendations.state import Product

router = Router(prefix="/v1/shops/{shop}", tags=["recommendations"], dependencies=[Depends(require("segments:read"))])
Name = Annotated[str | None, Query(min_length=1, max_length=200)]


class NothingToFit(Invalid):
    def __init__(self) -> None:
        super().__init__(
            "nothing_to_fit",
            "Nothing is known of this product that customers could be found by: give its `category` or `brand`.",
        )


class AudienceOut(Out):
    """`because`: what they bought that is bought with it; `same_category`, `same_brand`: lines of such goods;
    `new_percent` of their goods were new."""

    customer: str
    score: float
    because: list[str]
    same_category: int
    same_brand: int
    new_percent: int
    last_day: date


class AudiencePageOut(Out):
    """Those whom it fits best, of the customers of the newest 30,000 baskets of half a year, of which there were
    `baskets`. `category`, `brand`: by which they were looked for."""

    sku: str
    category: str | None
    brand: str | None
    is_new: bool
    baskets: int
    customers: list[AudienceOut]


@router.get("/recommendations/customers")
async def list_audience(
    shop: ShopName,
    tx: Tx,
    sku: Annotated[str, Query(min_length=1, max_length=200)],
    category: Name = None,
    brand: Name = None,
    again: Annotated[bool, Query(description="those too who have bought it: for what is used up")] = False,
    new: Annotated[bool | None, Query(description="it is new; left out: as far as orders tell")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> AudiencePageOut:
    """Whom to tell of a product, by what goes with it; of one that was never sold by its category and brand."""
    await tx.stand_still()
    day, _ = await day_of(tx, shop, tx.clock.now())
    known = (await store.get_products(tx, shop, [sku])).get(sku)
    product = Product(
        sku=sku,
        category=category or (known.category if known is not None else None),
        brand=brand or (known.brand if known is not None else None),
        orders=known.orders if known is not None else 0,
        recent=known.recent if known is not None else 0,
        price=known.price if known is not None else None,
        is_new=new if new is not None else known is None or known.is_new,
        neighbours=known.neighbours if known is not None else (),
    )
    if product.category is None and product.brand is None and not product.neighbours:
        raise NothingToFit
    baskets = await store.get_bought_baskets(tx, shop, day.today - LOOKED_BACK, day.today, day.currency)
    # In a thread, as it takes some tenths of a second, and others are answered meanwhile.
    found = await asyncio.to_thread(rank, product, baskets, day.today, again=again, limit=limit)
    return AudiencePageOut(
        sku=sku,
        category=product.category,
        brand=product.brand,
        is_new=product.is_new,
        baskets=len(baskets),
        customers=[AudienceOut.model_validate(each) for each in found],
    )
