"""What is true of a customer at an instant, given the history, the shop's figures and its thresholds?"""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from common.events.segments import LifeCycle
from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.attributes.rfm import rules as rfm
from segmentation.customers.state import Confidence, CustomerState, Method, Rfm
from segmentation.shops.state import Shop


class Verdict(NamedTuple):
    """What is told of a customer; a change of it is a change of the customer, other drift (R by the day) is not."""

    life_cycle: LifeCycle | None
    lapsed: date | None
    cell: str | None
    method: Method | None
    confidence: Confidence | None


def stored_verdict(state: CustomerState) -> Verdict:
    """What the state says."""
    return _verdict(state.life_cycle, state.lapsed, state.rfm)


def verdict(state: CustomerState, shop: Shop, instant: datetime) -> Verdict:
    """What would be said if everything were judged at `instant`; needs a history with an order."""
    today = shop.settings.date_of(instant)
    return _verdict(*_by_date(state, shop, instant, today), _score(state, shop, instant, today))


def score(state: CustomerState, shop: Shop, instant: datetime) -> None:
    """Score R, F and M as of `instant`.

    Done at every input of the customer and when figures or thresholds change the score, never otherwise: R grows by
    the day.
    """
    figures = shop.at(instant)
    state.rfm = _score(state, shop, instant, shop.settings.date_of(instant))
    state.scored_at = instant
    state.figures = figures.month if figures else None


def judge_by_date(state: CustomerState, shop: Shop, instant: datetime) -> None:
    """Usual gap, life cycle and lapse as of `instant`."""
    state.judged_at = instant
    state.gap = usual_gap(state, shop, instant)
    state.life_cycle, state.lapsed = _by_date(state, shop, instant, shop.settings.date_of(instant))


def as_of(state: CustomerState, shop: Shop, now: datetime) -> None:
    """Bring a state that is shown, not stored, up to `now`: R, F and M by the newest figures, the usual gap."""
    changed = shop.last_change(now)
    if changed is not None and state.scored_at is not None and state.scored_at < changed:
        score(state, shop, changed)
    state.gap = usual_gap(state, shop, now)


def usual_gap(state: CustomerState, shop: Shop, instant: datetime) -> tuple[int, int] | None:
    """The customer's usual gap by the figures and thresholds of `instant`; None before the first completed order."""
    if state.first_day is None or state.last_day is None:
        return None
    figures, rules = shop.at(instant), shop.thresholds_at(instant).gap
    shop_gap_doubled = figures.shop_gap_doubled(rules) if figures else 2 * rules.default_days
    # Gaps between neighbouring dates add up to the days between the first and the last.
    own_sum = (state.last_day - state.first_day).days
    return lifecycle.usual_gap(shop_gap_doubled, own_sum, state.own_gaps, rules)


def _by_date(state: CustomerState, shop: Shop, instant: datetime, today: date) -> tuple[LifeCycle | None, date | None]:
    gap = usual_gap(state, shop, instant)
    if gap is None or state.last_day is None:
        return None, None
    thresholds = shop.thresholds_at(instant)
    days = (today - state.last_day).days
    return (
        lifecycle.life_cycle(days, gap, thresholds.life_cycle),
        lapse.episode(state.last_day, today, thresholds.lapse_months),
    )


def _score(state: CustomerState, shop: Shop, instant: datetime, today: date) -> Rfm | None:
    currency = shop.settings.at(instant).currency
    return rfm.score(state.book, today, shop.at(instant), shop.thresholds_at(instant).rfm, currency)


def _verdict(life_cycle: LifeCycle | None, lapsed: date | None, score: Rfm | None) -> Verdict:
    if score is None:
        return Verdict(life_cycle, lapsed, None, None, None)
    return Verdict(life_cycle, lapsed, score.cell, score.method, score.confidence)
