"""The days on which a dated flow sends, by the solar and the lunar calendar (MSG-029, MSG-031 to MSG-034, MSG-047)."""

from __future__ import annotations

import re
from calendar import isleap
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache

from borax.calendars.lunardate import LunarDate, TermUtils

from common.time.calendar import at_local, end_of_month
from messaging.flows.document import (
    Dated,
    DatesTrigger,
    Holiday,
    HolidayTrigger,
    MemberDayTrigger,
    NewArrivalTrigger,
    PersonalDateTrigger,
)

DAY = timedelta(days=1)
LOOK = 800
"""Days ahead in which the next one is looked for."""
_SOLAR: dict[Holiday, tuple[int, int]] = {
    "new_year": (1, 1),
    "valentine": (2, 14),
    "national_day": (10, 1),
    "singles_day": (11, 11),
    "christmas": (12, 25),
}
_LUNAR: dict[Holiday, tuple[int, int]] = {
    "spring_festival": (1, 1),
    "lantern": (1, 15),
    "dragon_boat": (5, 5),
    "qixi": (7, 7),
    "mid_autumn": (8, 15),
    "double_ninth": (9, 9),
}
LAST_YEAR = 2099
"""The lunar calendar is known so far."""


@cache
def holiday_of(holiday: Holiday, year: int) -> date | None:
    """The day of a holiday in a year of the solar calendar; None beyond what is known of the lunar one."""
    if holiday in _SOLAR:
        return date(year, *_SOLAR[holiday])
    if not 1901 <= year <= LAST_YEAR:
        return None
    if holiday == "qingming":
        return date.fromisoformat(str(TermUtils.day_start_from_term(year, "清明")))
    return date.fromisoformat(str(LunarDate(year, *_LUNAR[holiday]).to_solar_date()))


def sends_on(trigger: Dated, day: date, launches: Sequence[date] = ()) -> bool:
    """Whether a flow with this trigger sends on the day; one of customers' own days may on every day."""
    occasion = day - timedelta(days=trigger.days)
    match trigger:
        case PersonalDateTrigger():
            return True
        case HolidayTrigger():
            return holiday_of(trigger.holiday, occasion.year) == occasion
        case MemberDayTrigger():
            return occasion.day == min(trigger.day, end_of_month(occasion).day)
        case DatesTrigger():
            return any(occasion.isoformat().endswith(text) for text in trigger.dates)
        case NewArrivalTrigger():
            return occasion in launches
    return False


def sending_days(trigger: Dated, first: date, launches: Sequence[date] = ()) -> Iterator[date]:
    """The days on which it sends, from `first` on, within LOOK days."""
    return (day for n in range(LOOK) if sends_on(trigger, day := first + n * DAY, launches))


def begins_at(day: date) -> datetime:
    """When the day begins where it begins first on earth (UTC+14), in UTC: nobody's hour of it has passed by then."""
    return datetime.combine(day, time.min, tzinfo=UTC) - timedelta(hours=14)


def due_at(trigger: Dated, day: date, zone: tzinfo) -> datetime:
    """When the message of that day is due where the recipient is."""
    return at_local(day, trigger.at, zone)


def birthdays_on(day: date) -> tuple[str, ...]:
    """The days of birth, MM-DD, that are celebrated on a day: 29 February on the 28th where there is no 29th."""
    own = f"{day:%m-%d}"
    return (own, "02-29") if own == "02-28" and not isleap(day.year) else (own,)


def cause_of(flow: str, trigger: Dated, day: date) -> str:
    """What the flow answers on the day: of customers' own days once a year, whatever day it is moved to."""
    occasion = day - timedelta(days=trigger.days)
    return f"{flow}/{occasion.year}" if isinstance(trigger, PersonalDateTrigger) else f"{flow}/{occasion.isoformat()}"


def is_of_a_day(flow: str, cause: str) -> bool:
    """Whether a cause is a day on which the flow begins; events have other causes, and steps of runs longer ones."""
    head, _, day = cause.rpartition("/")
    return head == flow and re.fullmatch(r"\d{4}(-\d{2}-\d{2})?", day) is not None
