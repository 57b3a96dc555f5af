"""Why does a customer stand where they stand? In a sentence, for the shop's people."""

from __future__ import annotations

from datetime import date

from segmentation.attributes.lapse import rules as lapse
from segmentation.attributes.lifecycle import rules as lifecycle
from segmentation.customers.state import CustomerState
from segmentation.shop_statistics.state import Figures
from segmentation.thresholds.state import RfmRules


def why_stage(state: CustomerState) -> str:
    """What made the stage (SEG-001 to SEG-004)."""
    if state.stage == "prospect":
        return "registered; has not browsed, inquired or bought"
    if state.stage == "new":
        return "browsed, inquired or ordered; no order has been confirmed"
    return f"{state.completed} completed order{'s' if state.completed != 1 else ''}; one is enough to be returning"


def why_life_cycle(state: CustomerState, today: date) -> str | None:
    """How many days, measured in which usual gap; None for somebody who never bought."""
    if state.last_day is None or state.gap is None:
        return None
    gap = lifecycle.in_days(state.gap)
    return (
        f"{(today - state.last_day).days} days since the last completed order; the usual gap is {gap:g} days, "
        f"from {state.own_gaps} own gap{'s' if state.own_gaps != 1 else ''} and the shop's"
    )


def why_rfm(state: CustomerState, figures: Figures | None, rules: RfmRules) -> str | None:
    """The boundaries that the score was measured against; None for somebody without a score."""
    score = state.rfm
    if score is None:
        return None
    if score.method == "fixed" or figures is None:
        buyers = figures.buyers if figures else 0
        return (
            f"fixed: R at most {rules.recency_days} days, F at least {rules.frequency}, M at least "
            f"{rules.monetary} {score.currency}; {buyers} buyers are too few for means"
        )
    total, count = figures.monetary.get(score.currency, (0, 0))
    spent = f"above {total / count:.0f} minor units of" if count else f"at least {rules.monetary}"
    return (
        f"means of {figures.buyers} buyers as of {figures.month}: R below {figures.recency_sum / figures.buyers:.1f} "
        f"days, F above {figures.frequency_sum / figures.buyers:.2f}, M {spent} {score.currency}"
    )


def why_lapsed(state: CustomerState, months: int) -> str | None:
    """From which day on, counted from which order (SEG-014); None for somebody who never bought."""
    if state.last_day is None:
        return None
    return (
        f"{months} calendar month{'s' if months != 1 else ''} after the last completed order of {state.last_day}: "
        f"from {lapse.lapse_day(state.last_day, months)} on"
    )
