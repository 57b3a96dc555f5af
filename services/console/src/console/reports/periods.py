"""Weeks, months, quarters and years of a shop's calendar; pure (ANA-044 to ANA-048)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Literal, NamedTuple, get_args

from common.time.calendar import add_months

Kind = Literal["week", "month", "quarter", "year"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
MOST_LATE = 8
"""Periods that are made up for, of one kind, after a time without a console; older ones are made by hand."""


class Period(NamedTuple):
    """[since, until) of the shop's calendar."""

    kind: Kind
    since: date
    until: date

    @property
    def days(self) -> int:
        return (self.until - self.since).days


def period_of(kind: Kind, day: date) -> Period:
    """The period in which the day lies. A week begins on Monday."""
    if kind == "week":
        since = day - timedelta(days=day.weekday())
        return Period(kind, since, since + timedelta(weeks=1))
    months = _MONTHS[kind]
    since = date(day.year, (day.month - 1) // months * months + 1, 1)
    return Period(kind, since, add_months(since, months))


def before(period: Period) -> Period:
    """The period that ended with this one's beginning."""
    return period_of(period.kind, period.since - timedelta(days=1))


def ended(kind: Kind, today: date, last: date | None) -> Iterator[Period]:
    """Periods of the kind that have ended and were not made yet, oldest first.

    `last`: the beginning of the newest that was; None: none, then the one that ended last is the first.
    """
    period = before(period_of(kind, today))
    found: list[Period] = []
    while (last is None or period.since > last) and len(found) < (1 if last is None else MOST_LATE):
        found.append(period)
        period = before(period)
    yield from reversed(found)
