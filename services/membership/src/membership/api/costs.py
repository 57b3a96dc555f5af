"""What winning a customer costs beside keeping one, over HTTP (ANA-024)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from membership.costs import store
from membership.costs.rules import Costs, Reason, times
from membership.programme import store as programmes

router = Router(prefix="/v1/shops/{shop}/report", tags=["reports"])
DEFINITION = (
    "What offers took off on paid orders, points when they are spent, cash rewards when they are handed over, and "
    "surprises. Won: offers to new customers, for a first purchase or for friends, and rewards of referrals on both "
    "sides, by customer who became a member in the period. Kept: all else, by member from before it. Points that were "
    "given for friends count once, when they are spent. Not counted: tier prices, free shipping, gifts, what partners "
    "are paid, advertising."
)


class CostOut(BaseModel):
    """Minor units. `customers`: of whom it is the cost; `each`: by customer, null with `reason` where there is none."""

    offers: int
    points: int
    cash: int
    surprises: int
    total: int
    customers: int
    each: int | None
    reason: Reason | None


class CustomerCostsOut(BaseModel):
    """Of [`since`, `until`), days of the shop's zone, in its currency of now; other currencies are left out.

    `times`: how many times the cost of one who is kept one who is won is; null where either is unknown or keeping free.
    """

    definition: str
    since: date
    until: date
    currency: str
    won: CostOut
    kept: CostOut
    times: Decimal | None


@router.get("/customer-costs", dependencies=[require("members:read")])
async def get_customer_costs(
    shop: ShopName,
    tx: Tx,
    days: Annotated[int, Query(ge=1, le=1_095, description="the last so many days, today included")] = 90,
) -> CustomerCostsOut:
    """What a customer costs who is won, and one who is kept (ANA-024)."""
    rules, now = (await programmes.get_rules(tx, [shop]))[shop], tx.clock.now()
    until = rules.date_of(now) + timedelta(days=1)
    since, currency = until - timedelta(days=days), rules.currency_at(now)
    bounds = rules.start_of(since), rules.start_of(until)
    sums = await store.sum_costs(tx, shop, *bounds, currency)
    members = await store.count_members(tx, shop, *bounds)
    won = Costs(int(sums.won_offers), int(sums.won_points), int(sums.won_cash), 0, members.won)
    kept = Costs(int(sums.kept_offers), int(sums.kept_points), int(sums.kept_cash), int(sums.surprises), members.kept)
    return CustomerCostsOut(
        definition=DEFINITION,
        since=since,
        until=until,
        currency=currency,
        won=_out(won, "nobody_new"),
        kept=_out(kept, "nobody_kept"),
        times=times(won, kept),
    )


def _out(costs: Costs, reason: Reason) -> CostOut:
    return CostOut(**costs._asdict(), total=costs.total, each=costs.each, reason=reason if costs.each is None else None)
