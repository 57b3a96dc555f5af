"""How a goal stands: by what is reached, and by what is to be expected (ANA-001 to 004)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Literal

from segmentation.goals.forecasting import Forecast
from segmentation.goals.state import Goal, from_hundredths

GoalState = Literal["to_come", "running", "reached", "missed"]
Outlook = Literal["likely", "open", "unlikely"]
LIKELY, UNLIKELY = 0.8, 0.2
ONLY_RISE = frozenset(("orders", "buyers", "new_buyers", "referred_buyers"))
"""Of these what is reached stays so, late refunds aside."""


def state_of(goal: Goal, value: Decimal | None, today: date) -> GoalState:
    """Reached before its end only where the figure cannot fall again."""
    if today < goal.since:
        return "to_come"
    reached = value is not None and value >= from_hundredths(goal.target)
    if today < goal.until:
        return "reached" if reached and goal.kpi in ONLY_RISE else "running"
    return "reached" if reached else "missed"


def outlook_of(goal: Goal, found: Forecast | None) -> tuple[float, Outlook] | None:
    """The probability of ending at the target or above, and what it is called."""
    if found is None:
        return None
    chance = round(found.chance(float(from_hundredths(goal.target))), 2)
    return chance, "likely" if chance >= LIKELY else "unlikely" if chance <= UNLIKELY else "open"


def progress(goal: Goal, value: Decimal | None) -> Decimal | None:
    """Percent of the way to the target: from nothing for what is counted, from the baseline for what is a ratio.

    None where there is no way to go: the target is no more than there was before.
    """
    if value is None or (goal.baseline is not None and goal.target <= goal.baseline):
        return None
    target = from_hundredths(goal.target)
    start = Decimal(0)
    if goal.kpi in ("repurchase_rate", "orders_per_buyer", "positive_reviews") and goal.baseline is not None:
        start = from_hundredths(goal.baseline)
    way = target - start
    return ((value - start) * 100 / way).quantize(Decimal("0.01")) if way > 0 else None
