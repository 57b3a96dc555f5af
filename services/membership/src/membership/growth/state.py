"""A member's growth value and what it was earned by (MEM-016)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from membership.member import PartState


@dataclass(slots=True)
class OrderGrowth:
    """`rate` is growth per 1.00, fixed when the order completes; `held` is what the order holds of it after refunds."""

    rate: int = 1
    held: int = 0


@dataclass(slots=True)
class Activity:
    """Something other than an order that earned growth: a review, an activity, a referral, a check-in."""

    at: datetime
    growth: int = 0


@dataclass(slots=True)
class Growth(PartState):
    """`value` is the growth value; orders (by id) and activities (by origin, as in GrowthChanged) hold its parts."""

    NAME: ClassVar[str] = "growth"
    value: int = 0
    orders: dict[str, OrderGrowth] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
