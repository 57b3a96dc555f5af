"""Points changed by hand over HTTP: asked for with a reason, approved by a second person above a limit."""

from __future__ import annotations

from typing import Annotated

from fastapi import Request
from pydantic import AfterValidator, BaseModel, Field

from common.events.fields import ABSURD, Cursor, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from membership.api.changes import ChangeApprovalIn, ChangeOut, Limit, Reason, asked_for, decided, page
from membership.commands import manual_changes as commands
from membership.manual_changes import store
from membership.manual_changes.state import Asked, State

router = Router(prefix="/v1/shops/{shop}", tags=["changes by hand"])


def _not_zero(points: int) -> int:
    if not points:
        raise ValueError("must not be 0: above it adds points, below it takes some")
    return points


class AdjustmentIn(Body):
    """`command_id` is the caller's own and makes a repetition harmless; `points` below zero are taken."""

    command_id: Identifier
    points: Annotated[int, AfterValidator(_not_zero), Field(ge=-ABSURD, le=ABSURD, strict=True)]
    reason: Reason
    by: Staff


class AdjustmentOut(ChangeOut):
    """`proposed` until another person decides; `decided_by` is null where one person alone was enough.

    `reason` is null where the customer was erased.
    """

    points: int


class AdjustmentPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[AdjustmentOut]
    after: str | None


@router.post("/members/{customer}/adjustments", dependencies=[require("members:change")])
async def adjust_points(
    shop: ShopName, customer: Identifier, body: AdjustmentIn, request: Request, tx: Tx
) -> AdjustmentOut:
    """Add points to a member, or take some. Up to the programme's `approvals.points_alone` a day it counts at once,
    above that it waits for another person (`state` `proposed`). Repeating it is harmless."""
    asked = Asked(body.command_id, body.reason, body.by, points=body.points)
    return await asked_for(tx, request, (shop, customer), asked, AdjustmentOut)


@router.get("/members/{customer}/adjustments", dependencies=[require("members:read", recorded=True)])
async def list_adjustments_of_member(
    shop: ShopName, customer: Identifier, request: Request, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> AdjustmentPage:
    """A member's changes of points by hand, by id."""
    rows = await store.list_of_customer(tx, (shop, customer), "points", after, limit + 1)
    items, following = await page(tx, request, rows, limit, AdjustmentOut)
    return AdjustmentPage(items=items, after=following)


@router.get("/adjustments", dependencies=[require("members:read", recorded=True)])
async def list_adjustments(
    shop: ShopName, request: Request, tx: Tx, state: State | None = None, after: Cursor = "", limit: Limit = 50
) -> AdjustmentPage:
    """The shop's changes of points by hand, by id; `state=proposed`: those that wait for a second person."""
    rows = await store.list_changes(tx, shop, "points", state, after, limit + 1)
    items, following = await page(tx, request, rows, limit, AdjustmentOut)
    return AdjustmentPage(items=items, after=following)


@router.post("/adjustments/{command_id}/approve", dependencies=[require("members:approve")])
async def approve_adjustment(
    shop: ShopName, command_id: Identifier, body: ChangeApprovalIn, request: Request, tx: Tx
) -> AdjustmentOut:
    """Grant a proposed change; `by` is another person than the one that asked. Repeating it is harmless."""
    return await decided(tx, request, commands.approve, shop, "points", command_id, body.by, AdjustmentOut)


@router.post("/adjustments/{command_id}/refuse", dependencies=[require("members:approve")])
async def refuse_adjustment(
    shop: ShopName, command_id: Identifier, body: ChangeApprovalIn, request: Request, tx: Tx
) -> AdjustmentOut:
    """Refuse a proposed change, or take one's own back. Repeating it is harmless."""
    return await decided(tx, request, commands.refuse, shop, "points", command_id, body.by, AdjustmentOut)
