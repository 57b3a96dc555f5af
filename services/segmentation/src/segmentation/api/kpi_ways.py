"""Key figures of how orders come, what is new in them, and what sells in which season (ANA-020, 028, 040, 041)."""

from __future__ import annotations

from decimal import Decimal
from itertools import groupby
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import PlannedDay, ShopName
from common.events.orders import EntryPath
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, period_of, said
from segmentation.kpis import rules
from segmentation.kpis import store_ways as ways

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])
Most = Annotated[int, Query(ge=1, le=100, description="categories")]
RECOMMENDATION = "recommendation"


class WayOut(Out):
    """`decision_seconds`: from the first view to the order, mean of the `measured`; null where none is."""

    way: EntryPath
    orders: int
    percent: Decimal | None
    net: int
    percent_of_net: Decimal | None
    measured: int
    decision_seconds: int | None


class WaysOut(KpiOut):
    """Percent of the orders of which the way is `known`.

    `recommended`: by way of a recommendation, `others`: by any other. How many of the visits became orders is not
    told by way, so there is no rate of conversion.
    """

    orders: int
    known: int
    recommended_percent: Decimal | None
    recommended_percent_of_net: Decimal | None
    recommended_seconds: int | None
    others_seconds: int | None
    ways: list[WayOut]


class CategoryOut(Out):
    """Customers who had bought before the period; percent of the `buyers` of the category in it."""

    category: str
    buyers: int
    expanding: int
    percent: Decimal | None
    new_buyers: int


class ExpansionOut(KpiOut):
    """`expanding` bought a category that they never had before, `new_buyers` goods that are marked new."""

    buyers: int
    expanding: int
    expanding_percent: Decimal | None
    new_buyers: int
    new_percent: Decimal | None
    categories: list[CategoryOut]


class SeasonOut(Out):
    """`units` by quarter of the year, January to March first; `peak`: with most a day, null where all are alike.

    `peak_index`: units a day of the peak against those of the whole period, 100 is the mean; a period may hold a few
    days of a quarter, or a quarter twice.
    """

    category: str
    units: dict[int, int]
    peak: int | None
    peak_index: Decimal | None


class SeasonsOut(KpiOut):
    """The best sellers first. Quarters of which the period holds no day have no units and are in no mean."""

    quarters: list[int]
    categories: list[SeasonOut]


@router.get("/ways")
async def get_ways(
    shop: ShopName, tx: Tx, days: Window = 90, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> WaysOut:
    """By which way orders come, and what recommendations contribute to them (ANA-020, ANA-041)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await ways.sum_by_way(tx, shop, period.since, period.until, period.currency)
    known = [row for row in rows if row.way is not None]
    orders, net = sum(row.orders for row in known), sum(row.net for row in known)
    ours = [row for row in known if row.way == RECOMMENDATION]
    others = [row for row in known if row.way != RECOMMENDATION]
    definition = (
        "completed orders of the period by how the customer came to the shop, of those of which it is told; a "
        "recommendation's share of traffic is its share of them, its contribution the share of their net"
    )
    return WaysOut(
        **said(definition, period),
        orders=sum(row.orders for row in rows),
        known=orders,
        recommended_percent=rules.percent(sum(row.orders for row in ours), orders),
        recommended_percent_of_net=rules.percent(sum(row.net for row in ours), net),
        recommended_seconds=_mean([(row.decision_seconds, row.measured) for row in ours]),
        others_seconds=_mean([(row.decision_seconds, row.measured) for row in others]),
        ways=[
            WayOut(
                way=row.way,
                orders=row.orders,
                percent=rules.percent(row.orders, orders),
                net=row.net,
                percent_of_net=rules.percent(row.net, net),
                measured=row.measured,
                decision_seconds=_mean([(row.decision_seconds, row.measured)]),
            )
            for row in known
        ],
    )


@router.get("/expansion")
async def get_expansion(
    shop: ShopName,
    tx: Tx,
    days: Window = 90,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
    limit: Most = 20,
) -> ExpansionOut:
    """Whether returning customers take up categories that are new to them, and new products (ANA-028)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await ways.count_new_to_returning(tx, shop, period.since, period.until, limit)
    (everybody,) = [row for row in rows if row.category is None]
    buyers, expanding, new = everybody.buyers, everybody.expanding, everybody.new_buyers
    definition = (
        "customers who had bought before the period and bought goods of a known category in it; expanding: a category "
        "in none of their earlier orders, new: goods marked new"
    )
    return ExpansionOut(
        **said(definition, period),
        buyers=buyers,
        expanding=expanding,
        expanding_percent=rules.percent(expanding, buyers),
        new_buyers=new,
        new_percent=rules.percent(new, buyers),
        categories=[
            CategoryOut(
                category=row.category,
                buyers=row.buyers,
                expanding=row.expanding,
                percent=rules.percent(row.expanding, row.buyers),
                new_buyers=row.new_buyers,
            )
            for row in rows
            if row.category is not None
        ],
    )


@router.get("/seasons")
async def get_seasons(
    shop: ShopName,
    tx: Tx,
    days: Window = 365,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
    limit: Most = 20,
) -> SeasonsOut:
    """What sells best in which season (ANA-040); what the whole industry looks for is not known here."""
    period = await period_of(tx, shop, since, until, days)
    rows = await ways.sum_by_season(tx, shop, period.since, period.until, limit)
    days_of = rules.days_by_quarter(period.since, period.until)
    found = []
    for category, group in groupby(rows, key=lambda row: row.category):
        units = {row.quarter: row.units for row in group}
        peak, index = rules.peak_of(units, days_of)
        found.append(SeasonOut(category=category, units=units, peak=peak, peak_index=index))
    definition = (
        "units of goods in completed orders of the period by category and quarter of the year; "
        "peak: units a day of the quarter against units a day of the period"
    )
    return SeasonsOut(**said(definition, period), quarters=sorted(days_of), categories=found)


def _mean(sums: list[tuple[int, int]]) -> int | None:
    count = sum(number for _, number in sums)
    return sum(total for total, _ in sums) // count if count else None
