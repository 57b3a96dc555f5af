"""The growth value over HTTP: its ledger, and the activities that a shop reports (MEM-016)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import Identifier, Position, ShopName
from common.events.membership import ActivityJoined
from common.fold.store_customers import read_customer
from common.http.api import Body, Router, Tx, require
from common.http.people import Person
from membership.commands import activities as commands
from membership.fold import load
from membership.growth.state import Growth
from membership.ledger import store as ledgers
from membership.members.refusals import UnknownMember

router = Router(prefix="/v1/shops/{shop}/members/{customer}", tags=["growth"])


class GrowthEntry(BaseModel):
    """`origin`: `order/<id>`, `review/<id>`, `activity/<id>`, `referral/<id>`, `check-in/<date>`."""

    entry: int
    origin: str
    amount: int
    cause: str
    correction: bool
    occurred_at: datetime
    recorded_at: datetime


class GrowthPage(BaseModel):
    """`growth` is the value now, the sum of all entries."""

    growth: int
    entries: list[GrowthEntry]
    after: int | None


class ActivityIn(Body):
    """`activity_id` is the shop's own: of one customer and kind it counts once."""

    activity_id: Identifier
    kind: Literal["activity", "referral"] = "activity"


class ActivityOut(BaseModel):
    """`earned` is the growth that the activity holds, now or when it was reported first."""

    origin: str
    status: Literal["counted", "counted_already"]
    earned: int
    growth: int


@router.get("/growth", dependencies=[require("members:read")])
async def get_growth(
    shop: ShopName,
    customer: Person,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> GrowthPage:
    """The growth value and its ledger, oldest entry first; give the last `after` for the next page.

    A page has `limit` amounts, and what is left of the last one's entry: late news may move several.
    """
    row = await read_customer(tx, (shop, customer))
    if row is None:
        raise UnknownMember(customer)
    rows = await ledgers.list_growth(tx, (shop, customer), after, limit)
    entries = [GrowthEntry.model_validate(dict(row._mapping)) for row in rows]
    value = Growth.of(load(row.state)).value
    return GrowthPage(growth=value, entries=entries, after=entries[-1].entry if len(entries) >= limit else None)


@router.post("/activities", dependencies=[require("members:write")])
async def join_activity(shop: ShopName, customer: Identifier, body: ActivityIn, tx: Tx) -> ActivityOut:
    """The member took part in something, or brought a friend (MEM-016). Repeating it is harmless."""
    data = ActivityJoined(activity_id=body.activity_id, kind=body.kind)
    return _out(await commands.join_activity(tx, (shop, customer), data))


def _out(counted: commands.Counted) -> ActivityOut:
    return ActivityOut(
        origin=counted.origin,
        status="counted" if counted.new else "counted_already",
        earned=counted.earned,
        growth=Growth.of(counted.member).value,
    )
