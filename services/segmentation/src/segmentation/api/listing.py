"""The shop's customers with the facts of a row, filtered."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import Depends, Query

from common.events.fields import Cursor, Identifier, ShopName
from common.events.segments import LifeCycle, Stage
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.report import store_listing as listing

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])
RfmClass = Literal["important_value", "important_development", "important_keep", "general_value"]
RfmGroup = Annotated[str, Query(max_length=50, description="a group of the shop's map: `champions`")]
LOOK = 100_000
"""One page looks through so many customers at most, whatever is asked for: a rare value costs pages, not minutes."""


class RowOut(Out):
    """As stored by the last input or sweep; what drifts in between stands on the customer's own page."""

    customer: str
    stage: Stage | None
    life_cycle: LifeCycle | None
    rfm_class: str | None
    rfm_cell: str | None
    rfm_group: str | None
    completed_orders: int
    tier_id: str | None


class ListOut(Out):
    """In order of id. `next_after` is None when all customers were looked through.

    A page may hold fewer than `limit`, even none, and still have a `next_after`: it ends after 100,000 customers.
    """

    customers: list[RowOut]
    next_after: str | None


@router.get("/customers")
async def list_customers(
    shop: ShopName,
    tx: Tx,
    stage: Stage | None = None,
    life_cycle: LifeCycle | None = None,
    rfm: RfmClass | None = None,
    cell: Annotated[
        str | None,
        Query(max_length=3, pattern="^[01]{3}$", description="R, F and M, 1 = high: `101`; grades 4 and 5 are high"),
    ] = None,
    grades: Annotated[
        str | None, Query(max_length=3, pattern="^[1-5]{3}$", description="grades of R, F and M: `514`")
    ] = None,
    group: RfmGroup | None = None,
    tier: Annotated[Identifier | None, Query(description="the id of a tier of the programme")] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> ListOut:
    """Customers who have all the values that are asked for, a page at a time (SEG-005).

    `tier_id` is what membership announced last; null of who is no member. A tier that there is not is held by nobody.
    """
    asked = {"stage": stage, "life_cycle": life_cycle, "rfm": rfm, "cell": cell, "grades": grades, "tier": tier}
    asked["group"] = group
    wanted = {name: value for name, value in asked.items() if value is not None}
    found = await listing.list_customers(tx, shop, wanted, after, limit, LOOK)
    return ListOut(customers=[RowOut.model_validate(row) for row in found.rows], next_after=found.upto)
