"""A member's growth value and what it was earned by (MEM-016)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from membership.member import PartState


@dataclass(slots=True)
class Activity:
    """Something other than an order that earned growth: a review, an activity, a referral, a check-in."""

    at: datetime
    growth: int = 0


@dataclass(slots=True)
class Growth(PartState):
    """`value` is the growth value; orders (by id) and activities (by origin, as in GrowthChanged) hold its parts.

    `orders`: what each completed order holds after refunds. `rates`: growth per 1.00, where it is not 1; fixed
    when they complete.
    """

    NAME: ClassVar[str] = "growth"
    value: int = 0
    orders: dict[str, int] = field(default_factory=dict)
    rates: dict[str, int] = field(default_factory=dict)
    activities: dict[str, Activity] = field(default_factory=dict)
