"""Activities with places over HTTP: calendar, invitations, places, attendance, draws (MEM-037, 038, 098 to 105)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, Field
from sqlalchemy import Row

from common.events.fields import Cursor, Identifier, PlannedTime, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.people import Person, identifiers_of
from common.http.staff import Staff
from common.values.names import ASKED
from membership.activities import store
from membership.activities.refusals import UnknownActivity
from membership.activities.rules import Status, seed_hash
from membership.activities.terms import Activity
from membership.commands import places as commands

router = Router(prefix="/v1/shops/{shop}", tags=["activities"])
Limit = Annotated[int, Query(ge=1, le=500)]


class PlannedActivityOut(BaseModel):
    """`left`: places that are left now, null without limit. `seed_hash`: SHA-256 of the `seed` of the draw, which is
    shown once the prizes are drawn: the winners have the lowest SHA-256 of `<seed>/<customer>`."""

    activity_id: str
    activity: Activity
    taken: int
    left: int | None
    seed_hash: str | None
    seed: str | None
    drawn_at: datetime | None
    drawn_by: str | None


class PlannedActivityPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[PlannedActivityOut]
    after: str | None


class EntryOut(BaseModel):
    """`prize`: 1 for who was drawn first; null: none."""

    activity_id: str
    customer: str
    status: Status
    prize: int | None
    by: str | None
    at: datetime


class EntryPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[EntryOut]
    after: str | None


class EntriesOfMember(BaseModel):
    items: list[EntryOut]


class InvitationsIn(Body):
    customers: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=1_000)]
    by: Staff


class InvitedOut(BaseModel):
    """`invited`: those who had no part in it yet."""

    activity_id: str
    invited: int


class PlaceIn(Body):
    """`status`: `taken` takes a place, `given_back` gives it back."""

    status: Literal["taken", "given_back"] = "taken"


class AttendanceIn(Body):
    came: bool = True
    by: Staff


class DrawIn(Body):
    by: Staff


def _out(row: Row[Any]) -> PlannedActivityOut:
    return PlannedActivityOut(
        activity_id=row.activity_id,
        activity=Activity.model_validate_json(row.terms),
        taken=row.taken,
        left=None if row.places is None else row.places - row.taken,
        seed_hash=None if row.seed is None else seed_hash(row.seed),
        seed=None if row.drawn_at is None else row.seed,
        drawn_at=row.drawn_at,
        drawn_by=row.drawn_by,
    )


def _entry(row: Row[Any]) -> EntryOut:
    return EntryOut.model_validate({name: getattr(row, name) for name in EntryOut.model_fields})


@router.put("/activities/{activity_id}", dependencies=[require("programme:write")])
async def set_planned_activity(
    shop: ShopName, activity_id: Identifier, body: Annotated[Activity, ASKED], tx: Tx
) -> PlannedActivityOut:
    """Set an activity: an event, a trial, limited goods. It never changes; repeating it is harmless."""
    return _out(await commands.set_activity(tx, shop, activity_id, body))


@router.get("/activities", dependencies=[require("programme:read")])
async def list_planned_activities(
    shop: ShopName,
    tx: Tx,
    start: Annotated[PlannedTime, Query()],
    end: Annotated[PlannedTime, Query()],
    after: Cursor = "",
    limit: Limit = 100,
) -> PlannedActivityPage:
    """The calendar: what takes place at some instant of [start, end), by id (MEM-098)."""
    rows = await store.list_between(tx, shop, start, end, after, limit + 1)
    items = [_out(row) for row in rows[:limit]]
    return PlannedActivityPage(items=items, after=items[-1].activity_id if len(rows) > limit else None)


@router.get("/activities/{activity_id}", dependencies=[require("programme:read")])
async def get_planned_activity(shop: ShopName, activity_id: Identifier, tx: Tx) -> PlannedActivityOut:
    row = await store.get_activity(tx, shop, activity_id)
    if row is None:
        raise UnknownActivity(activity_id)
    return _out(row)


@router.get("/activities/{activity_id}/entries", dependencies=[require("members:read")])
async def list_entries_of_activity(
    shop: ShopName,
    activity_id: Identifier,
    tx: Tx,
    status: Status | None = None,
    after: Cursor = "",
    limit: Limit = 100,
) -> EntryPage:
    """Who is invited, takes part, came, and won, by customer."""
    rows = await store.list_entries(tx, shop, activity_id, status, after, limit + 1)
    items = [_entry(row) for row in rows[:limit]]
    return EntryPage(items=items, after=items[-1].customer if len(rows) > limit else None)


@router.post("/activities/{activity_id}/invitations", dependencies=[require("members:write")])
async def invite_to_activity(shop: ShopName, activity_id: Identifier, body: InvitationsIn, tx: Tx) -> InvitedOut:
    """Invite customers, who may take a place whatever their tier (MEM-102, MEM-104). Repeating it is harmless."""
    new = await commands.invite(tx, shop, activity_id, body.customers, body.by)
    return InvitedOut(activity_id=activity_id, invited=new)


@router.put("/activities/{activity_id}/entries/{customer}", dependencies=[require("members:write")])
async def take_place(shop: ShopName, activity_id: Identifier, customer: Identifier, body: PlaceIn, tx: Tx) -> EntryOut:
    """Take a place or give it back: of many who ask at once the last place is one's. Repeating it is harmless."""
    if body.status == "taken":
        return _entry(await commands.take(tx, (shop, customer), activity_id))
    return _entry(await commands.give_back(tx, (shop, customer), activity_id))


@router.put("/activities/{activity_id}/attendance/{customer}", dependencies=[require("members:write")])
async def record_attendance(
    shop: ShopName, activity_id: Identifier, customer: Identifier, body: AttendanceIn, tx: Tx
) -> EntryOut:
    """Say who came; it counts as an activity of the member once (MEM-016). Repeating it is harmless."""
    return _entry(await commands.attend(tx, (shop, customer), activity_id, body.by, came=body.came))


@router.post("/activities/{activity_id}/draw", dependencies=[require("members:change")])
async def draw_prizes(shop: ShopName, activity_id: Identifier, body: DrawIn, tx: Tx) -> PlannedActivityOut:
    """Draw the prizes among those who take part (MEM-101), once; the seed was fixed when the activity was set."""
    return _out(await commands.draw(tx, shop, activity_id, body.by))


@router.get("/members/{customer}/activities", dependencies=[require("members:read")])
async def list_activities_of_member(shop: ShopName, customer: Person, tx: Tx, limit: Limit = 100) -> EntriesOfMember:
    """A member's invitations, places and prizes, the newest first."""
    people = await identifiers_of(tx, shop, customer)
    return EntriesOfMember(items=[_entry(row) for row in await store.list_of_customer(tx, shop, people, limit)])
