"""Word of mouth: how many new buyers come by others, and what they are worth (ANA-008, ANA-009)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Depends, Query

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.api.periods import KpiOut, Window, mean_of, period_of, said
from segmentation.kpis import rules
from segmentation.kpis import store_word_of_mouth as store

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])
SOURCES = 50


class CameOut(Out):
    """Customers whose first order is in the period, and all they bought since; `percent` of all of them."""

    customers: int
    percent: Decimal | None
    orders_per_buyer: Decimal | None
    repeating_percent: Decimal | None
    net_per_buyer: int | None


class SourceOut(CameOut):
    """`source`: as the shop says in their profiles; null: not known."""

    source: str | None
    referred: bool


class ReferrerOut(Out):
    customer: str
    brought: int


class WordOfMouthOut(KpiOut):
    """`referred` came by a code, `others` did not; `sources` has both by where the shop says they are from (50)."""

    referred: CameOut
    others: CameOut
    sources: list[SourceOut]
    referrers: list[ReferrerOut]


@router.get("/word-of-mouth")
async def get_word_of_mouth(
    shop: ShopName,
    tx: Tx,
    days: Window = 90,
    since: PlannedDay | None = None,
    until: PlannedDay | None = None,
    top: Annotated[int, Query(ge=1, le=100, description="referrers")] = 10,
) -> WordOfMouthOut:
    """New buyers who were referred, by source, beside the others, and who brought most of them (ANA-008, ANA-009)."""
    period = await period_of(tx, shop, since, until, days)
    rows = await store.sum_by_source(tx, shop, period.since, period.until, period.currency)
    everybody = sum(row.customers for row in rows)
    definition = "customers whose first completed order is in the period, by whether they came by another one's code"
    return WordOfMouthOut(
        **said(definition, period),
        referred=CameOut(**_came([row for row in rows if row.referred], everybody)),
        others=CameOut(**_came([row for row in rows if not row.referred], everybody)),
        sources=[
            SourceOut(source=row.source, referred=row.referred, **_came([row], everybody)) for row in rows[:SOURCES]
        ],
        referrers=[
            ReferrerOut.model_validate(row)
            for row in await store.list_referrers(tx, shop, period.since, period.until, top)
        ],
    )


def _came(rows: Sequence[Any], everybody: int) -> dict[str, Any]:
    customers, net = sum(row.customers for row in rows), sum(row.net for row in rows)
    return {
        "customers": customers,
        "percent": rules.percent(customers, everybody),
        "orders_per_buyer": mean_of(sum(row.orders for row in rows), customers),
        "repeating_percent": rules.percent(sum(row.repeating for row in rows), customers),
        "net_per_buyer": net // customers if customers else None,
    }
