"""Periods that reports count: bounded, since their cost follows what was said within them."""

from __future__ import annotations

from datetime import datetime, timedelta

from common.refusals import Invalid

LONGEST = timedelta(days=800)


class InvalidPeriod(Invalid):
    """The times are no period that can be counted."""

    def __init__(self, days: int, longest: timedelta) -> None:
        super().__init__(
            "invalid_period",
            f"`since` must be before `until`, by at most {longest.days} days, and both after 1990; absent: {days} days "
            "before it.",
        )


def period_of(
    since: datetime | None, until: datetime | None, now: datetime, days: int, longest: timedelta = LONGEST
) -> tuple[datetime, datetime]:
    """From when, and until when (exclusive); `days`: how long it is where `since` is absent. Raises InvalidPeriod."""
    end = until or now
    if 1993 <= end.year <= 9000:
        begin = since or end - timedelta(days=days)
        if begin.year <= 9000 and timedelta(0) < end - begin <= longest:
            return begin, end
    raise InvalidPeriod(days, longest)
