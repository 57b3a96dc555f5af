"""Visits of the shop by hour and day, as they were counted (ORD-029)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Instant, ShopName
from common.http.api import Router, Tx, require
from common.refusals import Invalid
from common.shops.settings import get_shop
from orders_ingest.visits import store

router = Router(prefix="/v1/shops/{shop}", tags=["activity"])
MOST = timedelta(days=400)


class TooLong(Invalid):
    """The span is longer than one answer holds."""

    def __init__(self) -> None:
        super().__init__("span_too_long", f"ask for at most {MOST.days} days, `since` before `until`")


class VisitsOut(BaseModel):
    """Visits of the hour or day that begins at `since`; `counted_by` `shop` counts all, `views` customers who viewed.

    `source` is empty where it is not known.
    """

    since: datetime
    source: str
    counted_by: Literal["shop", "views"]
    visits: int


@router.get("/visits", dependencies=[require("orders:read")])
async def list_visits(
    shop: ShopName,
    tx: Tx,
    since: Annotated[Instant, Query()],
    until: Annotated[Instant, Query(description="exclusive")],
    by: Annotated[Literal["hour", "day"], Query(description="days are those of the shop's zone")] = "hour",
) -> list[VisitsOut]:
    """Visits within a span of at most 400 days, by hour or day, traffic source and way of counting."""
    if not timedelta(0) < until - since <= MOST:
        raise TooLong
    zone = (await get_shop(tx, shop)).at(until).zone
    rows = await store.list_visits(tx, shop, since, until, zone.key, by)
    return [VisitsOut.model_validate(dict(row._mapping)) for row in rows]
