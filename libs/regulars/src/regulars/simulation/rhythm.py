"""Time as a shop's customers live it: months, weekdays and hours in which more or less is ordered."""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate

from regulars.simulation.kinds import Kind
from regulars.simulation.plan import Plan

_HOUR_MICROSECONDS = 3_600_000_000


class Rhythm:
    """Busy time: 1 a day in the mean of a year, more on busy days. A process that is even in it has the shop's seasons.

    Busy time is 0 at the midnight before the plan's start.
    """

    def __init__(self, plan: Plan) -> None:
        self._zone = plan.zone
        self._first = plan.start.astimezone(plan.zone).date()
        self._days = list(accumulate(self._weight(plan.kind, day) for day in range(plan.days + 2)))
        total = sum(plan.kind.hours)
        self._hours = list(accumulate(hour / total for hour in plan.kind.hours))
        self.start = self.of(plan.start)

    def _weight(self, kind: Kind, number: int) -> float:
        day = self._first + timedelta(days=number)
        month = kind.months[day.month - 1] * len(kind.months) / sum(kind.months)
        return month * kind.weekdays[day.weekday()] * len(kind.weekdays) / sum(kind.weekdays)

    def of(self, at: datetime) -> float:
        """Busy time at the instant, to the hour."""
        local = at.astimezone(self._zone)
        number = (local.date() - self._first).days
        before = self._days[number - 1] if number else 0.0
        passed = self._hours[local.hour - 1] if local.hour else 0.0
        return before + (self._days[number] - before) * passed

    def when(self, busy: float) -> datetime | None:
        """The instant at that busy time, in UTC; None after the last day."""
        number = bisect_left(self._days, busy)
        if number == len(self._days):
            return None
        before = self._days[number - 1] if number else 0.0
        share = (busy - before) / (self._days[number] - before)
        hour = min(bisect_left(self._hours, share), len(self._hours) - 1)
        earlier = self._hours[hour - 1] if hour else 0.0
        width = self._hours[hour] - earlier
        within = min(max((share - earlier) / width, 0.0), 0.999999) if width else 0.0
        past_hour = timedelta(microseconds=int(within * _HOUR_MICROSECONDS))
        day = self._first + timedelta(days=number)
        return (datetime.combine(day, time(hour), self._zone) + past_hour).astimezone(UTC)
