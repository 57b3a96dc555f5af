"""Tickets counted: how quickly they are answered and solved, what is open, at which hours they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row

from common.storage.database import Transaction
from feedback.tickets.staffing import HourOfWeek
from feedback.tickets.state import Report


async def get_report(tx: Transaction, shop: str, since: datetime, until: datetime) -> Report:
    """Counts, and medians in seconds, of tickets opened from `since` to `until` (exclusive) (FBK-028)."""
    row = await tx.fetch_one(
        """
        select count(*) as opened, count(*) filter (where state = 'resolved') as resolved,
               count(*) filter (where state = 'resolved' and answers <= 1 and reopened = 0) as first_contact,
               count(*) filter (where reopened > 0) as reopened, count(*) filter (where overdue) as overdue,
               percentile_cont(0.5) within group (order by extract(epoch from answered_at - opened_at)) as answer_s,
               percentile_cont(0.5) within group (order by extract(epoch from resolved_at - opened_at)) as resolve_s
        from tickets where shop = :shop and opened_at >= :since and opened_at < :until
        """,
        shop=shop,
        since=since,
        until=until,
    )
    assert row is not None
    return Report(**row._mapping)


async def count_open(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Open tickets by priority and state, those with a passed due apart."""
    return await tx.fetch(
        """
        select priority, state, count(*) as tickets, count(*) filter (where overdue) as overdue
        from tickets where shop = :shop and state <> 'resolved' group by 1, 2 order by 1, 2
        """,
        shop=shop,
    )


async def count_hours(
    tx: Transaction, shop: str, since: datetime, until: datetime, now: datetime, zone: ZoneInfo
) -> list[HourOfWeek]:
    """Of tickets opened from `since` to `until` (exclusive), by hour of the week in the zone; at most 168."""
    # By the index of opened tickets.
    rows = await tx.fetch(
        """
        select cast(extract(isodow from opened_at at time zone :zone) as integer) as weekday,
               cast(extract(hour from opened_at at time zone :zone) as integer) as hour, count(*) as opened,
               count(*) filter (
                   where coalesce(answered_at, :now) > cast(body ->> 'respond_by' as timestamptz)
               ) as late,
               percentile_cont(0.5) within group (order by extract(epoch from answered_at - opened_at)) as answer_s
        from tickets where shop = :shop and opened_at >= :since and opened_at < :until
        group by 1, 2 order by 1, 2
        """,
        shop=shop,
        since=since,
        until=until,
        now=now,
        zone=zone.key,
    )
    return [HourOfWeek(r.weekday, r.hour, r.opened, r.late, r.answer_s) for r in rows]
