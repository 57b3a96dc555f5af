"""A period as whole days, which are counted once, and the rest of it, which is counted anew; pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

DAY = timedelta(days=1)
Span = tuple[datetime, datetime]
"""From the first (inclusive) to the second (exclusive)."""


@dataclass(frozen=True, slots=True)
class Parts:
    """`days`: whole ones, by UTC, of which the counts that are kept are true; `rest`: all else of the period."""

    days: tuple[date, ...]
    rest: tuple[Span, ...]


def span_of(day: date) -> Span:
    begin = datetime.combine(day, time(), UTC)
    return begin, begin + DAY


def whole_days(since: datetime, until: datetime) -> list[date]:
    """The days, by UTC, that lie wholly in the period."""
    begin, end = since.astimezone(UTC), until.astimezone(UTC)
    first = begin.date() if begin.time() == time() else begin.date() + DAY
    return [first + n * DAY for n in range((end.date() - first).days)]


def parts(since: datetime, until: datetime, changed: Collection[date]) -> Parts:
    """The period in parts; `changed`: days of which something was read or forgotten since they were counted."""
    days = whole_days(since, until)
    if not days:
        return Parts((), ((since, until),))
    rest = [(since, span_of(days[0])[0]), *(span_of(day) for day in days if day in changed)]
    rest.append((span_of(days[-1])[1], until))
    return Parts(tuple(day for day in days if day not in changed), tuple(span for span in rest if span[0] < span[1]))
