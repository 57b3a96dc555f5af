"""All that the fold of a shop's members reads: the programme's versions and the shop's settings (MEM-023)."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from common.shops.settings import ShopSettings
from common.time.calendar import add_months
from common.values.currency import minor_per_major
from membership.programme.programme import Programme, Tier

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Version:
    valid_from: datetime
    number: int
    programme: Programme


_DEFAULT = Version(datetime.min.replace(tzinfo=UTC), 0, Programme())


@dataclass(frozen=True)
class ShopRules:
    """All that folding a customer of one shop reads: the programme's versions, the shop's settings."""

    settings: ShopSettings
    versions: Sequence[Version] = ()
    _ladder: tuple[Version, ...] = field(init=False)
    _starts: tuple[datetime, ...] = field(init=False)
    _ladders: tuple[datetime, ...] = field(init=False)
    months_looked_at: int = field(init=False)
    """How far back any version evaluates a tier or reviews a term."""
    extends_expiry: bool = field(init=False)
    """Whether orders extend the expiry of points in any version."""
    rewards_tenure: bool = field(init=False)
    """Whether any version gives points for years of membership."""
    _expiries: dict[tuple[int, date], datetime] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        ladder = sorted(self.versions, key=lambda v: (v.valid_from, v.number))
        object.__setattr__(self, "_ladder", (_DEFAULT, *ladder))
        object.__setattr__(self, "_starts", tuple(v.valid_from for v in self._ladder))
        last = {v.valid_from: v.programme.ladder for v in self._ladder}
        changes = tuple(start for (_, a), (start, b) in pairwise(last.items()) if a != b)
        object.__setattr__(self, "_ladders", changes)
        looks = (v.programme.months_looked_at for v in self._ladder)
        object.__setattr__(self, "months_looked_at", max(looks))
        extends = any(v.programme.points.extended_by != "nothing" for v in self._ladder)
        object.__setattr__(self, "extends_expiry", extends)
        object.__setattr__(self, "rewards_tenure", any(v.programme.tenure.steps for v in self._ladder))

    def version_at(self, instant: datetime) -> Version:
        """The version in force; the default programme before the first."""
        return self._ladder[bisect_right(self._starts, instant) - 1]

    def at(self, instant: datetime) -> Programme:
        return self._ladder[bisect_right(self._starts, instant) - 1].programme

    def before(self, instant: datetime) -> Programme:
        """The programme in force until `instant`."""
        return self._ladder[bisect_left(self._starts, instant) - 1].programme

    def new_ladders(self, after: datetime) -> list[Version]:
        """The versions after that instant that change the ladder."""
        return [self.version_at(start) for start in self._ladders if start > after]

    def unmapped(self, after: datetime) -> tuple[int, list[str]] | None:
        """A version, followed by one after that instant which does not say what becomes of these of its tiers."""
        for start in self._ladders:
            old = self._ladder[bisect_left(self._starts, start) - 1]
            lost = self.at(start).without_successor(old.programme) if start > after else []
            if lost:
                return old.number, lost
        return None

    def ladder_at(self, instant: datetime) -> datetime | None:
        """When the ladder in force at `instant` took force; None: it is the first."""
        place = bisect_right(self._ladders, instant)
        return self._ladders[place - 1] if place else None

    def next_ladder(self, ladder: datetime | None) -> datetime | None:
        """When the ladder after that one takes force."""
        place = 0 if ladder is None else bisect_right(self._ladders, ladder)
        return self._ladders[place] if place < len(self._ladders) else None

    def tier_of(self, tier: str, ladder: datetime | None) -> tuple[int, Tier]:
        """A tier, and its level, in the ladder that took force then; the lowest for no member."""
        programme = self._ladder[0].programme if ladder is None else self.at(ladder)
        level = programme.level_of(tier)
        return level, programme.tiers[level]

    def currency_at(self, instant: datetime) -> str:
        """The shop's currency then: the one in which orders of that time count."""
        return self.settings.at(instant).currency

    def unit_at(self, instant: datetime) -> int:
        """Minor units per 1.00 of the shop's currency then."""
        return minor_per_major(self.currency_at(instant))

    def date_of(self, instant: datetime) -> date:
        return self.settings.date_of(instant)

    def start_of(self, day: date) -> datetime:
        return self.settings.start_of(day)

    def day_of(self, instant: datetime) -> date:
        """The last day that has begun by then: `start_of(day) <= instant` holds for it and for no later one.

        It is `date_of` but where a new zone has turned the date back.
        """
        day = self.date_of(instant)
        return day + _ONE_DAY if self.start_of(day + _ONE_DAY) <= instant else day

    def first_day_looked_at(self, today: date) -> date:
        """No rule looks at what happened before that day, from today on."""
        return add_months(today, -self.months_looked_at) - _ONE_DAY

    def expiry(self, available: datetime) -> datetime:
        """When points that become available then expire, by the programme in force then (MEM-044)."""
        place, day = bisect_right(self._starts, available) - 1, self.date_of(available)
        known = self._expiries.get((place, day))
        if known is None:  # asked several times of each order that completes
            known = self.start_of(self._ladder[place].programme.points.first_day_without(day))
            self._expiries[place, day] = known
        return known
