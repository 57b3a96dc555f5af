"""Tiers granted by hand over HTTP: the campaign's work list, grants, a second person's approval (MEM-020)."""

from __future__ import annotations

from fastapi import Request
from pydantic import BaseModel

from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from membership.api.changes import ChangeApprovalIn, ChangeOut, Limit, Reason, asked_for, decided, page
from membership.commands import manual_changes as commands
from membership.manual_changes import store
from membership.manual_changes.state import Asked, State
from membership.members import store as members

router = Router(prefix="/v1/shops/{shop}", tags=["changes by hand"])


class TierGrantIn(Body):
    """`command_id` is the caller's own and makes a repetition harmless; `tier` is the id of a higher tier."""

    command_id: Identifier
    tier: Identifier
    reason: Reason
    by: Staff


class TierGrantOut(ChangeOut):
    """`proposed` until another person decides; `decided_by` is null where one person alone was enough.

    `reason` is null where the customer was erased.
    """

    tier: str


class TierGrantPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[TierGrantOut]
    after: str | None


class Candidate(BaseModel):
    """`tier` is held, `candidate` may be granted: an order in a campaign `by_hand` was large enough. Both are ids."""

    customer: str
    tier: str
    candidate: str


class CandidatePage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[Candidate]
    after: str | None


@router.get("/tier-candidates", dependencies=[require("members:read")])
async def list_tier_candidates(shop: ShopName, tx: Tx, after: Cursor = "", limit: Limit = 50) -> CandidatePage:
    """The work list: members who qualify in a campaign for a tier that staff grant (MEM-020), by customer.

    A member leaves it with the tier, or when the order is refunded.
    """
    rows = await members.list_candidates(tx, shop, after, limit + 1)
    items = [Candidate.model_validate(dict(row._mapping)) for row in rows[:limit]]
    return CandidatePage(items=items, after=items[-1].customer if len(rows) > limit else None)


@router.post("/members/{customer}/tier-grants", dependencies=[require("members:change")])
async def grant_tier(shop: ShopName, customer: Identifier, body: TierGrantIn, request: Request, tx: Tx) -> TierGrantOut:
    """Grant a member a higher tier for a term, or in grace the present one anew. Repeating it is harmless.

    Where the programme's `approvals.tiers_alone` asks for it, the grant waits for another person (`proposed`).
    """
    asked = Asked(body.command_id, body.reason, body.by, tier=body.tier)
    return await asked_for(tx, request, (shop, customer), asked, TierGrantOut)


@router.get("/members/{customer}/tier-grants", dependencies=[require("members:read", recorded=True)])
async def list_tier_grants_of_member(
    shop: ShopName, customer: Identifier, request: Request, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> TierGrantPage:
    """The tiers that a member was granted or that were asked for, by id."""
    rows = await store.list_of_customer(tx, (shop, customer), "tier", after, limit + 1)
    items, following = await page(tx, request, rows, limit, TierGrantOut)
    return TierGrantPage(items=items, after=following)


@router.get("/tier-grants", dependencies=[require("members:read", recorded=True)])
async def list_tier_grants(
    shop: ShopName, request: Request, tx: Tx, state: State | None = None, after: Cursor = "", limit: Limit = 50
) -> TierGrantPage:
    """The shop's tiers granted by hand, by id; `state=proposed`: those that wait for a second person."""
    rows = await store.list_changes(tx, shop, "tier", state, after, limit + 1)
    items, following = await page(tx, request, rows, limit, TierGrantOut)
    return TierGrantPage(items=items, after=following)


@router.post("/tier-grants/{command_id}/approve", dependencies=[require("members:approve")])
async def approve_tier_grant(
    shop: ShopName, command_id: Identifier, body: ChangeApprovalIn, request: Request, tx: Tx
) -> TierGrantOut:
    """Grant what was proposed; `by` is another person than the one that asked. Repeating it is harmless."""
    return await decided(tx, request, commands.approve, shop, "tier", command_id, body.by, TierGrantOut)


@router.post("/tier-grants/{command_id}/refuse", dependencies=[require("members:approve")])
async def refuse_tier_grant(
    shop: ShopName, command_id: Identifier, body: ChangeApprovalIn, request: Request, tx: Tx
) -> TierGrantOut:
    """Refuse what was proposed, or take one's own back. Repeating it is harmless."""
    return await decided(tx, request, commands.refuse, shop, "tier", command_id, body.by, TierGrantOut)
