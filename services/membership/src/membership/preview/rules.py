"""A programme tried on members: two states of each are counted, who moves tier and how many points there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from common.events import EventData
from common.fold.folding import Step
from membership.growth.state import Growth
from membership.member import Member
from membership.points.state import Points
from membership.programme.programme import Programme
from membership.programme.versions import ShopRules, Version
from membership.tiers.state import Tiers


def tried(shop: ShopRules, programme: Programme, since: datetime) -> ShopRules:
    """The shop's rules as if this programme had come into force at `since`, and none after it."""
    before = [version for version in shop.versions if version.valid_from < since]
    number = max((version.number for version in shop.versions), default=0) + 1
    return ShopRules(shop.settings, [*before, Version(since, number, programme)])


def from_now_on(shop: ShopRules, programme: Programme, now: datetime) -> ShopRules:
    """The shop's rules as if this programme came into force now, and none after it."""
    before = [version for version in shop.versions if version.valid_from <= now]
    number = max((version.number for version in shop.versions), default=0) + 1
    return ShopRules(shop.settings, [*before, Version(now, number, programme)])


class Announced(NamedTuple):
    """A kind of announcement, as flows of messages look at it: its type; of a change of tier which way, and why."""

    type: str
    direction: str | None
    reason: str | None

    @classmethod
    def of(cls, fact: EventData) -> Announced:
        return cls(fact.TYPE, getattr(fact, "direction", None), getattr(fact, "reason", None))


def announced(steps: Iterable[Step]) -> set[Announced]:
    """The kinds of announcements among what falls due for one customer."""
    facts = (effect.data for step in steps for effect in step.effects)
    return {Announced.of(fact) for fact in facts if isinstance(fact, EventData)}


@dataclass(slots=True)
class Tally:
    """Counts over the customers tried. A tier's name is None where the customer is no member."""

    moves: Counter[tuple[str | None, str | None]] = field(default_factory=Counter)
    tried: int = 0
    points_now: int = 0
    points_tried: int = 0
    growth_now: int = 0
    growth_tried: int = 0
    announced_now: Counter[Announced] = field(default_factory=Counter)
    announced_tried: Counter[Announced] = field(default_factory=Counter)

    def foresee(self, now: Iterable[Step], tried: Iterable[Step]) -> None:
        """What would be announced of one customer by either programme, each kind once."""
        self.announced_now.update(announced(now))
        self.announced_tried.update(announced(tried))

    def add(self, now: Member, then: Member, present: Programme, programme: Programme) -> None:
        """One customer as now, and as the tried programme would have it. Points are those owed, less debt."""
        self.tried += 1
        self.moves[_tier(now, present), _tier(then, programme)] += 1
        self.points_now += owed(now)
        self.points_tried += owed(then)
        self.growth_now += Growth.of(now).value
        self.growth_tried += Growth.of(then).value


def owed(state: Member) -> int:
    """Points, pending and available, less debt."""
    points = Points.of(state)
    return points.pending + points.available - points.debt


def _tier(state: Member, programme: Programme) -> str | None:
    tiers = Tiers.of(state)
    return None if tiers.enrolled is None else programme.tier(tiers.standing.tier).name
