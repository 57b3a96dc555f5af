"""Partners over HTTP: ambassadors and affiliates, who might be one, what came of them (MEM-090, MEM-091, MEM-093)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Query
from pydantic import BaseModel
from sqlalchemy import Row

from common.events.fields import Cursor, Identifier, ShopName, Text
from common.http.api import Body, Router, Tx, require
from common.http.staff import Staff
from membership.commands.knowing import lock_known
from membership.partners import store
from membership.partners.refusals import AffiliateIdMissing, NoTierOfPartners
from membership.partners.store import Kind, Status
from membership.programme import store as programmes
from membership.programme.programme import TierId
from membership.satisfaction import store as satisfaction

router = Router(prefix="/v1/shops/{shop}", tags=["partners"])


class PartnerIn(Body):
    """`affiliate_id`: of the network, such as Taobao's, needed of an active affiliate; `commission_source`: who pays.

    What is not given stays as it is.
    """

    status: Status
    affiliate_id: Identifier | None = None
    commission_source: Text | None = None
    by: Staff


class PartnerOut(BaseModel):
    """`brought`: new customers by their code; `rewarded`: those of them who have bought."""

    customer: str
    kind: Kind
    status: Status
    affiliate_id: str | None
    commission_source: str | None
    by: str
    since: datetime
    moved_at: datetime
    brought: int
    rewarded: int


class PartnerPage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[PartnerOut]
    after: str | None


class PartnerCandidateOut(BaseModel):
    """`good`: reviews of 4 or 5 stars, an answer of 9 or 10 to whether they would recommend the shop, which
    `recommends` is, and content that was approved; nobody is listed who said anything bad within
    `bad_days`. `brought`: new customers.
    """

    customer: str
    tier: str
    good: int
    recommends: int | None
    moved_at: datetime
    brought: int


class PartnerCandidatePage(BaseModel):
    """`after` of the next page; null on the last one."""

    items: list[PartnerCandidateOut]
    after: str | None


def _out(row: Row[Any]) -> PartnerOut:
    return PartnerOut.model_validate({name: getattr(row, name) for name in PartnerOut.model_fields})


@router.put("/members/{customer}/partnerships/{kind}", dependencies=[require("members:change")])
async def set_partner(shop: ShopName, customer: Identifier, kind: Kind, body: PartnerIn, tx: Tx) -> PartnerOut:
    """Invite the member as an ambassador or affiliate, or say what has become of it. Repeating it is harmless."""
    key = (shop, customer)
    await lock_known(tx, key)
    known = await store.get_partner(tx, key, kind)
    affiliate_id = body.affiliate_id or (known.affiliate_id if known is not None else None)
    if kind == "affiliate" and body.status == "active" and affiliate_id is None:
        raise AffiliateIdMissing(customer)
    details = (body.affiliate_id, body.commission_source)
    await store.save_partner(tx, key, kind, body.status, details, body.by, tx.clock.now())
    row = await store.get_partner(tx, key, kind)
    assert row is not None
    return _out(row)


@router.get("/partners", dependencies=[require("members:read")])
async def list_partners(
    shop: ShopName,
    tx: Tx,
    kind: Kind = "ambassador",
    status: Status | None = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PartnerPage:
    """The shop's ambassadors or affiliates by customer, with their results (MEM-090)."""
    rows = await store.list_partners(tx, shop, kind, status, after, limit + 1)
    items = [_out(row) for row in rows[:limit]]
    return PartnerPage(items=items, after=items[-1].customer if len(rows) > limit else None)


@router.get("/partner-candidates", dependencies=[require("members:read")])
async def list_partner_candidates(
    shop: ShopName,
    tx: Tx,
    kind: Kind = "ambassador",
    tier_from: Annotated[TierId | None, Query(description="the id of a tier; absent: every tier")] = None,
    good: Annotated[
        int | None, Query(ge=1, le=1_000, description="so many good marks at least; absent: as the programme says")
    ] = None,
    bad_days: Annotated[
        int | None, Query(ge=1, le=3_650, description="a bad word speaks so long; absent: as the programme says")
    ] = None,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> PartnerCandidatePage:
    """Satisfied members who were never asked to be a partner of that kind, by customer (MEM-093)."""
    now = tx.clock.now()
    programme = (await programmes.read_rules(tx, {shop}))[shop].at(now)
    known, asked = [tier.id for tier in programme.tiers], programme.partners
    if tier_from is not None and tier_from not in known:
        raise NoTierOfPartners(tier_from, known)
    wanted = known if tier_from is None else known[known.index(tier_from) :]
    since = now - timedelta(days=bad_days or asked.bad_days)
    rows = await satisfaction.list_candidates(tx, shop, kind, wanted, good or asked.good, since, after, limit + 1)
    items = [PartnerCandidateOut.model_validate(dict(row._mapping)) for row in rows[:limit]]
    return PartnerCandidatePage(items=items, after=items[-1].customer if len(rows) > limit else None)
