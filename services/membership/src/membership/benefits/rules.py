"""Calendar quotas, birthdays and the head start of early access (MEM-029 to 033, MEM-037, MEM-055)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from common.time.calendar import add_months
from membership.benefits.state import Benefits
from membership.programme.benefits import Benefit

LeapDay = Literal["feb_28", "mar_1"]


class Quota(NamedTuple):
    """A quota as of a day: `carried` of the uses come from the period before; `last` day of the period, inclusive."""

    uses: int
    carried: int
    used: int
    first: date
    last: date

    @property
    def remaining(self) -> int:
        """May be used still; 0 where a tier that gave more was lost."""
        return max(0, self.uses + self.carried - self.used)


def quota_on(benefit: Benefit, made: Benefits, day: date, member_since: date) -> Quota:
    """The quota of the calendar period that holds `day`; uses made under another tier count as well (C-7).

    The period before gives what was left of it, up to `carry_over`, to who was a member in it.
    """
    assert benefit.uses is not None
    assert benefit.months is not None
    first = date(day.year, (day.month - 1) // benefit.months * benefit.months + 1, 1)
    used = made.used_in(benefit.kind, first, benefit.months)
    carried = 0
    if benefit.carry_over and member_since < first:
        before = made.used_in(benefit.kind, add_months(first, -benefit.months), benefit.months)
        carried = min(benefit.carry_over, max(0, benefit.uses - before))
    return Quota(benefit.uses, carried, used, first, add_months(first, benefit.months) - timedelta(days=1))


def birthday_in(year: int, month: int, day: int, leap_day: LeapDay) -> date:
    """The birthday in that year; of 29 February in a common year the day that the programme says (MEM-055)."""
    if (month, day) == (2, 29) and not _is_leap(year):
        return date(year, 2, 28) if leap_day == "feb_28" else date(year, 3, 1)
    return date(year, month, day)


def birthday_near(birthday: tuple[int, int], today: date, benefit: Benefit, leap_day: LeapDay) -> date | None:
    """The birthday, in whatever year, whose days of grace hold `today`; None: it is not now."""
    for year in (today.year, today.year - 1, today.year + 1):
        if not date.min.year <= year <= date.max.year:
            continue
        on = birthday_in(year, *birthday, leap_day)
        if -benefit.days_before <= (today - on).days <= benefit.days_after:
            return on
    return None


def opens_at(public_from: datetime, benefit: Benefit | None) -> datetime:
    """When a sale opens for a member of that benefit; for everybody else at its public start (MEM-037)."""
    hours = 0 if benefit is None or benefit.hours is None else benefit.hours
    return public_from - timedelta(hours=hours)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
