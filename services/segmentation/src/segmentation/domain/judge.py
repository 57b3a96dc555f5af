"""What is true of a customer now, given the history, the shop's figures and the date?"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from common.calendar import day_start
from segmentation.domain import lapse, lifecycle, rfm
from segmentation.domain.figures import Shop
from segmentation.domain.state import CustomerState, Turn


def judge_against_figures(state: CustomerState, shop: Shop, instant: datetime, today: date) -> None:
    """Score anew with the newest figures as of `instant`, and measure the usual gap by them.

    Done at every input of the customer and when the figures change, never otherwise: R grows by the day.
    """
    figures = shop.at(instant)
    state.scored_at = instant
    state.figures = figures.month if figures else None
    state.waited = shop.pending_month if shop.pending_at <= instant else None
    state.rfm = rfm.score(state.orders, state.refunds, today, figures)
    if state.first_day is None or state.last_day is None:
        state.gap = None
    else:
        # Gaps between neighbouring dates add up to the days between the first and the last.
        own_sum = (state.last_day - state.first_day).days
        shop_gap = figures.shop_gap_doubled if figures else lifecycle.DEFAULT_SHOP_GAP_DOUBLED
        state.gap = lifecycle.usual_gap(shop_gap, own_sum, state.own_gaps)


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """Kept, because the turns of many customers fall on the same days."""
    return day_start(day, zone)


def judge_by_date(state: CustomerState, shop: Shop, today: date) -> None:
    """Life cycle and lapse on `today`, and when time alone will next change one of them."""
    if state.last_day is None or state.gap is None:
        state.life_cycle = state.lapsed = state.turns_at = state.turns = None
        return
    days = (today - state.last_day).days
    state.life_cycle = lifecycle.life_cycle(days, state.gap)
    state.lapsed = lapse.episode(state.last_day, today)
    turns: list[tuple[date, Turn]] = []
    change = lifecycle.next_change(days, state.gap)
    if change is not None:
        turns.append((state.last_day + timedelta(days=change), "lifecycle"))
    if state.lapsed is None:
        turns.append((lapse.lapse_day(state.last_day), "lapse"))
    if turns:
        day, state.turns = min(turns)
        state.turns_at = _midnight(day, shop.zone)
    else:
        state.turns_at = state.turns = None
