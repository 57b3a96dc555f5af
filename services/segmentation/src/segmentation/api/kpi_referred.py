"""What new buyers are worth whom another one brought, beside the others (ANA-009)."""

from __future__ import annotations

from fastapi import Depends

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, period_of, said
from segmentation.kpis import store_referred as store

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])


class WorthOut(Out):
    """New buyers, and what one of them has paid since, less refunds, in minor units of the shop's currency."""

    customers: int
    net_per_buyer: int | None


class ReferredBuyersOut(KpiOut):
    """`referred`: membership found their referral true."""

    referred: WorthOut
    others: WorthOut


@router.get("/referred-buyers")
async def get_referred_buyers(
    shop: ShopName,
    tx: Tx,
    days: Window = 90,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
) -> ReferredBuyersOut:
    """What those are worth whom another brought, beside the others (ANA-009); their share and source feedback tells."""
    period = await period_of(tx, shop, since, until, days)
    sums = await store.sum_by_referral(tx, shop, period.since, period.until, period.currency)
    definition = "customers whose first completed order is in the period, by whether another one brought them"
    return ReferredBuyersOut(
        **said(definition, period), referred=_worth(*sums.get(True, (0, 0))), others=_worth(*sums.get(False, (0, 0)))
    )


def _worth(customers: int, net: int) -> WorthOut:
    return WorthOut(customers=customers, net_per_buyer=net // customers if customers else None)
