"""Where customers went in their life cycle from month to month: counts, and the customers behind each."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Depends, Path, Query
from pydantic import BaseModel

from common.events.fields import Cursor, ShopName
from common.events.segments import LifeCycle
from common.http.api import Router, Tx, require
from common.refusals import NotFound
from common.time.calendar import add_months
from segmentation.api.customers import Out
from segmentation.fold import read_shops
from segmentation.life_cycle_flow import rules, store

router = Router(
    prefix="/v1/shops/{shop}/report/life-cycle-flow",
    tags=["segmentation"],
    dependencies=[Depends(require("segments:read"))],
)
Month = Annotated[
    str, Path(max_length=7, pattern="^20[0-9]{2}-(0[1-9]|1[0-2])$", description="such as `2026-03`, in the shop's zone")
]
Where = Literal["none", "active", "sleeping", "pre_churn", "churned", "dead"]
LOOK = 2_000
"""Customers looked at for one page, in some 50 ms: who is rare is spread over many pages."""


class MonthNotOver(NotFound):
    """The month is to come, or under way."""

    def __init__(self, month: str) -> None:
        super().__init__("month_not_over", f"{month} is not over: where customers go is known when a month has ended.")


class FlowOut(BaseModel):
    """So many customers were `old` at the start of the month and `new` at its end; None: no order of theirs counts."""

    old: LifeCycle | None
    new: LifeCycle | None
    customers: int


class FlowMonthOut(BaseModel):
    month: str
    flows: list[FlowOut]


class LifeCycleFlowOut(Out):
    """Whole months, oldest first. `counting`: a month that is over is being counted and is not in the list yet."""

    as_of: datetime
    counting: bool
    months: list[FlowMonthOut]


class FlowCustomersOut(Out):
    """In order of id; a page may be short, or empty, while `next_after` says that there are customers to look at."""

    customers: list[str]
    next_after: str | None


@router.get("")
async def get_life_cycle_flow(
    shop: ShopName, tx: Tx, months: Annotated[int, Query(ge=1, le=36)] = 12
) -> LifeCycleFlowOut:
    """Customers by their life cycle at the start and the end of each month, by what is known now (SEG-009 to SEG-013).

    Late orders and refunds that come late move the months that they concern.
    """
    now, walk = tx.clock.now(), await store.get_walk(tx, shop)
    newest = rules.newest_whole((await read_shops(tx, [shop]))[shop].settings.date_of(now))
    if walk is None or walk.counted is None:
        return LifeCycleFlowOut(as_of=now, counting=walk is not None, months=[])
    first = max(walk.since, add_months(walk.counted, 1 - months))
    by_month: defaultdict[date, list[FlowOut]] = defaultdict(list)
    for (month, old, new), number in (await store.get_flows(tx, shop, first)).items():
        if month <= walk.counted:
            by_month[month].append(FlowOut(old=old, new=new, customers=number))
    found = [
        FlowMonthOut(month=f"{month:%Y-%m}", flows=sorted(flows, key=lambda f: (str(f.old), str(f.new))))
        for month, flows in sorted(by_month.items())
    ]
    return LifeCycleFlowOut(as_of=now, counting=walk.counted < newest, months=found)


@router.get("/{month}/customers")
async def list_flow_customers(
    shop: ShopName,
    month: Month,
    tx: Tx,
    old: Annotated[Where, Query(description="at the start of the month")],
    new: Annotated[Where, Query(description="at its end")],
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> FlowCustomersOut:
    """Who went that way in the month, a page at a time; at most 2,000 customers are looked at for a page."""
    first, known = date.fromisoformat(f"{month}-01"), (await read_shops(tx, [shop]))[shop]
    if first > rules.newest_whole(known.settings.date_of(tx.clock.now())):
        raise MonthNotOver(month)
    at, wanted = rules.borders(known, first, first), [None if each == "none" else each for each in (old, new)]
    looked_at, last = await store.list_customers(tx, shop, after, LOOK)
    found = [customer for customer, sold in looked_at if wanted != [None, None] and rules.values_at(sold, at) == wanted]
    if len(found) > limit:
        return FlowCustomersOut(customers=found[:limit], next_after=found[limit - 1])
    return FlowCustomersOut(customers=found, next_after=last)
