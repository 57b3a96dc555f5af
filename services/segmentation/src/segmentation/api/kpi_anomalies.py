"""Alerts on key figures: the last whole week against the weeks before it (ANA-044, ANA-045)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated

from fastapi import Depends, Query

from common.events.fields import ShopName
from common.http.api import Router, Tx, require
from segmentation.api.customers import Out
from segmentation.commands.memberships import day_of
from segmentation.kpis import store_weeks
from segmentation.kpis.anomalies import Figure, Kpi, anomalies

router = Router(prefix="/v1/shops/{shop}/kpis", tags=["kpis"], dependencies=[Depends(require("segments:read"))])
DEFINITION = (
    "The last whole week of the shop's zone against the mean of the whole weeks before it, as far as it had begun: "
    "what differs by so many percent, and by more than chance does (two and a half standard deviations of a count)."
)


class AnomalyOut(Out):
    """`change` in percent of `usual`, null where that is 0; `worse`: it fell, or complaints and low reviews rose."""

    kpi: Kpi
    value: int
    usual: Decimal
    change: Decimal | None
    worse: bool


class AnomaliesOut(Out):
    """What is worse first. `weeks`: so many there are to compare with; of none nothing is unusual."""

    definition: str
    week: date
    weeks: int
    currency: str
    anomalies: list[AnomalyOut]


@router.get("/anomalies")
async def list_anomalies(
    shop: ShopName,
    tx: Tx,
    weeks: Annotated[int, Query(ge=2, le=52, description="to compare with")] = 4,
    percent: Annotated[int, Query(ge=5, le=500, description="what differs by less is usual")] = 40,
) -> AnomaliesOut:
    """Key figures of the last whole week that are not as usual, with size and period (ANA-045)."""
    await tx.stand_still()
    day, _ = await day_of(tx, shop, tx.clock.now())
    until = day.today - timedelta(days=day.today.weekday())
    since = until - timedelta(weeks=weeks + 1)
    first = await store_weeks.get_first_day(tx, shop)
    if first is not None:
        # The week in which the shop began was no whole one.
        since = max(since, min(until, first + timedelta(days=-first.weekday() % 7)))
    rows = await store_weeks.sum_by_week(tx, shop, since, until, day.currency) if first is not None else []
    figures: list[dict[Figure, int]] = [
        {
            "orders": row.orders,
            "priced": row.priced,
            "buyers": row.buyers,
            "returning_buyers": row.returning_buyers,
            "net": row.net,
            "complaints": row.complaints,
            "low_reviews": row.low_reviews,
        }
        | ({"per_order": row.net // row.priced} if row.priced else {})
        for row in rows
    ]
    return AnomaliesOut(
        definition=DEFINITION,
        week=until - timedelta(weeks=1),
        weeks=max(0, len(rows) - 1),
        currency=day.currency,
        anomalies=[AnomalyOut.model_validate(each) for each in anomalies(figures, percent)],
    )
