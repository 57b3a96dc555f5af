"""A member's growth value and what it was earned by (MEM-016)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from membership.member import PartState, Share


@dataclass(slots=True)
class OrderGrowth:
    """What a completed order holds after refunds; `rate`: growth per 1.00, fixed when it completes."""

    held: int = 0
    rate: int = 1


@dataclass(slots=True)
class Activity:
    """What something other than an order and a check-in earned: a review, an activity, a referral.

    `at`: when, of what may be taken back.
    """

    growth: int = 0
    at: datetime | None = None


@dataclass(slots=True)
class Growth(PartState):
    """`value` is the growth value. `memo`, of a member who was folded from the start: what each origin has of it."""

    NAME: ClassVar[str] = "growth"
    value: int = 0


ORDER_GROWTH = Share("order", "growth", OrderGrowth)
"""Of each completed order, by its id."""
ACTIVITIES = {kind: Share(kind, "activity", Activity) for kind in ("review", "activity", "referral")}
"""Each activity by its id, by its kind."""
