"""When retention begins, and from when on a customer has been silent for too long (SEC-006)."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo

from common.refusals import Conflict
from common.time.calendar import add_months, day_start
from orders_ingest.retention.state import Retention, Walk

DELAY = timedelta(days=7)
"""Between a shorter period and the first erasure by it: an erasure cannot be taken back, a slip of a key can."""


class RetentionChanged(Conflict):
    """Somebody set another period since it was read."""

    def __init__(self, version: int, months: int | None) -> None:
        period = "for ever" if months is None else f"for {months} months without a sign"
        super().__init__(
            "retention_changed",
            f"Version {version} holds by now: customers are kept {period}. Read it, and send yours with `replaces`.",
        )


def check_read(standing: Retention, replaces: int | None) -> None:
    """Raises RetentionChanged where it is not the version that was read; None: whichever stands."""
    if replaces is not None and replaces != standing.version:
        raise RetentionChanged(standing.version, standing.months)


def changed(standing: Retention, months: int | None, by: str, now: datetime) -> Retention:
    """The shop's retention after it was set to so many months: one that erases more begins a week later. The same
    months again change nothing, nor who set them."""
    if months == standing.months:
        return standing
    begins_at = None
    if months is not None:
        longer = standing.months is not None and months > standing.months
        begins_at = standing.begins_at if longer else now + DELAY
    return Retention(months=months, begins_at=begins_at, version=standing.version + 1, set_by=by, set_at=now)


def walk_of(standing: Retention, now: datetime, zone: tzinfo) -> Walk | None:
    """The walk to be gone on with, one a day of the shop; None where today's has ended, or none is to begin yet."""
    if standing.months is None or standing.begins_at is None or now < standing.begins_at:
        return None
    today = now.astimezone(zone).date()
    if standing.walk is None or (standing.walk.ended_at is not None and standing.walk.day < today):
        return Walk(day=today)
    return standing.walk if standing.walk.ended_at is None else None


def silent_since(day: date, months: int, zone: tzinfo) -> datetime:
    """Who has given no sign since this instant is erased: midnight of the shop's zone, so many months before `day`."""
    return day_start(add_months(day, -months), zone)
