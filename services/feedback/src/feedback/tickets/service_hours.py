"""Hours in which a shop answers its customers, and time that passes within them alone (FBK-027, FBK-035)."""

from __future__ import annotations

from datetime import datetime, time, timedelta, tzinfo
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.time.calendar import at_local, local_date

MOST_WEEKS = 26
"""Within so many weeks of service hours every clock of a policy runs out."""
_ALL_DAYS = (1, 2, 3, 4, 5, 6, 7)
Weekday = Annotated[int, Field(ge=1, le=7, strict=True)]


class ServiceHours(BaseModel):
    """Round the clock, or hours in the shop's zone on some days of the week; 1 is Monday, `closes` is exclusive."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    always: bool = Field(True, description="seven days, 24 hours; the hours below then say nothing")
    opens: time = time(9)
    closes: time = time(21)
    days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = _ALL_DAYS

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("`opens` must be before `closes`")
        if self.opens.tzinfo is not None or self.closes.tzinfo is not None:
            raise ValueError("`opens` and `closes` are times of day in the shop's zone, without an offset")
        return self

    @property
    def a_week(self) -> timedelta:
        """How much of them a week has, changes of the clocks aside."""
        if self.always:
            return timedelta(days=7)
        midnight = datetime.min
        room = datetime.combine(midnight, self.closes) - datetime.combine(midnight, self.opens)
        return room * len(set(self.days))


def after(start: datetime, span: timedelta, hours: ServiceHours, zone: tzinfo) -> datetime:
    """The instant, in UTC, at which `span` of service hours has passed since `start`; both days of a change of the
    clocks count as long as they are. A look at each day: the policy sees to it that there are few (`MOST_WEEKS`)."""
    if hours.always:
        return start + span
    left, day = span, local_date(start, zone)
    while True:
        if day.isoweekday() in hours.days:
            begins = max(start, at_local(day, hours.opens, zone))
            room = at_local(day, hours.closes, zone) - begins
            if room > timedelta():
                if left <= room:
                    return begins + left
                left -= room
        day += timedelta(days=1)


def opens_at(at: datetime, hours: ServiceHours, zone: tzinfo) -> datetime | None:
    """When service begins next, in UTC; None: it is open at `at`."""
    if hours.always:
        return None
    day = local_date(at, zone)
    while True:
        if day.isoweekday() in hours.days and at < at_local(day, hours.closes, zone):
            begins = at_local(day, hours.opens, zone)
            return begins if at < begins else None
        day += timedelta(days=1)
