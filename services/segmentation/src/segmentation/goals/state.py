"""A goal that a shop sets itself, in versions."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict

from common.events.segments import GoalKpi, GoalSet

HUNDRED = 100


class Goal(BaseModel):
    """The key figure is to reach `target` in [since, until); both it and `baseline` are in hundredths of its unit.

    `currency`: in which sales are measured, the shop's when the goal was set; None of a figure that is no amount.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    kpi: GoalKpi
    since: date
    until: date
    target: int
    baseline: int | None = None
    currency: str | None = None
    archived: bool = False


def said(data: GoalSet) -> Goal:
    """What was announced."""
    return Goal(
        name=data.name,
        kpi=data.kpi,
        since=data.since,
        until=data.until,
        target=data.target,
        baseline=data.baseline,
        currency=data.currency,
        archived=data.archived,
    )


def hundredths(value: Decimal) -> int:
    return int((value * HUNDRED).to_integral_value())


def from_hundredths(value: int) -> Decimal:
    return (Decimal(value) / HUNDRED).quantize(Decimal("0.01"))
