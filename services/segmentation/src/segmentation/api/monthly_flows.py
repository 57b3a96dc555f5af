"""Where customers went from month to month, in their life cycle and on the RFM map: counts, and who is behind each."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Depends, Path, Query
from pydantic import BaseModel

from common.events.fields import Cursor, ShopName
from common.events.segments import LifeCycle
from common.http.api import Router, Tx, require
from common.refusals import NotFound
from common.storage.database import Transaction
from common.time.calendar import MONTH, add_months
from segmentation.api.customers import Out
from segmentation.fold import read_shops
from segmentation.monthly_flows import rules, store
from segmentation.monthly_flows.rules import Flow, Kind

router = Router(
    prefix="/v1/shops/{shop}/report",
    tags=["segmentation"],
    dependencies=[Depends(require("segments:read"))],
)
Month = Annotated[str, Path(max_length=7, pattern=MONTH, description="such as `2026-03`, in the shop's zone")]
Where = Literal["none", "active", "sleeping", "pre_churn", "churned", "dead"]
Cell = Literal["111", "110", "101", "100", "011", "010", "001", "000"]
CellOrNone = Literal["none", "111", "110", "101", "100", "011", "010", "001", "000"]
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


class RfmFlowOut(BaseModel):
    """So many buyers were in the cell `old` at the start of the month and in `new` at its end; None: in none."""

    old: Cell | None
    new: Cell | None
    customers: int


class RfmFlowMonthOut(BaseModel):
    month: str
    flows: list[RfmFlowOut]


class RfmFlowsOut(Out):
    """As of the life cycle; a cell is R, F and M, each 1 = high and 0 = low, and grades 4 and 5 are high."""

    as_of: datetime
    counting: bool
    months: list[RfmFlowMonthOut]


class FlowCustomersOut(Out):
    """In order of id; a page may be short, or empty, while `next_after` says that there are customers to look at."""

    customers: list[str]
    next_after: str | None


Months = Annotated[int, Query(ge=1, le=36)]
Limit = Annotated[int, Query(ge=1, le=500)]


@router.get("/life-cycle-flow")
async def get_life_cycle_flow(shop: ShopName, tx: Tx, months: Months = 12) -> LifeCycleFlowOut:
    """Customers by their life cycle at the start and the end of each month, by what is known now (SEG-009 to SEG-013).

    Late orders and refunds that come late move the months that they concern.
    """
    return LifeCycleFlowOut.model_validate(await _counted(shop, tx, months, "life_cycle"))


@router.get("/rfm-flow")
async def get_rfm_flow(shop: ShopName, tx: Tx, months: Months = 12) -> RfmFlowsOut:
    """Buyers by their cell of the RFM map at the start and the end of each month, by what is known now (SEG-019).

    Each is measured against the shop's figures of that instant. Late orders and refunds move the months that they
    concern; a refund of a part counts from its order's day on.
    """
    return RfmFlowsOut.model_validate(await _counted(shop, tx, months, "rfm"))


async def _counted(shop: str, tx: Transaction, months: int, kind: Kind) -> dict[str, Any]:
    """What both answer: as_of, counting and the months."""
    now, walk = tx.clock.now(), await store.get_walk(tx, shop)
    newest = rules.newest_whole((await read_shops(tx, [shop]))[shop].settings.date_of(now))
    if walk is None or walk.counted is None:
        return {"as_of": now, "counting": walk is not None, "months": []}
    first = max(walk.since, add_months(walk.counted, 1 - months))
    by_month: defaultdict[date, list[tuple[Flow, int]]] = defaultdict(list)
    for flow, number in (await store.get_flows(tx, shop, first, [kind])).items():
        if flow.month <= walk.counted:
            by_month[flow.month].append((flow, number))
    found = [
        {
            "month": f"{month:%Y-%m}",
            "flows": [
                {"old": flow.old, "new": flow.new, "customers": number}
                for flow, number in sorted(flows, key=lambda one: (str(one[0].old), str(one[0].new)))
            ],
        }
        for month, flows in sorted(by_month.items())
    ]
    return {"as_of": now, "counting": walk.counted < newest, "months": found}


@router.get("/life-cycle-flow/{month}/customers")
async def list_flow_customers(
    shop: ShopName,
    month: Month,
    tx: Tx,
    old: Annotated[Where, Query(description="at the start of the month")],
    new: Annotated[Where, Query(description="at its end")],
    after: Cursor = "",
    limit: Limit = 50,
) -> FlowCustomersOut:
    """Who went that way in the month, a page at a time; at most 2,000 customers are looked at for a page."""
    return await _went(shop, month, tx, "life_cycle", (old, new), after, limit)


@router.get("/rfm-flow/{month}/customers")
async def list_rfm_flow_customers(
    shop: ShopName,
    month: Month,
    tx: Tx,
    old: Annotated[CellOrNone, Query(description="at the start of the month")],
    new: Annotated[CellOrNone, Query(description="at its end")],
    after: Cursor = "",
    limit: Limit = 50,
) -> FlowCustomersOut:
    """Who went from one cell to the other in the month; as of the life cycle."""
    return await _went(shop, month, tx, "rfm", (old, new), after, limit)


async def _went(
    shop: str, month: str, tx: Transaction, kind: Kind, way: tuple[str, str], after: str, limit: int
) -> FlowCustomersOut:
    first, known = date.fromisoformat(f"{month}-01"), (await read_shops(tx, [shop]))[shop]
    if first > rules.newest_whole(known.settings.date_of(tx.clock.now())):
        raise MonthNotOver(month)
    at, wanted = rules.borders(known, first, first), [None if each == "none" else each for each in way]
    looked_at, last = await store.list_customers(tx, shop, after, LOOK)
    found = [
        customer
        for customer, sales in looked_at
        if wanted != [None, None] and list(rules.values_at(kind, sales, at)) == wanted
    ]
    if len(found) > limit:
        return FlowCustomersOut(customers=found[:limit], next_after=found[limit - 1])
    return FlowCustomersOut(customers=found, next_after=last)
