"""SQL of tallies: counts by shop and hour, in a row for each of some processes, so that none waits for another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from common.storage.columns import Columns
from common.storage.database import Transaction
from orders_ingest.tallies.rules import CHATS, FEED, FEED_REFUSED, LEFT, LIVE, REACHED, Counted, Tally

TALLIES = Columns("n", shop="text", hour="timestamptz", what="text", times="bigint", seconds="bigint")


async def add(tx: Transaction, tallies: Mapping[Tally, Counted]) -> None:
    """Count; the last thing of a transaction, since others of the same connection's number wait for its rows."""
    if tallies:
        await tx.execute(
            f"""
            insert into tallies as t (shop, hour, what, part, times, seconds)
            select shop, hour, what, pg_backend_pid() % 64, times, seconds from {TALLIES}
            on conflict (shop, hour, what, part) do update
            set times = t.times + excluded.times, seconds = t.seconds + excluded.seconds
            """,
            **TALLIES.of((*name, *tallies[name]) for name in sorted(tallies)),
        )


async def list_hours(tx: Transaction, shop: str, since: datetime) -> Sequence[Any]:
    """What the shop told from then on, by hour: hour, orders, events, refused."""
    # By primary key, which begins with shop and hour.
    return await tx.fetch(
        """
        select hour, coalesce(sum(times) filter (where what = 'orders'), 0) as orders,
               coalesce(sum(times) filter (where what = 'events'), 0) as events,
               coalesce(sum(times) filter (where what = 'refused'), 0) as refused
        from tallies where shop = :shop and hour >= :since and what in ('orders', 'events', 'refused')
        group by hour order by hour
        """,
        shop=shop,
        since=since,
    )


async def list_feeds(tx: Transaction, shop: str, since: datetime) -> Sequence[Any]:
    """Feeds that told anything from then on, the latest first: feed, last_hour, told, refused."""
    # By primary key, which begins with shop and hour.
    return await tx.fetch(
        """
        select substr(what, position(':' in what) + 1) as feed, max(hour) as last_hour,
               coalesce(sum(times) filter (where starts_with(what, :feed)), 0) as told,
               coalesce(sum(times) filter (where starts_with(what, :refused)), 0) as refused
        from tallies
        where shop = :shop and hour >= :since and (starts_with(what, :feed) or starts_with(what, :refused))
        group by 1 order by last_hour desc, feed limit 500
        """,
        shop=shop,
        since=since,
        feed=FEED,
        refused=FEED_REFUSED,
    )


async def get_events(tx: Transaction, hours: Sequence[datetime]) -> dict[str, dict[datetime, int]]:
    """Events that came live and were taken within these hours, by shop and hour; those of files say nothing of what is
    usual."""
    # By the index of hours; a row for each shop that told something.
    rows = await tx.fetch(
        """
        select shop, hour, sum(times) as times from tallies
        where hour = any(cast(:hours as timestamptz[])) and what = :what group by shop, hour
        """,
        hours=list(hours),
        what=LIVE,
    )
    found: dict[str, dict[datetime, int]] = {}
    for row in rows:
        found.setdefault(row.shop, {})[row.hour] = int(row.times)
    return found


async def list_refused(tx: Transaction, since: datetime) -> Sequence[Any]:
    """Events taken and refused from then on, by shop that told anything: shop, events, refused."""
    # By the index of hours.
    return await tx.fetch(
        """
        select shop, coalesce(sum(times) filter (where what = 'events'), 0) as events,
               coalesce(sum(times) filter (where what = 'refused'), 0) as refused
        from tallies where hour >= :since and what in ('events', 'refused') group by shop
        """,
        since=since,
    )


async def list_checkout(tx: Transaction, shop: str, since: datetime, until: datetime) -> Sequence[Any]:
    """Steps of the shop's checkouts within the span: step, reached, seconds told, and how often it was left there."""
    return await tx.fetch(
        """
        select substr(what, position(':' in what) + 1) as step,
               coalesce(sum(times) filter (where starts_with(what, :reached)), 0) as reached,
               coalesce(sum(seconds) filter (where starts_with(what, :reached)), 0) as seconds,
               coalesce(sum(times) filter (where starts_with(what, :left)), 0) as left_here
        from tallies
        where shop = :shop and hour >= :since and hour < :until
          and (starts_with(what, :reached) or starts_with(what, :left))
        group by 1 order by reached desc, step
        """,
        shop=shop,
        since=since,
        until=until,
        reached=REACHED,
        left=LEFT,
    )


async def list_chats(tx: Transaction, shop: str, since: datetime, until: datetime, zone: str) -> Sequence[Any]:
    """Chats of the span's whole hours by hour of the week in the zone: weekday (1: Monday), hour, chats, seconds,
    the first one's hour."""
    # By primary key, which begins with shop and hour.
    return await tx.fetch(
        """
        select cast(extract(isodow from hour at time zone :zone) as integer) as weekday,
               cast(extract(hour from hour at time zone :zone) as integer) as hour,
               cast(sum(times) as bigint) as chats, cast(sum(seconds) as bigint) as seconds,
               min(t.hour) as first
        from tallies t where t.shop = :shop and t.hour >= :since and t.hour < :until and t.what = :what
        group by 1, 2 order by 1, 2
        """,
        shop=shop,
        since=since,
        until=until,
        zone=zone,
        what=CHATS,
    )
