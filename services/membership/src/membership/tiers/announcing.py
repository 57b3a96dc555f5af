"""What is announced of membership and tier: the difference of two standings."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import NamedTuple

from common.events import EventData
from common.events.membership import MemberEnrolled, TierChanged
from membership.programme.versions import ShopRules
from membership.tiers.rules import Change
from membership.tiers.state import Tiers


class Announced(NamedTuple):
    """What is announced when it changes. Of a standing not the mere beginning of the lowest tier."""

    enrolled: datetime | None
    tier: str
    ladder: datetime | None
    until: date | None
    grace: date | None
    due: datetime | None

    @classmethod
    def of(cls, tiers: Tiers) -> Announced:
        held = tiers.standing
        return cls(tiers.enrolled, held.tier, held.ladder, held.until, held.grace, held.due)


def facts_of(before: Announced, after: Announced, shop: ShopRules, change: Change) -> Iterator[EventData]:
    """Enrolment, then the change of the tier."""
    if after.enrolled is not None and after.enrolled != before.enrolled:
        # Late news may move the enrolment of a customer who holds a tier: a change of it is announced next.
        _, tier = shop.tier_of(before.tier, before.ladder if before.tier else shop.ladder_at(after.enrolled))
        yield MemberEnrolled(enrolled_at=after.enrolled, tier=tier.name, tier_id=tier.id)
    yield from _tier_changed(before, after, shop, change)


def _tier_changed(before: Announced, after: Announced, shop: ShopRules, change: Change) -> Iterator[TierChanged]:
    if (before.tier, before.ladder, before.until, before.grace) == (after.tier, after.ladder, after.until, after.grace):
        return
    level, new = shop.tier_of(after.tier, after.ladder)
    # The enrolment is announced apart: a new member who rises at once rises from the lowest tier.
    old_level, old = shop.tier_of(before.tier, before.ladder if before.tier else after.ladder)
    same_term = (before.until, before.grace) == (after.until, after.grace)
    if same_term and (old.id, old.name) == (new.id, new.name):
        return
    if before.tier and before.ladder != after.ladder:
        old_level = level  # places in two ladders do not compare
    yield TierChanged(
        old=old.name,
        new=new.name,
        old_id=old.id,
        new_id=new.id,
        direction="up" if level > old_level else "down" if level < old_level else "same",
        reason=change.reason,
        rule=change.rule,
        term_ends=after.due,
        in_grace=after.grace is not None,
    )
