"""Days, months and quarters in the time zone of a shop.

Pure functions on `zoneinfo`. An *instant* is an aware datetime; what comes back as an instant is in UTC.
A *period* is half-open, `[start, end)`, so that neighbouring periods neither overlap nor leave a gap,
whatever daylight saving time does in between.
"""

from __future__ import annotations

import calendar as _gregorian
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

ZONE_NAMES = frozenset(available_timezones())
"""The IANA zones that this machine knows; looked up once, since finding them walks through some 600 files."""
MONTH = "^(19[7-9]|2[01][0-9])[0-9]-(0[1-9]|1[0-2])$"
"""A month as it stands in addresses, such as `2026-03`, from 1970 to 2199: histories of long ago are brought in."""
_ONE_DAY = timedelta(days=1)


class UnknownZone(ValueError):
    """No such time zone; the message says what a name looks like."""


@dataclass(frozen=True, slots=True)
class Period:
    """A half-open range of instants `[start, end)`, both in UTC."""

    start: datetime
    end: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end


def zone_named(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises UnknownZone."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UnknownZone(f"unknown time zone {name!r}: use an IANA name such as Asia/Shanghai") from None


def local_date(instant: datetime, zone: tzinfo) -> date:
    """The calendar date in `zone` at `instant`. Raises ValueError for a naive datetime."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone: an instant is an aware datetime")
    return instant.astimezone(zone).date()


def at_local(day: date, of_day: time, zone: tzinfo) -> datetime:
    """The instant at which clocks in `zone` first show `of_day` on `day`, in UTC.

    A time that the clocks show twice is the earlier one. One that they skip (02:30 in a spring night, or all of
    30 December 2011 in Samoa) is the instant of the jump, the first at which the clocks show something later.
    """
    wall = datetime.combine(day, of_day.replace(tzinfo=None, fold=0))
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == wall:
        return instant
    # A skipped time lies in the jump: fold=1 reads it with the offset after the jump (too early), fold=0 with the one
    # before (too late). The jump itself is between the two; it is found by halving, to the second.
    early, late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), instant
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=int((late - early).total_seconds()) // 2)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late


def day_start(day: date, zone: tzinfo) -> datetime:
    """The first instant of `day` in `zone`, in UTC; not always 00:00 (Havana, Beirut and others skip midnight)."""
    return at_local(day, time.min, zone)


def noon(day: date, zone: tzinfo) -> datetime:
    """12:00 of `day` in `zone`, in UTC: what a date without a time of day stands for."""
    return at_local(day, time(12), zone)


def start_of_month(day: date) -> date:
    """The first of the month of `day`."""
    return day.replace(day=1)


def end_of_month(day: date) -> date:
    """The last day of the month of `day`."""
    return day.replace(day=_gregorian.monthrange(day.year, day.month)[1])


@lru_cache(maxsize=8_192)
def add_months(day: date, months: int) -> date:
    """The same day of the month `months` later (earlier when negative), clamped.

    31 December + 2 months is the last of February. Raises ValueError beyond the years 1 to 9999.
    Not associative: add to the first date, not to a clamped one. Kept, because folds ask it of the same days.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not date.min.year <= year <= date.max.year:
        raise ValueError(f"{day} and {months} months lies beyond the calendar")
    return date(year, month + 1, min(day.day, _gregorian.monthrange(year, month + 1)[1]))


def day_period(day: date, zone: tzinfo) -> Period:
    """The 23, 24 or 25 hours of `day` in `zone`."""
    return Period(day_start(day, zone), day_start(day + _ONE_DAY, zone))


def months_period(day: date, months: int, zone: tzinfo) -> Period:
    """The calendar period of `months` months that holds `day`; periods are counted from January.

    Raises ValueError unless `months` divides 12: only then do the periods begin with every year (C-7).
    """
    if months < 1 or 12 % months:
        raise ValueError(f"a period of {months} months does not fit the year: use 1, 2, 3, 4, 6 or 12")
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    return Period(day_start(first, zone), day_start(add_months(first, months), zone))


def month_period(day: date, zone: tzinfo) -> Period:
    """The calendar month of `day` in `zone`."""
    return months_period(day, 1, zone)


def two_month_period(day: date, zone: tzinfo) -> Period:
    """January and February, March and April, ... in `zone`."""
    return months_period(day, 2, zone)


def quarter_period(day: date, zone: tzinfo) -> Period:
    """The calendar quarter of `day` in `zone`."""
    return months_period(day, 3, zone)
