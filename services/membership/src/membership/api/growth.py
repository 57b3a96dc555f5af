"""What does a shop tell of a member but orders, and what did it earn? Growth value, its ledger, deeds (MEM-016)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel

from common.events import CustomerKey, fact_id
from common.events.fields import Identifier, Position, ShopName
from common.events.membership import ActivityJoined, MemberCheckedIn
from common.fold.customers import current
from common.http.api import Body, Tx, require
from common.storage.database import Transaction
from membership.api.refusals import UnknownMember
from membership.commands.recording import carry_out, time_of_command
from membership.fold import MemberFolding
from membership.ledger import store as ledgers
from membership.members import store as members
from membership.programme import store as programmes

router = APIRouter(prefix="/v1/shops/{shop}/members/{customer}", tags=["growth"])


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


class DeedOut(BaseModel):
    """`earned` is the growth that this deed holds, now or when it was told first."""

    origin: str
    status: Literal["counted", "counted_already"]
    earned: int
    growth: int


@router.get("/growth", dependencies=[require("members:read")])
async def get_growth(
    shop: ShopName,
    customer: Identifier,
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> GrowthPage:
    """The growth value and its ledger, oldest entry first; give the last `after` for the next page."""
    state = await members.get_member(tx, (shop, customer))
    if state is None:
        raise UnknownMember(customer)
    rows = await ledgers.list_growth(tx, (shop, customer), after, limit)
    entries = [GrowthEntry.model_validate(dict(row._mapping)) for row in rows]
    return GrowthPage(growth=state.growth, entries=entries, after=entries[-1].entry if len(entries) == limit else None)


@router.post("/check-ins", dependencies=[require("members:write")])
async def check_in(shop: ShopName, customer: Identifier, tx: Tx) -> DeedOut:
    """The member signed in. One a calendar day of the shop counts (MEM-046); repeating it is harmless."""
    key = (shop, customer)
    rules, at = await _rules(tx, key)
    return await _tell(tx, key, rules, at, f"check-in/{rules[shop].date_of(at).isoformat()}", MemberCheckedIn())


@router.post("/activities", dependencies=[require("members:write")])
async def join_activity(shop: ShopName, customer: Identifier, body: ActivityIn, tx: Tx) -> DeedOut:
    """The member took part in something, or brought a friend (MEM-016). Repeating it is harmless."""
    key = (shop, customer)
    rules, at = await _rules(tx, key)
    data = ActivityJoined(activity_id=body.activity_id, kind=body.kind)
    return await _tell(tx, key, rules, at, f"{body.kind}/{body.activity_id}", data)


async def _rules(tx: Transaction, key: CustomerKey) -> tuple[programmes.Rulebook, datetime]:
    """The rules, and the time of the command. Raises UnknownMember before a row is made for nobody."""
    rules = await programmes.get_rules(tx, [key[0]])
    if await members.get_member(tx, key) is None:
        raise UnknownMember(key[1])
    return rules, await time_of_command(tx, key)


async def _tell(
    tx: Transaction, key: CustomerKey, rules: programmes.Rulebook, at: datetime, origin: str,
    data: MemberCheckedIn | ActivityJoined,
) -> DeedOut:  # fmt: skip
    folding = MemberFolding(rules)
    state = await current(tx, folding, key, at)
    if state.enrolled is None:
        raise UnknownMember(key[1])
    known = origin in state.deeds
    if not known:
        # The id is derived from what counts once, so that a repeat can only be a repeat.
        await carry_out(tx, folding, key, fact_id(origin, data.TYPE, *key, 0), at, data)
        state = await current(tx, folding, key, at)
    return DeedOut(
        origin=origin, status="counted_already" if known else "counted", earned=state.deeds[origin].growth,
        growth=state.growth,
    )  # fmt: skip
