"""What is announced of a member who changed: enrolment, tier, points, growth; the difference of two states."""

from __future__ import annotations

from datetime import date, datetime
from typing import NamedTuple

from common.events import EventData
from common.events.membership import GrowthChanged, MemberEnrolled, PointsChanged, TierChanged
from common.fold.folding import Effect
from membership.programme.programme import ShopRules
from membership.state import MemberState
from membership.tiers.rules import Change


class Told(NamedTuple):
    """What of a member is announced when it changes. Of a standing not the mere beginning of the lowest tier."""

    enrolled: datetime | None
    tier: str
    ladder: datetime | None
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
            state.enrolled, held.tier, held.ladder, held.until, held.grace, held.due, state.pending, state.available,
            state.debt, state.growth,
        )  # fmt: skip


def facts_of(
    before: Told, after: Told, shop: ShopRules, at: datetime, change: Change, reason: str, order_id: str | None,
    origin: str | None = None,
) -> list[Effect]:  # fmt: skip
    """What is to be announced of the difference between two states of one member."""
    found: list[Effect] = []
    if after.enrolled is not None and after.enrolled != before.enrolled:
        # Late news may move the enrolment of who holds a tier: a change of it is told next.
        _, tier = shop.tier_of(before.tier, before.ladder if before.tier else shop.ladder_at(after.enrolled))
        data: EventData = MemberEnrolled(enrolled_at=after.enrolled, tier=tier.name, tier_id=tier.id)
        found.append(Effect(data, at))
    found.extend(Effect(changed, at) for changed in _tier_changed(before, after, shop, change))
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


def _tier_changed(before: Told, after: Told, shop: ShopRules, change: Change) -> list[TierChanged]:
    if (before.tier, before.ladder, before.until, before.grace) == (
        after.tier, after.ladder, after.until, after.grace,
    ):  # fmt: skip
        return []
    level, new = shop.tier_of(after.tier, after.ladder)
    # The enrolment is told apart: whoever rises at once rises from the lowest tier.
    old_level, old = shop.tier_of(before.tier, before.ladder if before.tier else after.ladder)
    same_term = (before.until, before.grace) == (after.until, after.grace)
    if same_term and (old.id, old.name) == (new.id, new.name):
        return []
    if before.tier and before.ladder != after.ladder:
        old_level = level  # places in two ladders do not compare
    direction = "up" if level > old_level else "down" if level < old_level else "same"
    return [
        TierChanged(
            old=old.name, new=new.name, old_id=old.id, new_id=new.id, direction=direction, reason=change.reason,
            rule=change.rule, term_ends=after.due, in_grace=after.grace is not None,
        )
    ]  # fmt: skip
