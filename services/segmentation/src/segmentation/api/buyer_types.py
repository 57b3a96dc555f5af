"""Customers by buyer type, and those whose taste shifts. For staff alone (SEC-009)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, get_args

from fastapi import Depends, Query

from common.events.fields import Cursor, ShopName
from common.events.segments import BuyerType, Confidence
from common.http.api import Router, Tx, require
from common.refusals import Conflict
from common.storage.database import Transaction
from segmentation.api.customers import Out
from segmentation.buyer_types import store as types
from segmentation.buyer_types.strategies import STRATEGIES
from segmentation.fold import read_shops

router = Router(prefix="/v1/shops/{shop}", tags=["buyer types"], dependencies=[Depends(require("segments:read"))])
Limit = Annotated[int, Query(ge=1, le=10_000)]


class TypesNotKept(Conflict):
    def __init__(self) -> None:
        super().__init__(
            "types_not_kept",
            "Buyer types are kept once the shop has a segment: PUT …/segments/{segment} one, such as "
            "`buyer_type = habitual`. Those of one customer are always at GET …/customers/{customer}/buyer-type.",
        )


class TypeCountOut(Out):
    """`strategy`: what to do for customers of the type (SEG-083)."""

    type: BuyerType
    customers: int
    strategy: list[str]


class TypeCountsOut(Out):
    """`under_way`: not everybody has been typed since what types rest on was new at `since`."""

    since: datetime
    under_way: bool
    types: list[TypeCountOut]


class OfTypeOut(Out):
    customer: str
    confidence: Confidence


class OfTypePageOut(Out):
    """In order of id."""

    customers: list[OfTypeOut]
    next_after: str | None


class ShiftingOut(Out):
    """Categories of which twice as much is bought as before, and half as much; those with most units first."""

    customer: str
    rising: list[str]
    falling: list[str]


class ShiftingPageOut(Out):
    """In order of id."""

    customers: list[ShiftingOut]
    next_after: str | None


@router.get("/buyer-types")
async def count_buyer_types(shop: ShopName, tx: Tx) -> TypeCountsOut:
    """How many customers are of each of the eight types, and the strategy for each (SEG-074, SEG-083)."""
    await tx.stand_still()
    walk = await types.get_typing(tx, shop)
    if walk is None:
        raise TypesNotKept
    counts, of_shop = await types.count_types(tx, shop), (await read_shops(tx, [shop]))[shop]
    own = of_shop.thresholds_at(tx.clock.now()).strategies
    return TypeCountsOut(
        since=walk.from_at,
        under_way=walk.after is not None,
        types=[
            TypeCountOut(type=each, customers=counts.get(each, 0), strategy=list(own.get(each) or STRATEGIES[each]))
            for each in get_args(BuyerType)
        ],
    )


@router.get("/buyer-types/{buyer_type}/customers")
async def list_customers_of_type(
    shop: ShopName,
    buyer_type: BuyerType,
    tx: Tx,
    confidence: Confidence | None = None,
    after: Cursor = "",
    limit: Limit = 100,
) -> OfTypePageOut:
    """The customers whose primary type this is, a page at a time (SEG-074)."""
    await _check(tx, shop)
    rows = await types.list_of_type(tx, shop, buyer_type, confidence, after, limit + 1)
    page = [OfTypeOut.model_validate(row) for row in rows[:limit]]
    return OfTypePageOut(customers=page, next_after=page[-1].customer if len(rows) > limit else None)


@router.get("/preference-shifts")
async def list_preference_shifts(
    shop: ShopName,
    tx: Tx,
    category: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    after: Cursor = "",
    limit: Limit = 100,
) -> ShiftingPageOut:
    """The customers in whose taste something shifts, of all categories or of one, a page at a time (SEG-048)."""
    await _check(tx, shop)
    rows = await types.list_shifting(tx, shop, category, after, limit + 1)
    page = [ShiftingOut.model_validate(row) for row in rows[:limit]]
    return ShiftingPageOut(customers=page, next_after=page[-1].customer if len(rows) > limit else None)


async def _check(tx: Transaction, shop: str) -> None:
    await tx.stand_still()
    if await types.get_typing(tx, shop) is None:
        raise TypesNotKept
