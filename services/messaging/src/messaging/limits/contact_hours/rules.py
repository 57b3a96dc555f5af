"""Hours at which a marketing message or a survey may be handed off (MSG-001 to MSG-006).

A window is a stretch of the recipient's clock on the wall, start-inclusive and end-exclusive; on some weekdays or dates
it is closed. An *opening* is one window on one day, as instants in UTC, so daylight saving time is settled here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from common.time.calendar import Period, at_local, local_date

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_FARTHEST = timedelta(days=400)


class Window(BaseModel):
    """Times of day in the recipient's zone; `closed_on` are the weekdays without this window."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    start: time
    end: time
    closed_on: tuple[Weekday, ...] = ()

    @model_validator(mode="after")
    def _ordered(self) -> Window:
        if self.start.tzinfo or self.end.tzinfo:
            raise ValueError("a window's times are times of day in the recipient's zone: leave the offset away")
        if self.start >= self.end:
            raise ValueError(f"the window must end after it starts, on the same day: {self.start} to {self.end}")
        if len(set(self.closed_on)) == len(WEEKDAYS):
            raise ValueError("the window is closed on every weekday: leave it away instead")
        return self


DEFAULT_WINDOWS = (
    Window(start=time(9, 30), end=time(11), closed_on=("mon",)),
    Window(start=time(14, 30), end=time(16, 30), closed_on=("fri",)),
    Window(start=time(19, 30), end=time(21)),
)
"""MSG-001 to MSG-005: Monday morning and Friday afternoon are blacked out."""


class NoWindow(Exception):
    """Nothing opens within 400 days: the blackout dates leave no day."""


def openings(
    windows: Sequence[Window], instant: datetime, zone: tzinfo, blackout_dates: frozenset[date] = frozenset()
) -> Iterator[Period]:
    """The openings that end after `instant`, earliest first; the first may contain it."""
    day = local_date(instant, zone)
    last = day + _FARTHEST
    ordered = sorted(windows, key=lambda w: w.start)
    while day <= last:
        if day not in blackout_dates:
            for window in ordered:
                if WEEKDAYS[day.weekday()] in window.closed_on:
                    continue
                opening = Period(at_local(day, window.start, zone), at_local(day, window.end, zone))
                # A clock put forward can swallow a window whole: start and end are then one instant.
                if instant < opening.end and opening.start < opening.end:
                    yield opening
        day += timedelta(days=1)


def opening_for(
    windows: Sequence[Window], instant: datetime, zone: tzinfo, blackout_dates: frozenset[date] = frozenset()
) -> Period:
    """The opening that contains `instant`, else the next one. Raises NoWindow."""
    for opening in openings(windows, instant, zone, blackout_dates):
        return opening
    raise NoWindow(f"no window opens within {_FARTHEST.days} days after {instant}")
