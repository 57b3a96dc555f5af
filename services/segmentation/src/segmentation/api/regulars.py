"""Who comes back: customers by RFM cell, and the shop's weeks."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.attributes.rfm.rules import CLASSES
from segmentation.fold import read_shops
from segmentation.report import store_map

router = Router(
    prefix="/v1/shops/{shop}/report", tags=["segmentation"], dependencies=[Depends(require("segments:read"))]
)


class CellOut(Out):
    """`cell` is R F M, 1 = high."""

    cell: str
    rfm_class: str
    customers: int


class GradesOut(Out):
    """`cell` is R F M, a grade from 1 to 5 each; `rfm_group` its name by the shop's map."""

    cell: str
    rfm_class: str
    rfm_group: str | None
    customers: int


class MapOut(Out):
    """All eight cells, also those with nobody in them; where the shop grades from 1 to 5, 4 and 5 are high.

    `grades`: those who are graded, by their grades; empty where nobody is.
    """

    as_of: datetime
    cells: list[CellOut]
    grades: list[GradesOut]


class WeekOut(Out):
    """`week` is its Monday, in the shop's zone; `net` is paid less refunded, in minor units."""

    week: date
    currency: str
    orders: int
    buyers: int
    net: int


class WeeksOut(Out):
    """Weeks without an order are left out; the last week is not over."""

    as_of: datetime
    since: date
    weeks: list[WeekOut]


@router.get("/rfm")
async def get_map(shop: ShopName, tx: Tx) -> MapOut:
    """Customers in each of the eight RFM cells (SEG-020)."""
    counts = await store_map.count_cells(tx, shop)
    cells = [CellOut(cell=cell, rfm_class=name, customers=counts.get(cell, 0)) for cell, name in CLASSES.items()]
    grades = [GradesOut.model_validate(row) for row in await store_map.count_grades(tx, shop)]
    return MapOut(as_of=tx.clock.now(), cells=cells, grades=grades)


@router.get("/weeks")
async def get_weeks(shop: ShopName, tx: Tx, weeks: Annotated[int, Query(ge=1, le=104)] = 12) -> WeeksOut:
    """Completed orders of customers, buyers and net revenue by week: this week and those before it."""
    known, now = (await read_shops(tx, [shop]))[shop], tx.clock.now()
    today = known.settings.date_of(now)
    since = today - timedelta(days=today.weekday(), weeks=weeks - 1)
    rows = await store_map.sum_weeks(tx, shop, since, today + timedelta(days=1))
    return WeeksOut(as_of=now, since=since, weeks=[WeekOut.model_validate(row) for row in rows])
