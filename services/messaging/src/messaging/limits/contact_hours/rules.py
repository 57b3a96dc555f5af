"""Hours at which a marketing message or a survey may be handed off (MSG-001 to MSG-006).

A window is a range of the recipient's clock on the wall, start-inclusive and end-exclusive; on some weekdays or dates
it is closed. An *opening* is one window on one day, as instants in UTC, so daylight saving time is settled here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta, tzinfo
from functools import lru_cache

from common.time.calendar import Period, at_local, local_date
from messaging.limits.contact_hours.state import WEEKDAYS, Window

_FARTHEST = timedelta(days=400)


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
    found = _first(tuple(windows), instant, zone, blackout_dates)
    if found is not None:
        return found
    raise NoWindow(f"no window opens within {_FARTHEST.days} days after {instant}")


@lru_cache(4096)
def _first(
    windows: tuple[Window, ...], instant: datetime, zone: tzinfo, blackout_dates: frozenset[date]
) -> Period | None:
    """Of one instant for all customers of a batch in a zone."""
    return next(openings(windows, instant, zone, blackout_dates), None)
