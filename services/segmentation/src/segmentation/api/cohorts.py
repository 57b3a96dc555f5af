"""Cohorts of a shop: who bought for the first time in a month, and who of them came back in which month."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Depends, Path, Query

from common.events.fields import Cursor, ShopName
from common.http.api import Router, Tx, require
from common.time.calendar import MONTH
from segmentation.api.customers import Out
from segmentation.fold import read_shops
from segmentation.report import cohorts as rules
from segmentation.report import store_cohorts as store

router = Router(
    prefix="/v1/shops/{shop}/report", tags=["segmentation"], dependencies=[Depends(require("segments:read"))]
)
Month = Annotated[str, Path(max_length=7, pattern=MONTH, description="such as `2026-03`, in the shop's zone")]


class CohortOut(Out):
    """`month` such as `2026-03`; `back` has one number for each month after it, the last one not over."""

    month: str
    customers: int
    back: list[int]


class CohortsOut(Out):
    """Oldest first; months in which nobody bought for the first time are left out."""

    as_of: datetime
    since: date
    cohorts: list[CohortOut]


class CohortCustomersOut(Out):
    """In order of id; `next_after` is None on the last page."""

    customers: list[str]
    next_after: str | None


@router.get("/cohorts")
async def get_cohorts(shop: ShopName, tx: Tx, months: Annotated[int, Query(ge=1, le=36)] = 12) -> CohortsOut:
    """Customers by the month of their first completed order, this month and those before it, and their later months."""
    now = tx.clock.now()
    this = rules.month_of((await read_shops(tx, [shop]))[shop].settings.date_of(now))
    since = rules.months_later(this, 1 - months)
    counts = await store.count_cohorts(tx, shop, since, rules.months_later(this, 1))
    found = [
        CohortOut(month=f"{each.month:%Y-%m}", customers=each.customers, back=each.back)
        for each in rules.cohorts(counts, this)
    ]
    return CohortsOut(as_of=now, since=since, cohorts=found)


@router.get("/cohorts/{month}/customers")
async def list_cohort(
    shop: ShopName,
    month: Month,
    tx: Tx,
    back: Annotated[int | None, Query(ge=1, le=600, description="only who bought in this month after it, too")] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> CohortCustomersOut:
    """Who is behind a number of the cohorts, a page at a time."""
    first = date.fromisoformat(f"{month}-01")
    later = rules.months_later(first, back) if back is not None else None
    within = (later, rules.months_later(later, 1)) if later is not None else None
    found = await store.list_cohort(tx, shop, (first, rules.months_later(first, 1)), within, after, limit + 1)
    page = found[:limit]
    return CohortCustomersOut(customers=page, next_after=page[-1] if len(found) > limit else None)
