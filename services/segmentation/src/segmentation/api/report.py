"""The shop at a glance."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from fastapi import Depends

from common.events.fields import PlannedDay, ShopName
from common.http.api import Router, Tx, require
from common.refusals import Invalid
from segmentation.api.customers import Out
from segmentation.report import rules as report
from segmentation.report import store as totals

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class PeriodEndsBeforeItBegins(Invalid):
    """`until` is not after `since`."""

    def __init__(self) -> None:
        super().__init__("empty_period", "`until` is the first date after the period: it must be after `since`.")


class RateOut(Out):
    part: int
    base: int
    percent: Decimal | None


class LadderStepOut(Out):
    step: str
    rate: RateOut


class RevenueOut(Out):
    """Minor units; `net` is paid less refunded."""

    currency: str
    orders: int
    paid: int
    refunded: int
    net: int


class ReportOut(Out):
    """Counts are of now; repurchase and ladder are of the period asked for, all time when none was."""

    stage: dict[str, int]
    life_cycle: dict[str, int]
    rfm: dict[str, int]
    rfm_group: dict[str, int]
    lapsed: int
    since: date | None
    until: date | None
    repurchase_of_returning: RateOut
    repurchase_of_members: RateOut
    ladder: list[LadderStepOut]
    revenue: list[RevenueOut]


@router.get("/report")
async def get_report(
    shop: ShopName, tx: Tx, since: PlannedDay | None = None, until: PlannedDay | None = None
) -> ReportOut:
    """The shop at a glance; `since` and `until` (excluded) are dates of completed orders in the shop's zone."""
    if since is not None and until is not None and until <= since:
        raise PeriodEndsBeforeItBegins
    counts = await totals.count_by(tx, shop)
    buyers = await totals.count_buyers(tx, shop, since, until)
    return ReportOut(
        stage=counts["stage"],
        life_cycle=counts["lifecycle"],
        rfm=counts["rfm"],
        rfm_group=counts["rfm_group"],
        lapsed=counts["lapsed"].get("true", 0),
        since=since,
        until=until,
        repurchase_of_returning=RateOut.model_validate(report.rate(buyers.reached[2], buyers.reached[1])),
        repurchase_of_members=RateOut.model_validate(report.rate(buyers.repurchasing_members, buyers.members)),
        ladder=[LadderStepOut.model_validate(step) for step in report.ladder(buyers.reached)],
        revenue=[
            RevenueOut(currency=r.currency, orders=r.orders, paid=r.paid, refunded=r.refunded, net=r.paid - r.refunded)
            for r in await totals.sum_revenue(tx, shop)
        ],
    )
