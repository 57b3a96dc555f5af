"""A customer with all attributes and their reasons, and the customers of a segment."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from pydantic import BaseModel, ConfigDict

from common.events import CustomerKey, Event
from common.events.fields import Cursor, Identifier, ShopName
from common.events.segments import ChurnSignal, ChurnStrength, Confidence, LifeCycle, Method, Stage
from common.fold.customers import advanced
from common.fold.folding import fold_anew
from common.fold.store_customers import read_customer
from common.fold.store_history import get_history
from common.fold.store_long import is_catching_up
from common.http.api import Router, Tx, require
from common.http.told import Told
from common.refusals import NotFound
from common.storage.customer_rows import CustomerRow
from common.storage.database import Transaction
from segmentation.attributes.churn_risk import rules as churn_risk
from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.attributes.rfm import rules as rfm
from segmentation.attributes.stage import rules as stage
from segmentation.customers.state import CustomerState
from segmentation.fold import KEPT, SegmentFolding, next_turn, read_shops, show
from segmentation.held_inputs.store import get_inputs
from segmentation.segments import store as segments
from segmentation.segments.state import VALUES, SegmentKind
from segmentation.shops.state import Shop
from segmentation.thresholds.state import Thresholds

router = Router(prefix="/v1/shops/{shop}", tags=["segmentation"], dependencies=[Depends(require("segments:read"))])


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
    """`cell` is R F M, 1 = high and 0 = low, or grades 1 to 5; `group` their name by the shop's map, if it has one.

    `monetary` in minor units of the shop's currency, `others` in those of others.
    """

    cell: str
    rfm_class: str
    group: str | None
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
    """`since`: its first day; `episode`: the day of the last order, by which it is named; null without a lapse."""

    value: bool
    since: date | None
    episode: date | None
    why: str | None


class ChurnRiskOut(Out):
    """`strength` and `signals` are null and empty while the customer buys as usual, or there is no habit to tell by."""

    strength: ChurnStrength | None
    signals: list[ChurnSignal]
    usual_gap_days: float | None
    why: str


class CustomerOut(Out):
    """All facts as of `as_of`; the life cycle, RFM and lapse are null for a customer who never completed an order.

    `next_change_at`: when time alone next changes life cycle or lapse, by the statistics and thresholds of now.
    `catching_up`: late orders of this customer, who has many, have yet to be worked in; the facts are without them for
    some seconds more.
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
    churn_risk: ChurnRiskOut | None
    next_change_at: datetime | None
    thresholds_version: int
    catching_up: bool


class PageOut(Out):
    """Customer ids in order; `next_after` is None on the last page."""

    customers: list[str]
    next_after: str | None


@router.get("/customers/{customer}")
async def get_customer(shop: ShopName, customer: Told, tx: Tx) -> CustomerOut:
    """All attributes of a customer, with method, confidence and reason, as they stand now."""
    await tx.stand_still()
    key = shop, customer
    state, known, now, held = await read_state(tx, key)
    show(state, known, now)
    catching_up = not held and await is_catching_up(tx, key)
    return _out(customer, state, known, now, catching_up=catching_up)


async def read_state(tx: Transaction, key: CustomerKey) -> tuple[CustomerState, Shop, datetime, bool]:
    """The customer's state now, the shop, the instant, and whether inputs are held. Raises UnknownCustomer.

    The transaction stands still.
    """
    row, held = await read_known(tx, key)
    known = await read_shops(tx, [key[0]])
    now = max(at for at in (tx.clock.now(), row.done_until, row.last[0] if row.last else None) if at is not None)
    # For this answer alone: what was held or fell due since the last sweep is done, what drifts brought up to date.
    folding = SegmentFolding(known)
    if held:
        state, _ = await fold_anew(folding, [*await get_history(tx, KEPT, key), *held], now, key)
    else:
        state = await advanced(tx, folding, row, now)
    return state, known[key[0]], now, bool(held)


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


async def read_known(tx: Transaction, key: CustomerKey) -> tuple[CustomerRow, list[Event[Any]]]:
    """The customer's row and the inputs that are held of them; raises UnknownCustomer where neither says anything."""
    row, held = await read_customer(tx, key), await get_inputs(tx, KEPT, [key])
    if row is None or (row.state is None and not held):
        raise UnknownCustomer(key[1])
    return row, held


def _out(customer: str, state: CustomerState, shop: Shop, now: datetime, *, catching_up: bool) -> CustomerOut:
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
        churn_risk=_churn_risk(state, today, version.thresholds),
        next_change_at=turn.at if turn is not None else None,
        thresholds_version=version.number,
        catching_up=catching_up,
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
    since = lapse.lapse_day(episode, thresholds.lapse_months) if episode is not None else None
    why = lapse.why(last_day, thresholds.lapse_months)
    return LapseOut(value=episode is not None, since=since, episode=episode, why=why)


def _churn_risk(state: CustomerState, today: date, thresholds: Thresholds) -> ChurnRiskOut | None:
    risk, last_day = state.churn_risk, state.purchases.last_day
    if last_day is None:
        return None
    days, of = (today - last_day).days, risk.baseline
    return ChurnRiskOut(
        strength=risk.strength,
        signals=list(risk.signals),
        usual_gap_days=round(of.days / of.gaps, 1) if of.gaps else None,
        why=churn_risk.why(of, days, risk.signals, thresholds.churn),
    )
