"""What does time alone do to a customer? Life cycle and lapse turn; figures and thresholds come and may change more.

Most customers are not changed by most months. So what is due is not "the next month" but the first instant at which
something differs; nobody is folded, or written, for a month that changes nothing.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from common.fold.folding import Due
from segmentation.attributes import evaluation as judge
from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.customers.state import CustomerState
from segmentation.shops.state import Shop

FIGURES, THRESHOLDS = "figures", "thresholds"


def next_due(state: CustomerState, shop: Shop) -> Due | None:
    """The first instant after the last judgement at which the verdict differs, by all that is known of the shop.

    Between two changes of figures or thresholds only the date counts, so there the next turn is computed; at each
    change everything is judged. What is not known yet changes it when it comes: `store.reviews` asks again then.
    """
    if state.last_day is None or state.judged_at is None:
        return None
    stored, since = judge.stored_verdict(state), state.judged_at
    for change in shop.changes_after(since):
        turn = next_turn(state, shop, since)
        if turn is not None and turn.at < change:
            return turn
        if judge.verdict(state, shop, change) != stored:
            return Due(change, FIGURES if shop.brings_figures(change) else THRESHOLDS)
        since = change
    return next_turn(state, shop, since)


def fall_due(state: CustomerState, shop: Shop, due: Due) -> None:
    """Judge as of `due.at`; R, F and M only where figures or thresholds changed."""
    if due.kind in (FIGURES, THRESHOLDS):
        judge.score(state, shop, due.at)
    judge.judge_by_date(state, shop, due.at)


def next_turn(state: CustomerState, shop: Shop, since: datetime) -> Due | None:
    """When the date alone next changes life cycle or lapse after `since`, if figures and thresholds stay as then."""
    gap = judge.usual_gap(state, shop, since)
    if state.last_day is None or gap is None:
        return None
    thresholds = shop.thresholds_at(since)
    today = shop.settings.date_of(since)
    change = lifecycle.next_change((today - state.last_day).days, gap, thresholds.life_cycle)
    turns = [] if change is None else [(state.last_day + timedelta(days=change), "lifecycle")]
    lapses = lapse.lapse_day(state.last_day, thresholds.lapse_months)
    if today < lapses:
        turns.append((lapses, "lapse"))
    if not turns:
        return None
    day, kind = min(turns)
    return Due(shop.settings.start_of(day), kind)
