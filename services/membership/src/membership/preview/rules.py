"""What would another programme make of the members? Two states of each, counted: who moves tier, how many points."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from membership.programme.programme import Programme, ShopRules, Version
from membership.state import MemberState


def tried(shop: ShopRules, programme: Programme, since: datetime) -> ShopRules:
    """The shop's rules as if this programme had come into force at `since`, and none after it."""
    before = [version for version in shop.versions if version.valid_from < since]
    number = max((version.number for version in shop.versions), default=0) + 1
    return ShopRules(shop.settings, [*before, Version(since, number, programme)])


@dataclass(slots=True)
class Tally:
    """Counts over the customers tried. A tier's name is None where the customer is no member."""

    moves: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    tried: int = 0
    points_now: int = 0
    points_tried: int = 0
    growth_now: int = 0
    growth_tried: int = 0

    def add(self, now: MemberState, then: MemberState, present: Programme, programme: Programme) -> None:
        """One customer as now, and as the tried programme would have it. Points are those owed, less debt."""
        self.tried += 1
        self.moves[_tier(now, present), _tier(then, programme)] += 1
        self.points_now += owed(now)
        self.points_tried += owed(then)
        self.growth_now += now.growth
        self.growth_tried += then.growth


def owed(state: MemberState) -> int:
    return state.pending + state.available - state.debt


def _tier(state: MemberState, programme: Programme) -> str | None:
    return None if state.enrolled is None else programme.tier(state.standing.tier).name
