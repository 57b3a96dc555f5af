"""Key figures of the shop, one definition each, with period and base stated (ANA-005 to ANA-043)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, mean_of, period_of, said
from segmentation.kpis import rules
from segmentation.kpis import store_buyers as buyers
from segmentation.report.store import count_buyers

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])


class RepurchaseOut(KpiOut):
    """`returning` bought before the period, or twice in it; `repeating` of the buyers bought twice in it."""

    buyers: int
    returning: int
    repeating: int
    percent: Decimal | None
    members: int
    repeating_members: int
    percent_of_members: Decimal | None


class FirstToSecondOut(KpiOut):
    """Three forms of one question: `everybody` is too low, `mature` is late, `estimated` (Kaplan-Meier) is neither."""

    days: int
    buyers: int
    again: int
    mature_buyers: int
    mature_again: int
    everybody: Decimal | None
    mature: Decimal | None
    estimated: Decimal | None


class KeySpendingOut(KpiOut):
    """`growth` is percent more than in the period of the same length before."""

    buyers: int
    orders: int
    net: int
    net_before: int
    growth: Decimal | None
    per_buyer: int | None
    per_order: int | None
    orders_per_buyer: Decimal | None
    contribution: Decimal | None


class StepOut(Out):
    """`part` of `base` went on; `usual` is the industry's percent, `difference` the shop's above it."""

    step: str
    part: int
    base: int
    percent: Decimal | None
    usual: int
    difference: Decimal | None


class LadderOut(KpiOut):
    """`usual_survivors`: of 10,000 first-time buyers how many reach 2, 3, 4, 5 purchases, and more, in the industry."""

    industry: rules.Industry
    steps: list[StepOut]
    usual_survivors: list[Decimal]


class TimesOut(Out):
    """Buyers with so many orders, `6` and more; percent of all buyers, and of what all spent."""

    times: int
    buyers: int
    percent: Decimal | None
    net: int
    percent_of_sales: Decimal | None


class SharesOut(KpiOut):
    """`from_four`: percent of sales from buyers with four orders or more; `repeating`: percent with two or more."""

    buyers: int
    net: int
    per_buyer: int | None
    repeating: Decimal | None
    from_four: Decimal | None
    top_net: int | None
    times: list[TimesOut]


class TopBuyerOut(Out):
    customer: str
    net: int
    orders: int
    returning: bool


class TopOut(KpiOut):
    """`returning` of them had bought before the period."""

    buyers: int
    returning: int
    percent: Decimal | None
    top: list[TopBuyerOut]


class TierSalesOut(Out):
    """`tier` null: no members. `arpu`: net by customer of the tier, whether they bought or not."""

    tier: str | None
    customers: int
    buyers: int
    net: int
    percent_of_sales: Decimal | None
    arpu: int | None


class TiersOut(KpiOut):
    tiers: list[TierSalesOut]


class RetentionOut(KpiOut):
    """Of the `base`, who bought in the period before, `retained` bought in this one; the others are lost to it."""

    base: int
    retained: int
    percent: Decimal | None
    churn_percent: Decimal | None


@router.get("/repurchase")
async def get_repurchase(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> RepurchaseOut:
    """Customers who bought again, of those who bought: over buyers and over members (ANA-005, ANA-034)."""
    period = await period_of(tx, shop, since, until, days)
    row = await buyers.sum_period(tx, shop, period.since, period.until, period.currency)
    members = await buyers.count_members(tx, shop)
    return RepurchaseOut(
        **said("customers with two completed orders or more in the period, of those with one or more in it", period),
        buyers=row.buyers,
        returning=row.returning,
        repeating=row.repeating,
        percent=rules.percent(row.repeating, row.buyers),
        members=members,
        repeating_members=row.repeating_members,
        percent_of_members=rules.percent(row.repeating_members, members),
    )


@router.get("/first-to-second")
async def get_first_to_second(
    shop: ShopName,
    tx: Tx,
    within: Annotated[int, Query(ge=1, le=730, description="days after the first order")] = 90,
    days: Window = 365,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
) -> FirstToSecondOut:
    """How many first-time buyers buy again within so many days, in the three honest forms (ANA-005)."""
    period = await period_of(tx, shop, since, until, days)
    waiting, mature = await buyers.count_waiting(tx, shop, period.since, period.until, period.today, within)
    found = rules.repurchase(waiting, mature, within)
    definition = f"a second completed order within {within} days of the first, of those whose first was in the period"
    return FirstToSecondOut(**said(definition, period), days=within, **found._asdict())


@router.get("/spending")
async def get_spending(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> KeySpendingOut:
    """Purchase frequency, average and total amount with growth, and repeat buyers' contribution (ANA-006, 007, 011)."""
    period = await period_of(tx, shop, since, until, days)
    row = await buyers.sum_spent(tx, shop, period.since, period.until, period.currency)
    net_before = await buyers.sum_net(tx, shop, period.before, period.since, period.currency)
    rate, per_order = (
        rules.percent(row.repeating, row.buyers),
        row.net // row.orders_priced if row.orders_priced else None,
    )
    return KeySpendingOut(
        **said("paid less refunds of completed orders; contribution = buyers x repurchase rate x order value", period),
        buyers=row.buyers,
        orders=row.orders,
        net=row.net,
        net_before=net_before,
        growth=rules.growth(row.net, net_before),
        per_buyer=row.net // row.buyers if row.buyers else None,
        per_order=per_order,
        orders_per_buyer=mean_of(row.orders, row.buyers),
        contribution=rules.contribution(row.buyers, rate, per_order) if rate is not None and per_order else None,
    )


@router.get("/ladder")
async def get_ladder(shop: ShopName, tx: Tx, industry: rules.Industry = "womens_wear") -> LadderOut:
    """Conversion from each purchase to the next, beside the industry's benchmark (ANA-012, ANA-038, T-3)."""
    period = await period_of(tx, shop, None, None, 3_650)
    reached = (await count_buyers(tx, shop, None, None)).reached
    steps = []
    for n, usual in enumerate(rules.BENCHMARKS[industry], start=1):
        percent = rules.percent(reached[n + 1], reached[n])
        steps.append(
            StepOut(
                step=f"{n}-{n + 1}" if n < 5 else "5-5+",
                part=reached[n + 1],
                base=reached[n],
                percent=percent,
                usual=usual,
                difference=percent - usual if percent is not None else None,
            )
        )
    return LadderOut(
        **said("customers with n + 1 completed orders or more, of those with n or more, of all time", period),
        industry=industry,
        steps=steps,
        usual_survivors=rules.survivors(10_000, industry),
    )


@router.get("/shares")
async def get_shares(
    shop: ShopName, tx: Tx, days: Window = 183, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> SharesOut:
    """Buyers and sales by number of purchases, mean contribution, and the top spender (ANA-013, ANA-014)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await buyers.sum_by_count(tx, shop, period.since, period.until, period.currency)
    top = await buyers.list_top(tx, shop, period.since, period.until, period.currency, 1)
    count, net = sum(row.buyers for row in rows), sum(row.net for row in rows)
    return SharesOut(
        **said("buyers of the period by the number of their completed orders in it", period),
        buyers=count,
        net=net,
        per_buyer=net // count if count else None,
        repeating=rules.percent(sum(row.buyers for row in rows if row.times >= 2), count),
        from_four=rules.percent(sum(row.net for row in rows if row.times >= 4), net),
        top_net=top[0].net if top else None,
        times=[
            TimesOut(
                times=row.times,
                buyers=row.buyers,
                percent=rules.percent(row.buyers, count),
                net=row.net,
                percent_of_sales=rules.percent(row.net, net),
            )
            for row in rows
        ],
    )


@router.get("/top-buyers")
async def get_top(
    shop: ShopName,
    tx: Tx,
    days: Window = 20,
    top: Annotated[int, Query(ge=1, le=1_000)] = 25,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
) -> TopOut:
    """Of those who spent most in the period, how many had bought before it (ANA-015)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await buyers.list_top(tx, shop, period.since, period.until, period.currency, top)
    returning = sum(row.returning for row in rows)
    return TopOut(
        **said(f"of the {top} who spent most in the period, those with a completed order before it", period),
        buyers=len(rows),
        returning=returning,
        percent=rules.percent(returning, len(rows)),
        top=[TopBuyerOut.model_validate(row) for row in rows],
    )


@router.get("/tiers")
async def get_tiers(
    shop: ShopName, tx: Tx, days: Window = 365, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> TiersOut:
    """Revenue per customer, and share of sales, by tier (ANA-018, ANA-019)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await buyers.sum_by_tier(tx, shop, period.since, period.until, period.currency)
    net = sum(row.net for row in rows)
    return TiersOut(
        **said("paid less refunds in the period, by the tier that customers are in today", period),
        tiers=[
            TierSalesOut(
                tier=row.tier,
                customers=row.customers if row.tier is not None else row.buyers,
                buyers=row.buyers,
                net=row.net,
                percent_of_sales=rules.percent(row.net, net),
                arpu=row.net // (row.customers or row.buyers) if row.customers or row.buyers else None,
            )
            for row in rows
        ],
    )


@router.get("/retention")
async def get_retention(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> RetentionOut:
    """Retention and churn of the shop (ANA-021)."""
    period = await period_of(tx, shop, since, until, days)
    base, retained = await buyers.count_retained(tx, shop, period.since, period.until, period.before)
    return RetentionOut(
        **said(f"buyers of the period, of those who bought in the one before it (from {period.before} on)", period),
        base=base,
        retained=retained,
        percent=rules.percent(retained, base),
        churn_percent=rules.percent(base - retained, base),
    )
