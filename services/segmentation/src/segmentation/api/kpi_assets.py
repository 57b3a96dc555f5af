"""Key figures of members as assets, of stickiness, and of what it costs to lose customers (ANA-024 to 026, 042)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import PlannedDay, ShopName
from common.events.segments import FitStatus
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, mean_of, period_of, said
from segmentation.kpis import rules
from segmentation.kpis import store_assets as assets
from segmentation.kpis.store_buyers import count_retained, sum_net
from segmentation.lifetime_value.store import get_newest_fit

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])
MOST_COST = 1_000_000_000_000
Cost = Annotated[int | None, Query(ge=0, le=MOST_COST, description="of one customer, in minor units of the currency")]
Percent = Annotated[int, Query(ge=0, le=100)]


class MemberQualityOut(Out):
    """Of the members: percent who bought twice or more, are active in their life cycle, bought in the period.

    `net_per_member`: bought in the period, less refunds, by every member. `value_per_member`: predicted lifetime value
    of those who have one; `high_value_percent` of them are of grade 4 or 5. `value_fit`: what the models that predict
    it are; where they are degenerate neither can be relied on.
    """

    repurchasers_percent: Decimal | None
    active_percent: Decimal | None
    buying_percent: Decimal | None
    net_per_member: int | None
    value_per_member: int | None
    high_value_percent: Decimal | None
    value_fit: FitStatus | None


class AssetsOut(KpiOut):
    """The number of members, and how good they are: both count (ANA-026)."""

    members: int
    buyers: int
    valued: int
    quality: MemberQualityOut


class StickinessOut(KpiOut):
    """`index`: the mean of the known of three shares, in percent of the buyers; null without buyers.

    `came_back_percent`: were active on two days or more, of those of whom activity is known; `again_percent`: ordered
    twice or more; `sticky_percent`: five orders or more by now.
    """

    buyers: int
    seen: int
    came_back_percent: Decimal | None
    again_percent: Decimal | None
    sticky_percent: Decimal | None
    index: Decimal | None


class LossesOut(KpiOut):
    """What losing customers costs, by the shop's own assumptions, which it gives with the question (ANA-024, ANA-025).

    `lost` of the `base`, who bought in the period before, bought nothing in this one. `profit_lost`: what they would
    have brought, as the mean buyer of the period before, at `profit_percent`. To replace and to keep them costs
    `to_replace` and `to_keep`; `times`: how many times as much to win one as to keep one. Null: a cost is not given.
    """

    base: int
    lost: int
    net_per_buyer: int | None
    profit_percent: int
    profit_lost: int | None
    to_replace: int | None
    to_keep: int | None
    times: Decimal | None


@router.get("/assets")
async def get_assets(
    shop: ShopName, tx: Tx, days: Window = 365, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> AssetsOut:
    """Members by number and by quality (ANA-026)."""
    period = await period_of(tx, shop, since, until, days)
    row = await assets.sum_members(tx, shop, period.since, period.until, period.currency)
    fit = await get_newest_fit(tx, shop)
    definition = (
        "members as they stand today: how many, how they buy in the period, and what they are predicted to be worth"
    )
    return AssetsOut(
        **said(definition, period),
        members=row.members,
        buyers=row.buyers,
        valued=row.valued,
        quality=MemberQualityOut(
            repurchasers_percent=rules.percent(row.repurchasers, row.members),
            active_percent=rules.percent(row.active, row.members),
            buying_percent=rules.percent(row.in_period, row.members),
            net_per_member=row.net // row.members if row.members else None,
            value_per_member=row.value // row.valued if row.valued else None,
            high_value_percent=rules.percent(row.grade_high, row.valued),
            value_fit=fit.status if fit is not None else None,
        ),
    )


@router.get("/stickiness")
async def get_stickiness(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> StickinessOut:
    """How much buyers stick to the shop: by visits, orders and milestones (ANA-042)."""
    period = await period_of(tx, shop, since, until, days)
    row = await assets.count_sticking(tx, shop, period.since, period.until)
    shares = rules.Sticking(
        rules.percent(row.came_back, row.seen),
        rules.percent(row.again, row.buyers),
        rules.percent(row.sticky, row.buyers),
    )
    definition = (
        "buyers of the period: how many were active on two days or more of it, ordered twice or more in it, and have "
        "five orders or more; the index is the mean of what is known of the three"
    )
    return StickinessOut(
        **said(definition, period),
        buyers=row.buyers,
        seen=row.seen,
        came_back_percent=shares.came_back,
        again_percent=shares.again,
        sticky_percent=shares.sticky,
        index=rules.stickiness(shares),
    )


@router.get("/losses")
async def get_losses(
    shop: ShopName,
    tx: Tx,
    days: Window = 365,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
    acquisition_cost: Cost = None,
    retention_cost: Cost = None,
    profit_percent: Percent = 20,
) -> LossesOut:
    """What it costs to lose customers, beside what it costs to keep them (ANA-024, ANA-025)."""
    period = await period_of(tx, shop, since, until, days)
    base, retained = await count_retained(tx, shop, period.since, period.until, period.before)
    net = await sum_net(tx, shop, period.before, period.since, period.currency)
    lost = base - retained
    found = rules.losses(lost, net, base, profit_percent, acquisition_cost, retention_cost)
    definition = (
        "who bought in the period before and not in this one, times net of a buyer of the period before, times the "
        "share that is profit; and times what it costs to win, or to keep, one customer"
    )
    return LossesOut(
        **said(definition, period),
        base=base,
        lost=lost,
        net_per_buyer=net // base if base else None,
        profit_percent=profit_percent,
        profit_lost=found.profit,
        to_replace=found.to_replace,
        to_keep=found.to_keep,
        times=mean_of(acquisition_cost, retention_cost) if acquisition_cost is not None and retention_cost else None,
    )
