"""Age bands: what customers of an age prefer, and what they spend (SEG-036, ANA-031)."""

from __future__ import annotations

from decimal import Decimal

from fastapi import Depends

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, mean_of, period_of, said
from segmentation.kpis import rules
from segmentation.kpis import store_ages as ages

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])
PREFERRED = 5


class PreferredOut(Out):
    category: str
    units: int


class AgeBandOut(Out):
    """Born in `born_from` or the four years after, so they turn `age_from` to `age_to` in the period's last year.

    `percent`: of the customers whose years of birth are known. Means are of those who bought in the period.
    """

    born_from: int
    age_from: int
    age_to: int
    customers: int
    percent: Decimal | None
    buyers: int
    net_per_buyer: int | None
    per_order: int | None
    orders_per_buyer: Decimal | None
    preferred: list[PreferredOut]


class AgeBandsOut(KpiOut):
    """The youngest first."""

    bands: list[AgeBandOut]


@router.get("/age-bands")
async def get_age_bands(
    shop: ShopName, tx: Tx, days: Window = 365, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> AgeBandsOut:
    """Customers by years of birth: how many, what they spend, and the categories that they buy most of (SEG-036)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await ages.sum_by_birth(tx, shop, period.since, period.until, period.currency)
    preferred = await ages.list_preferred(tx, shop, period.since, period.until, PREFERRED)
    everybody, year = sum(row.customers for row in rows), period.until.year
    definition = "customers by five years of birth, where their profile says it, and what they bought in the period"
    return AgeBandsOut(
        **said(definition, period),
        bands=[
            AgeBandOut(
                born_from=row.born_from,
                age_from=max(0, year - row.born_from - 4),
                age_to=max(0, year - row.born_from),
                customers=row.customers,
                percent=rules.percent(row.customers, everybody),
                buyers=row.buyers,
                net_per_buyer=row.net // row.buyers if row.buyers else None,
                per_order=row.net // row.priced if row.priced else None,
                orders_per_buyer=mean_of(row.orders, row.buyers),
                preferred=[PreferredOut.model_validate(each) for each in preferred if each.born_from == row.born_from],
            )
            for row in rows
        ],
    )
