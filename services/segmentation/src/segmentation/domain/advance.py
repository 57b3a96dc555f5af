"""What does time alone do to a customer? Life cycle and lapse turn, and months bring new figures."""

from __future__ import annotations

from datetime import datetime

from common.calendar import local_date
from common.fold import Due
from segmentation.domain.figures import Shop
from segmentation.domain.judge import judge_against_figures, judge_by_date
from segmentation.domain.lifecycle import LONGEST_CHURNED_DAYS
from segmentation.domain.state import CustomerState

FIGURES = "figures"


def next_due(state: CustomerState, shop: Shop) -> Due | None:
    """The earliest of: the next turn of life cycle or lapse, and the next figures; figures first at one instant."""
    figures_at = _figures_at(state, shop)
    if state.turns_at is not None and state.turns is not None and (figures_at is None or state.turns_at < figures_at):
        return Due(state.turns_at, state.turns)
    return Due(figures_at, FIGURES) if figures_at is not None else None


def fall_due(state: CustomerState, shop: Shop, due: Due) -> None:
    """Do what fell due, as it stood at `due.at`.

    Where the figures of that instant are not known yet, the newest older ones go on counting and the state says that
    it waited (`waited`): it is folded anew when they are.
    """
    today = local_date(due.at, shop.zone)
    if due.kind == FIGURES:
        gap = state.gap
        judge_against_figures(state, shop, due.at, today)
        if state.gap == gap and (state.turns_at is None or due.at < state.turns_at):
            return  # between two turns the date alone changes nothing
    judge_by_date(state, shop, today)


def _figures_at(state: CustomerState, shop: Shop) -> datetime | None:
    if state.last_day is None or state.scored_at is None:
        return None
    at = shop.next_as_of(state.scored_at)
    if at is None or (state.rfm is None and _dead_for_good(state, shop, at)):
        return None
    return at


def _dead_for_good(state: CustomerState, shop: Shop, at: datetime) -> bool:
    """Whether no figures could change anything any more: without this, old customers would be swept for ever."""
    return state.last_day is not None and (local_date(at, shop.zone) - state.last_day).days > LONGEST_CHURNED_DAYS
