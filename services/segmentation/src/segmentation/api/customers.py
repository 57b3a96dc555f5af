"""A customer with all attributes and their reasons, and the customers of a segment."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict

from common.events.fields import Cursor, Identifier, ShopName
from common.events.segments import Confidence, LifeCycle, Method, Stage
from common.fold.folding import advance
from common.http.api import Tx, require
from common.refusals import NotFound
from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.attributes.rfm import rules as rfm
from segmentation.attributes.stage import rules as stage
from segmentation.customers.state import CustomerState
from segmentation.customers.store import get_customer as get_stored
from segmentation.fold import SegmentFolding, next_turn, read_shops, show
from segmentation.held_inputs.store import get_inputs
from segmentation.segments import store as segments
from segmentation.segments.state import VALUES, SegmentKind
from segmentation.shops.state import Shop
from segmentation.thresholds.state import Thresholds

router = APIRouter(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


class UnknownCustomer(NotFound):
    """No input of the customer was ever heard."""

    def __init__(self, customer: str) -> None:
        super().__init__("unknown_customer", f"Nothing was ever heard of customer {customer!r} in this shop.")


class UnknownSegment(NotFound):
    """The attribute has no such value."""

    def __init__(self, kind: SegmentKind) -> None:
        values = ", ".join(VALUES[kind])
        super().__init__("unknown_segment", f"There is no such segment of {kind}: use one of {values}.")


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
    method: Method
    confidence: Confidence
    recency_days: int
    frequency: int
    monetary: int
    currency: str
    others: dict[str, int]
    scored_at: datetime | None
    statistics_of: date | None
    why: str | None


class LapseOut(Out):
    value: bool
    episode: date | None
    why: str | None


class CustomerOut(Out):
    """All facts as of `as_of`; the life cycle, RFM and lapse are null for a customer who never completed an order.

    `next_change_at`: when time alone next changes life cycle or lapse, by the statistics and thresholds of now.
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
    """All attributes of a customer, with method, confidence and reason, as they stand now."""
    stored = await get_stored(tx, shop, customer)
    if stored is None:
        raise UnknownCustomer(customer)
    known = await read_shops(tx, [shop])
    now = max(tx.clock.now(), stored.until) if stored.until else tx.clock.now()
    # For this answer alone: what was held or fell due since the last sweep is done, what drifts brought up to date.
    folding, state = SegmentFolding(known), stored.state
    for event in await get_inputs(tx, [(shop, customer)]):
        advance(folding, state, event.time, (shop, customer))
        folding.apply(state, event)
    advance(folding, state, now, (shop, customer))
    show(state, known[shop], now)
    return _out(customer, state, known[shop], now)


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
    found = await segments.list_segment(tx, shop, kind, value, after, limit + 1)
    page = found[:limit]
    return PageOut(customers=page, next_after=page[-1] if len(found) > limit else None)


def _out(customer: str, state: CustomerState, shop: Shop, now: datetime) -> CustomerOut:
    version, today, purchases = shop.version_at(now), shop.settings.date_of(now), state.purchases
    turn = next_turn(state, shop, now)
    return CustomerOut(
        customer=customer,
        as_of=now,
        stage=StageOut(
            value=state.stage.value,
            is_returning=state.stage.value == "returning",
            is_repurchaser=state.stage.is_repurchaser,
            completed_orders=purchases.completed,
            why=stage.why(state.stage.value, purchases.completed),
        ),
        first_order=purchases.first_day,
        last_order=purchases.last_day,
        own_gaps=purchases.own_gaps,
        life_cycle=_life_cycle(state, today, version.thresholds),
        rfm=_rfm(state, shop, version.thresholds),
        lapsed=_lapse(state, version.thresholds),
        next_change_at=turn.at if turn is not None else None,
        thresholds_version=version.number,
    )


def _life_cycle(state: CustomerState, today: date, thresholds: Thresholds) -> LifeCycleOut | None:
    value, gap, last_day = state.life_cycle.value, state.life_cycle.gap, state.purchases.last_day
    if value is None or gap is None or last_day is None:
        return None
    days, own_gaps = (today - last_day).days, state.purchases.own_gaps
    return LifeCycleOut(
        value=value,
        confidence=lifecycle.confidence(own_gaps, thresholds.gap),
        usual_gap_days=lifecycle.in_days(gap),
        days_since_last_order=days,
        why=lifecycle.why(days, gap, own_gaps),
    )


def _rfm(state: CustomerState, shop: Shop, thresholds: Thresholds) -> RfmOut | None:
    score, month = state.rfm.score, state.rfm.statistics_of
    if score is None:
        return None
    statistics = next((each for each in shop.statistics if each.month == month), None)
    return RfmOut(
        **score._asdict() | {"others": dict(score.others)},
        scored_at=state.rfm.scored_at,
        statistics_of=month,
        why=rfm.why(score, statistics, thresholds.rfm),
    )


def _lapse(state: CustomerState, thresholds: Thresholds) -> LapseOut | None:
    episode, last_day = state.lapse.episode, state.purchases.last_day
    if last_day is None:
        return None
    return LapseOut(value=episode is not None, episode=episode, why=lapse.why(last_day, thresholds.lapse_months))
