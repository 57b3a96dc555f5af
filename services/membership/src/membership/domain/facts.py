"""What is announced of a member who changed? Enrolment, tier, points, growth: the difference of two states."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from common.events import EventData
from common.events.membership import GrowthChanged, MemberEnrolled, PointsChanged, TierChanged
from common.fold import Effect
from membership.domain.programme import ShopRules
from membership.domain.state import MemberState
from membership.domain.tiers import Change


class Told(NamedTuple):
    """What of a member is announced when it changes. Of a standing not the mere beginning of the lowest tier."""

    enrolled: datetime | None
    level: int
    until: date | None
    grace: date | None
    due: datetime | None
    pending: int
    available: int
    debt: int
    growth: int

    @classmethod
    def of(cls, state: MemberState) -> Told:
        held = state.standing
        return cls(
            state.enrolled, held.level, held.until, held.grace, held.due, state.pending, state.available, state.debt,
            state.growth,
        )  # fmt: skip


def facts_of(
    before: Told, after: Told, shop: ShopRules, at: datetime, change: Change, reason: str, order_id: str | None,
    origin: str | None = None,
) -> list[Effect]:  # fmt: skip
    """What is to be announced of the difference between two states of one member."""
    found: list[Effect] = []
    programme = shop.at(at)
    if after.enrolled is not None and after.enrolled != before.enrolled:
        data: EventData = MemberEnrolled(enrolled_at=after.enrolled, tier=programme.tier(0).name)
        found.append(Effect(data, at))
    if (before.level, before.until, before.grace) != (after.level, after.until, after.grace):
        data = TierChanged(
            old=programme.tier(before.level).name,
            new=programme.tier(after.level).name,
            direction="up" if after.level > before.level else "down" if after.level < before.level else "same",
            reason=change.reason,
            rule=change.rule,
            term_ends=after.due,
            in_grace=after.grace is not None,
        )
        found.append(Effect(data, at))
    if (before.pending, before.available, before.debt) != (after.pending, after.available, after.debt):
        gained = (after.available - after.debt) - (before.available - before.debt)
        data = PointsChanged(
            pending=after.pending, available=after.available, debt=after.debt,
            change=gained or after.pending - before.pending, reason=reason, order_id=order_id,
        )  # fmt: skip
        found.append(Effect(data, at))
    if before.growth != after.growth:
        data = GrowthChanged(growth=after.growth, change=after.growth - before.growth, reason=reason, origin=origin)
        found.append(Effect(data, at))
    return found
