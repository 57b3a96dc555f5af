"""A shop's report over HTTP: members by tier, and what it owes in points."""

from __future__ import annotations

from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from membership.members import store as members
from membership.programme import store as programmes

router = Router(prefix="/v1/shops/{shop}", tags=["members"])


class TierCount(BaseModel):
    """The programme's tiers come lowest first."""

    tier: str
    tier_id: str
    members: int
    pending: int
    available: int
    debt: int


class ReportOut(BaseModel):
    """`liability` is what the shop owes in points, `worth` that in minor units of its currency."""

    members: int
    tiers: list[TierCount]
    pending: int
    available: int
    debt: int
    liability: int
    worth: int
    currency: str


@router.get("/report", dependencies=[require("members:read")])
async def get_report(shop: ShopName, tx: Tx) -> ReportOut:
    """Members by tier, and what the shop owes in points."""
    rules = (await programmes.get_rules(tx, [shop]))[shop]
    now = tx.clock.now()
    programme = rules.at(now)
    counted = {row.tier: row for row in await members.get_report(tx, shop)}
    # Members to whom a new ladder has yet to come are counted under the tier they hold.
    known = {tier.id: tier.name for tier in programme.tiers}
    tiers = []
    for tier in [*known, *(tier for tier in counted if tier not in known)]:
        row = counted.get(tier)
        tiers.append(
            TierCount(
                tier=known.get(tier, tier),
                tier_id=tier,
                members=row.members if row else 0,
                pending=row.pending if row else 0,
                available=row.available if row else 0,
                debt=row.debt if row else 0,
            )
        )
    total = await members.get_outstanding(tx, shop)
    assert total is not None
    liability = int(total.pending + total.available)
    return ReportOut(
        members=sum(tier.members for tier in tiers),
        tiers=tiers,
        pending=total.pending,
        available=total.available,
        debt=total.debt,
        liability=liability,
        worth=liability * rules.unit_at(now) // programme.points.per_unit_worth,
        currency=rules.currency_at(now),
    )
