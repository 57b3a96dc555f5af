"""Communities over HTTP: what they are, who may be in them now, who is (MEM-040, MEM-094 to 097, 106)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel
from sqlalchemy import Row

from common.events.fields import Cursor, Identifier, ShopName
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from common.values.names import check_lines
from membership.api.changes import Limit
from membership.commands import communities as commands
from membership.communities import store
from membership.communities.refusals import NoTierOfCommunity, UnknownCommunity
from membership.communities.rules import tiers_of
from membership.communities.store import Status
from membership.communities.terms import Community
from membership.programme import store as programmes
from membership.programme.programme import Programme

router = Router(prefix="/v1/shops/{shop}/communities", tags=["communities"])


def _with_theme(community: Community) -> Community:
    check_lines(theme=community.theme)
    return community


class CommunityIn(Body):
    community: Annotated[Community, AfterValidator(_with_theme)]
    by: Staff


class CommunityOut(BaseModel):
    community_id: str
    community: Community
    by: str
    moved_at: datetime


class CommunityPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[CommunityOut]
    after: str | None


class CommunityMemberIn(Body):
    status: Status
    by: Staff


class CommunityMemberOut(BaseModel):
    """`eligible`: whether the tier that is held now is one that the community is for."""

    customer: str
    status: Status
    eligible: bool
    by: str
    moved_at: datetime


class CommunityMemberPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[CommunityMemberOut]
    after: str | None


class EligibleOut(BaseModel):
    """`status`: in the community; null: was never asked."""

    customer: str
    tier: str
    status: Status | None


class EligiblePage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[EligibleOut]
    after: str | None


def _out(row: Row[Any]) -> CommunityOut:
    terms = Community.model_validate_json(row.terms)
    return CommunityOut(community_id=row.community_id, community=terms, by=row.by, moved_at=row.moved_at)


async def _known(tx: Tx, shop: str, community_id: str) -> CommunityOut:
    row = await store.get_community(tx, shop, community_id)
    if row is None:
        raise UnknownCommunity(community_id)
    return _out(row)


async def _programme(tx: Tx, shop: str) -> Programme:
    return (await programmes.read_rules(tx, {shop}))[shop].at(tx.clock.now())


@router.put("/{community_id}", dependencies=[require("programme:write")])
async def set_community(shop: ShopName, community_id: Identifier, body: CommunityIn, tx: Tx) -> CommunityOut:
    """Make a community, or change what it is. Repeating it is harmless."""
    known = [tier.id for tier in (await _programme(tx, shop)).tiers]
    if body.community.tier_from is not None and body.community.tier_from not in known:
        raise NoTierOfCommunity(body.community.tier_from, known)
    await store.save_community(tx, shop, community_id, body.community, body.by, tx.clock.now())
    return await _known(tx, shop, community_id)


@router.get("", dependencies=[require("programme:read")])
async def list_communities(shop: ShopName, tx: Tx, after: Cursor = "", limit: Limit = 50) -> CommunityPage:
    """The shop's communities, by id."""
    rows = await store.list_communities(tx, shop, after, limit + 1)
    items = [_out(row) for row in rows[:limit]]
    return CommunityPage(items=items, after=items[-1].community_id if len(rows) > limit else None)


@router.get("/{community_id}/eligible", dependencies=[require("members:read")])
async def list_eligible(
    shop: ShopName, community_id: Identifier, tx: Tx, after: Cursor = "", limit: Limit = 50
) -> EligiblePage:
    """Who may be in it now, by customer: always as the tiers stand (MEM-040)."""
    known = await _known(tx, shop, community_id)
    tiers = tiers_of(known.community, await _programme(tx, shop))
    rows = await store.list_eligible(tx, shop, community_id, tiers, after, limit + 1)
    items = [EligibleOut.model_validate(dict(row._mapping)) for row in rows[:limit]]
    return EligiblePage(items=items, after=items[-1].customer if len(rows) > limit else None)


@router.get("/{community_id}/members", dependencies=[require("members:read")])
async def list_community_members(
    shop: ShopName,
    community_id: Identifier,
    tx: Tx,
    status: Status | None = None,
    after: Cursor = "",
    limit: Limit = 50,
) -> CommunityMemberPage:
    """Who was invited, joined and left, by customer; who has lost the tier meanwhile is not `eligible` any more."""
    known = await _known(tx, shop, community_id)
    tiers = tiers_of(known.community, await _programme(tx, shop))
    rows = await store.list_members(tx, shop, community_id, status, after, limit + 1)
    items = [
        CommunityMemberOut(
            customer=row.customer,
            status=row.status,
            eligible=known.community.tier_from is None or row.tier in tiers,
            by=row.by,
            moved_at=row.moved_at,
        )
        for row in rows[:limit]
    ]
    return CommunityMemberPage(items=items, after=items[-1].customer if len(rows) > limit else None)


@router.put("/{community_id}/members/{customer}", dependencies=[require("members:write")])
async def set_community_member(
    shop: ShopName, community_id: Identifier, customer: Identifier, body: CommunityMemberIn, tx: Tx
) -> CommunityMemberOut:
    """Invite a member, or say that they joined or left. Repeating it is harmless."""
    eligible = await commands.set_member(tx, (shop, customer), community_id, body.status, body.by)
    row = await store.get_member(tx, shop, community_id, customer)
    assert row is not None
    return CommunityMemberOut(customer=customer, status=row.status, eligible=eligible, by=row.by, moved_at=row.moved_at)
