"""Which facts are announced when a customer's state changes?"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from common.events.segments import (
    LifeCycle,
    LifeCycleChanged,
    RfmChanged,
    SegmentEntered,
    SegmentFact,
    SegmentLeft,
    Stage,
    StageChanged,
)
from common.fold.folding import Effect
from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.customers.state import CustomerState, Method
from segmentation.shops.state import Shop


class Told(NamedTuple):
    """What others know of a customer: a change of any of it is announced."""

    stage: Stage | None
    is_repurchaser: bool
    life_cycle: LifeCycle | None
    cell: str | None
    method: Method | None
    lapsed: date | None


def told(state: CustomerState) -> Told:
    """What is announced of this state."""
    rfm = state.rfm
    return Told(
        state.stage,
        state.is_repurchaser,
        state.life_cycle,
        rfm.cell if rfm else None,
        rfm.method if rfm else None,
        state.lapsed,
    )


def changes(before: Told, state: CustomerState, at: datetime, shop: Shop) -> list[Effect]:
    """The facts that lead from what was told before to what the state says, dated `at` (SEG-013)."""
    after = told(state)
    if after == before:
        return []
    found: list[SegmentFact] = []
    if after.stage is not None and (after.stage, after.is_repurchaser) != (before.stage, before.is_repurchaser):
        found.append(StageChanged(old=before.stage, new=after.stage, is_repurchaser=after.is_repurchaser))
    if after.life_cycle != before.life_cycle:
        found.append(_life_cycle_changed(before, state, shop, at))
    if (after.cell, after.method) != (before.cell, before.method):
        found.append(_rfm_changed(before, state))
    if after.lapsed != before.lapsed:
        if before.lapsed is not None:
            found.append(SegmentLeft(segment=lapse.SEGMENT, episode=before.lapsed.isoformat()))
        if after.lapsed is not None:
            months = shop.thresholds_at(state.judged_at or at).lapse_months
            since = shop.settings.start_of(lapse.lapse_day(after.lapsed, months))
            found.append(SegmentEntered(segment=lapse.SEGMENT, episode=after.lapsed.isoformat(), since=since))
    return [Effect(fact, at) for fact in found]


def _life_cycle_changed(before: Told, state: CustomerState, shop: Shop, at: datetime) -> LifeCycleChanged:
    rules = shop.thresholds_at(state.judged_at or at).gap
    gap = state.gap or lifecycle.usual_gap(2 * rules.default_days, 0, 0, rules)
    return LifeCycleChanged(
        old=before.life_cycle,
        new=state.life_cycle,
        confidence=lifecycle.confidence(state.own_gaps, rules),
        usual_gap_days=lifecycle.in_days(gap),
    )


def _rfm_changed(before: Told, state: CustomerState) -> RfmChanged:
    rfm = state.rfm
    if rfm is None:
        return RfmChanged(old=before.cell, method=before.method or "fixed", confidence="low")
    return RfmChanged(
        old=before.cell,
        cell=rfm.cell,
        rfm_class=rfm.rfm_class,
        method=rfm.method,
        confidence=rfm.confidence,
        recency_days=rfm.recency_days,
        frequency=rfm.frequency,
        monetary=rfm.monetary,
    )
