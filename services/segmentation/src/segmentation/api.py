"""What may the shop's people and backends ask segmentation?"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict

from common.api import Tx, require
from common.calendar import local_date
from common.events.segments import LifeCycle, Stage
from common.fold import advance
from common.problems import Problem
from segmentation.domain import lifecycle, reasons, report
from segmentation.domain.segmentation import SegmentFolding
from segmentation.domain.state import Confidence, CustomerState, Rfm
from segmentation.store import customers, figures, totals
from segmentation.store.customers import SegmentKind

router = APIRouter(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])
Name = Annotated[str, Path(min_length=1, max_length=200, pattern=r"^[^\s/#|\x00-\x1f]+$")]
VALUES: dict[SegmentKind, tuple[str, ...]] = {
    "stage": ("prospect", "new", "returning"),
    "lifecycle": ("active", "sleeping", "pre_churn", "churned", "dead"),
    "rfm": ("important_value", "important_development", "important_keep", "general_value"),
    "lapsed": ("true", "false"),
}


class UnknownCustomer(Problem):
    def __init__(self, customer: str) -> None:
        super().__init__(404, "unknown_customer", f"Nothing was ever heard of customer {customer!r} in this shop.")


class UnknownSegment(Problem):
    def __init__(self, kind: SegmentKind) -> None:
        values = ", ".join(VALUES[kind])
        super().__init__(404, "unknown_segment", f"There is no such segment of {kind}: use one of {values}.")


class PeriodEndsBeforeItBegins(Problem):
    def __init__(self) -> None:
        super().__init__(422, "empty_period", "`until` is the first date after the period: it must be after `since`.")


class Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class StageOut(Out):
    value: Stage | None
    is_returning: bool
    is_repurchaser: bool
    completed_orders: int
    why: str


class LifeCycleOut(Out):
    value: LifeCycle
    confidence: Confidence
    usual_gap_days: float
    days_since_last_order: int
    why: str | None


class RfmOut(Out):
    """`cell` is R F M, 1 = high; `monetary` in minor units."""

    cell: str
    rfm_class: str
    method: Literal["fixed", "mean"]
    confidence: Confidence
    recency_days: int
    frequency: int
    monetary: int
    currency: str
    scored_at: datetime | None
    figures_of: date | None
    why: str | None


class LapseOut(Out):
    value: bool
    episode: date | None
    why: str | None


class CustomerOut(Out):
    """All facts as of `as_of`; the life cycle, RFM and lapse are null for who never completed an order."""

    customer: str
    as_of: datetime
    stage: StageOut
    first_order: date | None
    last_order: date | None
    own_gaps: int
    life_cycle: LifeCycleOut | None
    rfm: RfmOut | None
    lapsed: LapseOut | None
    next_change_at: datetime | None


class PageOut(Out):
    """Customer ids in order; `next_after` is None on the last page."""

    customers: list[str]
    next_after: str | None


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
    lapsed: int
    since: date | None
    until: date | None
    repurchase_of_returning: RateOut
    repurchase_of_members: RateOut
    ladder: list[LadderStepOut]
    revenue: list[RevenueOut]


@router.get("/customers/{customer}")
async def get_customer(shop: Name, customer: Name, tx: Tx) -> CustomerOut:
    """All facts of a customer, with method, confidence and reason, as they stand now."""
    stored = await customers.get_customer(tx, shop, customer)
    if stored is None:
        raise UnknownCustomer(customer)
    shops = await figures.read_shops(tx, [shop])
    now = max(tx.clock.now(), stored.until) if stored.until else tx.clock.now()
    # What fell due since the last sweep is done for this answer alone.
    advance(SegmentFolding(shops), stored.state, now, (shop, customer))
    today = local_date(now, shops[shop].zone)
    state = stored.state
    used = next((each for each in shops[shop].figures if each.month == state.figures), None)
    return CustomerOut(
        customer=customer,
        as_of=now,
        stage=StageOut(
            value=state.stage,
            is_returning=state.stage == "returning",
            is_repurchaser=state.is_repurchaser,
            completed_orders=len(state.orders),
            why=reasons.why_stage(state),
        ),
        first_order=state.first_day,
        last_order=state.last_day,
        own_gaps=state.own_gaps,
        life_cycle=_life_cycle(state, today),
        rfm=_rfm(state.rfm, state, reasons.why_rfm(state, used)) if state.rfm else None,
        lapsed=(
            LapseOut(value=state.lapsed is not None, episode=state.lapsed, why=reasons.why_lapsed(state))
            if state.orders
            else None
        ),
        next_change_at=state.turns_at,
    )


@router.get("/segments/{kind}/{value}/customers")
async def list_segment(
    shop: Name,
    kind: SegmentKind,
    value: Name,
    tx: Tx,
    after: Annotated[str, Query(max_length=200, pattern=r"^[^\x00]*$")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PageOut:
    """The customers of a segment, a page at a time (SEG-005)."""
    if value not in VALUES[kind]:
        raise UnknownSegment(kind)
    found = await customers.list_segment(tx, shop, kind, value, after, limit + 1)
    page = found[:limit]
    return PageOut(customers=page, next_after=page[-1] if len(found) > limit else None)


@router.get("/report")
async def get_report(shop: Name, tx: Tx, since: date | None = None, until: date | None = None) -> ReportOut:
    """The shop at a glance; `since` and `until` (excluded) are dates of completed orders in the shop's zone."""
    if since is not None and until is not None and until <= since:
        raise PeriodEndsBeforeItBegins
    counts = await totals.count_by(tx, shop)
    buyers = await totals.count_buyers(tx, shop, since, until)
    return ReportOut(
        stage=counts["stage"],
        life_cycle=counts["lifecycle"],
        rfm=counts["rfm"],
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


def _life_cycle(state: CustomerState, today: date) -> LifeCycleOut | None:
    if state.life_cycle is None or state.gap is None or state.last_day is None:
        return None
    return LifeCycleOut(
        value=state.life_cycle,
        confidence=lifecycle.confidence(state.own_gaps),
        usual_gap_days=lifecycle.in_days(state.gap),
        days_since_last_order=(today - state.last_day).days,
        why=reasons.why_life_cycle(state, today),
    )


def _rfm(score: Rfm, state: CustomerState, why: str | None) -> RfmOut:
    return RfmOut(**score._asdict(), scored_at=state.scored_at, figures_of=state.figures, why=why)
