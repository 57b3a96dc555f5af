"""How long a shop keeps what is personal of customers of whom it hears nothing (SEC-006)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from common.events.fields import Count, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from common.shops.settings import get_shop
from orders_ingest.retention import store
from orders_ingest.retention.rules import changed, check_read, silent_since
from orders_ingest.retention.state import Retention

router = Router(prefix="/v1/shops/{shop}/retention", tags=["settings"])
Months = Annotated[int, Field(ge=1, le=240)]


class RetentionIn(Body):
    """`months` null: everybody is kept for ever, which also holds where nothing was set.

    `replaces`: the version that was read, 0 where nothing was set; where another holds by now, nothing is changed.
    """

    months: Months | None
    by: Staff
    replaces: Count | None = None


class LastWalkOut(BaseModel):
    """One walk a day through all customers of whom something personal is held; `ended_at` null while under way."""

    day: date
    examined: int
    erased: int
    ended_at: datetime | None


class RetentionOut(BaseModel):
    """`begins_at`: nobody is erased before; `version`: 0 where nothing was set, with nobody in `set_by`; `last_walk`:
    null before the first."""

    months: int | None
    set_by: str | None
    set_at: datetime | None
    begins_at: datetime | None
    version: int
    last_walk: LastWalkOut | None


class RetentionPreviewOut(BaseModel):
    """`held`: identifiers of which something personal is held; `silent`: those of them that gave no sign since `since`.

    Of a person with several identifiers none is erased while one of them gives signs.
    """

    months: int
    since: datetime
    held: int
    silent: int


@router.put("", dependencies=[require("customers:erase")])
async def put_retention(shop: ShopName, body: RetentionIn, tx: Tx) -> RetentionOut:
    """Set after how many months without a sign a customer is erased, once a day, in every service.

    A sign is a version of an order, a refund, return or other detail of it, a change of the profile, a consent, a
    visit, a merge, and what the other services hear from a customer: tickets, answers, reviews, replies, clicks,
    check-ins, points and coupons used, activities, referrals. Its own time counts, also of imported history. Nobody is
    erased of whom a refund or return waits, or an order has been open for less than a year beyond the period.

    A period that erases more than the one before begins a week later: until then nothing is lost by a slip of a key. It
    is an erasure like any other: for ever, totals stay under the bare identifier, and who comes back needs a new id.
    So it asks for the scope of erasures, each use of which stands in the log.
    """
    standing = await store.get_retention(tx, shop, lock=True)
    check_read(standing, body.replaces)
    found = changed(standing, body.months, body.by, tx.clock.now())
    await store.save_retention(tx, shop, found)
    return _shown(found)


@router.get("", dependencies=[require("settings:read")])
async def get_retention(shop: ShopName, tx: Tx) -> RetentionOut:
    """What is set, and what the last walk came to."""
    return _shown(await store.get_retention(tx, shop))


@router.get("/preview", dependencies=[require("settings:read")])
async def preview_retention(shop: ShopName, tx: Tx, months: Annotated[int, Query(ge=1, le=240)]) -> RetentionPreviewOut:
    """How many would be erased today, were this the period."""
    now = tx.clock.now()
    zone = (await get_shop(tx, shop)).at(now).zone
    since = silent_since(now.astimezone(zone).date(), months, zone)
    held, silent = await store.count_silent(tx, shop, since)
    return RetentionPreviewOut(months=months, since=since, held=held, silent=silent)


def _shown(retention: Retention) -> RetentionOut:
    walk = retention.walk
    return RetentionOut(
        months=retention.months,
        set_by=retention.set_by,
        set_at=retention.set_at,
        begins_at=retention.begins_at,
        version=retention.version,
        last_walk=None if walk is None else LastWalkOut.model_validate(walk.model_dump(exclude={"after"})),
    )
