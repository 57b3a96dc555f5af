"""Who is this customer now, and who is in a segment?"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from common.events.fields import Cursor, Identifier, ShopName
from common.events.segments import LifeCycle, Stage
from common.fold.folding import advance
from common.http.api import Tx, require
from common.http.problems import Problem
from segmentation.attributes import evaluation as judge
from segmentation.attributes import reasons
from segmentation.attributes.advance import next_turn
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.customers import store as customers
from segmentation.customers.state import Confidence, CustomerState, Rfm
from segmentation.customers.store import SegmentKind
from segmentation.fold import SegmentFolding
from segmentation.held_inputs import store as held
from segmentation.shops import store as shops
from segmentation.thresholds.state import Thresholds

router = APIRouter(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])
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
    """`cell` is R F M, 1 = high; `monetary` in minor units of the shop's currency, `others` in those of others."""

    cell: str
    rfm_class: str
    method: Literal["fixed", "mean"]
    confidence: Confidence
    recency_days: int
    frequency: int
    monetary: int
    currency: str
    others: dict[str, int]
    scored_at: datetime | None
    figures_of: date | None
    why: str | None


class LapseOut(Out):
    value: bool
    episode: date | None
    why: str | None


class CustomerOut(Out):
    """All facts as of `as_of`; the life cycle, RFM and lapse are null for who never completed an order.

    `next_change_at`: when time alone next changes life cycle or lapse, by the figures and thresholds of now.
    """

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
    thresholds_version: int


class PageOut(Out):
    """Customer ids in order; `next_after` is None on the last page."""

    customers: list[str]
    next_after: str | None


@router.get("/customers/{customer}")
async def get_customer(shop: ShopName, customer: Identifier, tx: Tx) -> CustomerOut:
    """All facts of a customer, with method, confidence and reason, as they stand now."""
    stored = await customers.get_customer(tx, shop, customer)
    if stored is None:
        raise UnknownCustomer(customer)
    known = await shops.read_shops(tx, [shop])
    rules = known[shop]
    now = max(tx.clock.now(), stored.until) if stored.until else tx.clock.now()
    # For this answer alone: what was held or fell due since the last sweep is done, the figures brought up to date.
    folding = SegmentFolding(known)
    for event in await held.get_inputs(tx, [(shop, customer)]):
        advance(folding, stored.state, event.time, (shop, customer))
        folding.apply(stored.state, event)
    advance(folding, stored.state, now, (shop, customer))
    judge.as_of(stored.state, rules, now)
    version = rules.version_at(now)
    today = rules.settings.date_of(now)
    state = stored.state
    used = next((each for each in rules.figures if each.month == state.figures), None)
    turn = next_turn(state, rules, now)
    return CustomerOut(
        customer=customer,
        as_of=now,
        stage=StageOut(
            value=state.stage,
            is_returning=state.stage == "returning",
            is_repurchaser=state.is_repurchaser,
            completed_orders=state.completed,
            why=reasons.why_stage(state),
        ),
        first_order=state.first_day,
        last_order=state.last_day,
        own_gaps=state.own_gaps,
        life_cycle=_life_cycle(state, today, version.thresholds),
        rfm=_rfm(state.rfm, state, reasons.why_rfm(state, used, version.thresholds.rfm)) if state.rfm else None,
        lapsed=(
            LapseOut(
                value=state.lapsed is not None,
                episode=state.lapsed,
                why=reasons.why_lapsed(state, version.thresholds.lapse_months),
            )
            if state.completed
            else None
        ),
        next_change_at=turn.at if turn is not None else None,
        thresholds_version=version.number,
    )


@router.get("/segments/{kind}/{value}/customers")
async def list_segment(
    shop: ShopName,
    kind: SegmentKind,
    value: Identifier,
    tx: Tx,
    after: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> PageOut:
    """The customers of a segment, a page at a time (SEG-005)."""
    if value not in VALUES[kind]:
        raise UnknownSegment(kind)
    found = await customers.list_segment(tx, shop, kind, value, after, limit + 1)
    page = found[:limit]
    return PageOut(customers=page, next_after=page[-1] if len(found) > limit else None)


def _life_cycle(state: CustomerState, today: date, thresholds: Thresholds) -> LifeCycleOut | None:
    if state.life_cycle is None or state.gap is None or state.last_day is None:
        return None
    return LifeCycleOut(
        value=state.life_cycle,
        confidence=lifecycle.confidence(state.own_gaps, thresholds.gap),
        usual_gap_days=lifecycle.in_days(state.gap),
        days_since_last_order=(today - state.last_day).days,
        why=reasons.why_life_cycle(state, today),
    )


def _rfm(score: Rfm, state: CustomerState, why: str | None) -> RfmOut:
    return RfmOut(
        **score._asdict() | {"others": dict(score.others)}, scored_at=state.scored_at, figures_of=state.figures, why=why
    )
