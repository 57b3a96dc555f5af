"""Key figures by group, beside those of the whole shop (ANA-005 to 008, ANA-018, 019, 021)."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Period, Window, period_of, said
from segmentation.kpis import rules
from segmentation.kpis import store_buyers as buyers
from segmentation.kpis import store_groups as groups

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])
DEFINITIONS: dict[groups.By, str] = {
    "tier": "buyers of the period by the tier that they are in today",
    "segment": "buyers of the period by the segments that they are in today, each in all of theirs",
    "source": "buyers of the period by the source that their profile names",
    "platform": "orders of the period by the platform on which each was bought, as the shop names it, and who bought"
    " there; none: the shop does not say",
    "way": "orders of the period by how the customer came to the shop, and who ordered so",
}


class GroupOut(Out):
    """`customers`: who is in the group, whether they bought or not; null for orders, and for those in none.

    `repeating` bought twice in the period, `returning` before it or twice in it; `retained` of the `base` (buyers of
    the period before) bought again. By platform and way: `base` bought so in the period before, and `retained` at all.
    Amounts are null where there is nobody.
    """

    id: str | None
    name: str | None
    customers: int | None
    buyers: int
    repeating: int
    repurchase_percent: Decimal | None
    returning: int
    orders: int
    net: int
    percent_of_sales: Decimal | None
    per_order: int | None
    per_buyer: int | None
    per_customer: int | None
    base: int
    retained: int
    retention_percent: Decimal | None


class GroupsOut(KpiOut):
    """`groups`: those that spent most first; `id` null are buyers or orders in none. `whole`: the shop's own."""

    by: groups.By
    whole: GroupOut
    groups: list[GroupOut]


@router.get("/groups")
async def get_groups(
    shop: ShopName,
    tx: Tx,
    by: groups.By = "tier",
    days: Window = 90,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> GroupsOut:
    """Repurchase, retention and what is spent by group; the groups that spent most."""
    period = await period_of(tx, shop, since, until, days)
    whole = await _whole(tx, shop, period)
    rows = await groups.sum_by_group(tx, shop, by, period.since, period.until, period.before, period.currency, limit)
    found = [
        _group(
            *(row.id, row.name, row.customers if by not in groups.OF_ORDERS and row.id is not None else None),
            *(row.buyers, row.repeating, row.returning, row.orders, row.priced, row.net, row.base, row.retained),
            all_net=whole.net,
        )
        for row in rows
        if row.id is not None or row.buyers or row.base
    ]
    return GroupsOut(**said(DEFINITIONS[by], period), by=by, whole=whole, groups=found)


async def _whole(tx: Tx, shop: str, period: Period) -> GroupOut:
    row = await buyers.sum_period(tx, shop, period.since, period.until, period.currency)
    base, retained = await buyers.count_retained(tx, shop, period.since, period.until, period.before)
    counts = (row.buyers, row.repeating, row.returning, row.orders, row.orders_priced, row.net, base, retained)
    return _group(None, None, None, *counts, all_net=row.net)


def _group(
    id_: str | None,
    name: str | None,
    customers: int | None,
    bought: int,
    repeating: int,
    returning: int,
    orders: int,
    priced: int,
    net: int,
    base: int,
    retained: int,
    *,
    all_net: int,
) -> GroupOut:
    return GroupOut(
        id=id_,
        name=name,
        customers=customers,
        buyers=bought,
        repeating=repeating,
        repurchase_percent=rules.percent(repeating, bought),
        returning=returning,
        orders=orders,
        net=net,
        percent_of_sales=rules.percent(net, all_net),
        per_order=net // priced if priced else None,
        per_buyer=net // bought if bought else None,
        per_customer=net // customers if customers else None,
        base=base,
        retained=retained,
        retention_percent=rules.percent(retained, base),
    )
