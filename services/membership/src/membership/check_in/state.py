"""A member's check-ins: the last day, the days in a row up to it, and the points of all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar

from membership.member import PartState

_ONE_DAY = timedelta(days=1)


@dataclass(slots=True)
class CheckIns(PartState):
    """`last`: the last calendar day of the shop that counted; `streak`: the days in a row up to it, itself included.

    `points` is what all check-ins earned, whatever has become of these points since.
    """

    NAME: ClassVar[str] = "check_in"
    last: date | None = None
    streak: int = 0
    points: int = 0

    def streak_on(self, today: date) -> int:
        """The streak as it stands that day: it is broken when a whole day has passed without a check-in."""
        return self.streak if self.last is not None and self.last + _ONE_DAY >= today else 0

    def is_new(self, day: date) -> bool:
        """Whether the day has not counted yet. Days come in order."""
        return self.last is None or day > self.last

    def count(self, day: date) -> bool:
        """Count a day; False where it counted before. Days come in order."""
        if not self.is_new(day):
            return False
        self.streak = self.streak_on(day) + 1
        self.last = day
        return True
