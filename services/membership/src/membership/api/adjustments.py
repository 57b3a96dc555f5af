"""Points changed by hand over HTTP: asked for with a reason, approved by a second person above a limit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import AfterValidator, BaseModel, Field
from sqlalchemy import Row

from common.events.fields import ABSURD, Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require, runtime_of
from membership.commands import manual_changes as commands
from membership.manual_changes import store
from membership.manual_changes.state import Asked, State

router = Router(prefix="/v1/shops/{shop}", tags=["changes by hand"])
Limit = Annotated[int, Query(ge=1, le=200)]


def _not_blank(text: str) -> str:
    if not text.strip():
        raise ValueError("must say something")
    return text.strip()


def _not_zero(points: int) -> int:
    if not points:
        raise ValueError("must not be 0: above it adds points, below it takes some")
    return points


Person = Annotated[Text, AfterValidator(_not_blank), Field(description="who of the shop's people does this")]
Reason = Annotated[Text, AfterValidator(_not_blank), Field(description="why; kept encrypted")]


class AdjustmentIn(Body):
    """`command_id` is the caller's own and makes a repetition harmless; `points` below zero are taken."""

    command_id: Identifier
    points: Annotated[int, AfterValidator(_not_zero), Field(ge=-ABSURD, le=ABSURD, strict=True)]
    reason: Reason
    by: Person


class ApprovalIn(Body):
    by: Person


class AdjustmentOut(BaseModel):
    """`proposed` until another person decides; `decided_by` is null where one person alone was enough.

    `reason` is null where the customer was erased.
    """

    command_id: str
    customer: str
    points: int
    reason: str | None
    by: str
    at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None


class AdjustmentPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[AdjustmentOut]
    after: str | None


async def _out(tx: Tx, request: Request, rows: Sequence[Row[Any]]) -> list[AdjustmentOut]:
    ring = runtime_of(request).keys
    keys = await ring.keys_for(tx, {(row.shop, row.customer) for row in rows})
    return [
        AdjustmentOut(
            command_id=row.command_id,
            customer=row.customer,
            points=row.points,
            reason=commands.open_reason(keys, ring, row),
            by=row.asked_by,
            at=row.asked_at,
            state=row.state,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )
        for row in rows
    ]


@router.post("/members/{customer}/adjustments", dependencies=[require("members:change")])
async def adjust_points(
    shop: ShopName, customer: Identifier, body: AdjustmentIn, request: Request, tx: Tx
) -> AdjustmentOut:
    """Add points to a member, or take some. Up to the programme's `approvals.points_alone` a day it counts at once,
    above that it waits for another person (`state` `proposed`). Repeating it is harmless."""
    asked = Asked(body.command_id, body.reason, body.by, points=body.points)
    row = await commands.ask(tx, runtime_of(request).keys, (shop, customer), asked)
    return (await _out(tx, request, [row]))[0]


@router.get("/members/{customer}/adjustments", dependencies=[require("members:read")])
async def list_adjustments_of_member(
    shop: ShopName, customer: Identifier, request: Request, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> AdjustmentPage:
    """A member's changes of points by hand, by id."""
    rows = await store.list_of_customer(tx, (shop, customer), "points", after, limit + 1)
    return await _page(tx, request, rows, limit)


@router.get("/adjustments", dependencies=[require("members:read")])
async def list_adjustments(
    shop: ShopName, request: Request, tx: Tx, state: State | None = None, after: Cursor = "", limit: Limit = 50
) -> AdjustmentPage:
    """The shop's changes of points by hand, by id; `state=proposed`: those that wait for a second person."""
    return await _page(tx, request, await store.list_changes(tx, shop, "points", state, after, limit + 1), limit)


async def _page(tx: Tx, request: Request, rows: Sequence[Row[Any]], limit: int) -> AdjustmentPage:
    items = await _out(tx, request, rows[:limit])
    return AdjustmentPage(items=items, after=items[-1].command_id if len(rows) > limit else None)


@router.post("/adjustments/{command_id}/approve", dependencies=[require("members:approve")])
async def approve_adjustment(
    shop: ShopName, command_id: Identifier, body: ApprovalIn, request: Request, tx: Tx
) -> AdjustmentOut:
    """Grant a proposed change; `by` is another person than the one that asked. Repeating it is harmless."""
    row = await commands.approve(tx, runtime_of(request).keys, shop, "points", command_id, body.by)
    return (await _out(tx, request, [row]))[0]


@router.post("/adjustments/{command_id}/refuse", dependencies=[require("members:approve")])
async def refuse_adjustment(
    shop: ShopName, command_id: Identifier, body: ApprovalIn, request: Request, tx: Tx
) -> AdjustmentOut:
    """Refuse a proposed change, or take one's own back. Repeating it is harmless."""
    row = await commands.refuse(tx, runtime_of(request).keys, shop, "points", command_id, body.by)
    return (await _out(tx, request, [row]))[0]
