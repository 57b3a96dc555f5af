"""Stays: who is in which segment and was, and the announcements that begin and end them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row

from common.crypto.erasing import NOT_ERASED
from common.events import CustomerKey, Event
from common.events.segments import SegmentEntered, SegmentLeft
from common.storage.columns import Columns
from common.storage.database import Transaction

_ENTERED = Columns("w", shop="text", customer="text", segment="text", episode="text", at="timestamptz", why="text")
_LEFT = Columns("w", shop="text", customer="text", segment="text", at="timestamptz", why="text")
_REVISIONS = Columns("w", shop="text", customer="text", revision="bigint")
_KEYS = Columns("w", shop="text", customer="text")


async def save_stays(tx: Transaction, facts: Sequence[Event[Any]]) -> None:
    """Begin and end the stays that these facts announce. Idempotent; in order of each customer's facts.

    Of an erased customer the reasons are not kept.
    """
    entered = [e for e in facts if isinstance(e.data, SegmentEntered)]
    left = [e for e in facts if isinstance(e.data, SegmentLeft)]
    if entered:
        # Of a fact that was taken before the row is there, open or ended.
        await tx.execute(
            f"""
            insert into segment_stays (shop, customer, segment, episode, entered_at, entered_why)
            select shop, customer, segment, episode, at, case when {NOT_ERASED} then why end from {_ENTERED}
            on conflict do nothing
            """,
            **_ENTERED.of((*e.customer, e.data.segment, e.data.episode, e.data.since, e.data.reason) for e in entered),
        )
    if left:
        # By primary key.
        await tx.execute(
            f"""
            update segment_stays s set left_at = w.at, left_why = case when {NOT_ERASED} then w.why end from {_ENTERED}
            where s.shop = w.shop and s.customer = w.customer and s.segment = w.segment and s.episode = w.episode
              and s.left_at is null
            """,
            **_ENTERED.of((*e.customer, e.data.segment, e.data.episode, e.time, e.data.reason) for e in left),
        )


async def erase_reasons(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Forget why these customers were in segments; that they were counts in the shop's movements."""
    # Ranges of the primary key.
    await tx.execute(
        f"""
        update segment_stays s set entered_why = null, left_why = null from {_KEYS}
        where s.shop = w.shop and s.customer = w.customer
        """,
        **_KEYS.of(customers),
    )


async def get_open(tx: Transaction, shop: str, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The episodes of the open stays of these customers in these segments, by (customer, segment)."""
    # Each customer's stays by primary key, whatever is known of the table (decision 0080): the order is the key's, and
    # the segments are asked outside of the lateral, which `offset 0` keeps apart. Else PostgreSQL, while the table is
    # not analysed, reads all entries into a segment that there ever were, once for each customer.
    rows = await tx.fetch(
        """
        select w.customer, o.segment, o.episode
        from unnest(cast(:customers as text[])) w (customer) cross join lateral (
            select * from segment_stays s
            where s.shop = :shop and s.customer = w.customer and s.left_at is null
            order by s.segment, s.episode offset 0
        ) o
        where o.segment = any(:segments)
        """,
        shop=shop,
        segments=sorted({segment for _, segment in pairs}),
        customers=sorted({customer for customer, _ in pairs}),
    )
    wanted = set(pairs)
    return {(r.customer, r.segment): r.episode for r in rows if (r.customer, r.segment) in wanted}


async def save_revisions(tx: Transaction, revisions: Mapping[CustomerKey, int]) -> None:
    """How many facts were announced about these customers, who are locked."""
    # By primary key.
    await tx.execute(
        f"""
        update customers c set revision = w.revision from {_REVISIONS}
        where c.shop = w.shop and c.customer = w.customer
        """,
        **_REVISIONS.of((*key, revision) for key, revision in revisions.items()),
    )


async def list_members(tx: Transaction, shop: str, segment: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """Rows customer, entered_at, entered_why of who is in the segment, those behind `after`, in order of id."""
    # By the index on open stays.
    return await tx.fetch(
        """
        select customer, entered_at, entered_why from segment_stays
        where shop = :shop and segment = :segment and left_at is null and customer > :after
        order by customer limit :limit
        """,
        shop=shop,
        segment=segment,
        after=after,
        limit=limit,
    )


async def count_members(tx: Transaction, shop: str) -> dict[str, int]:
    """Customers in each segment that the shop has defined."""
    # By the index on open stays.
    rows = await tx.fetch(
        """
        select segment, count(*) as customers from segment_stays where shop = :shop and left_at is null
        group by segment
        """,
        shop=shop,
    )
    return {row.segment: row.customers for row in rows}


async def list_stays(tx: Transaction, shop: str, customer: str, after: str, limit: int) -> Sequence[Row[Any]]:
    """All stays of a customer behind the cursor, by segment and episode."""
    # A range of the primary key.
    return await tx.fetch(
        """
        select segment, episode, entered_at, entered_why, left_at, left_why,
               segment || ' ' || episode as place from segment_stays
        where shop = :shop and customer = :customer and (segment || ' ' || episode) collate "C" > :after
        order by (segment || ' ' || episode) collate "C" limit :limit
        """,
        shop=shop,
        customer=customer,
        after=after,
        limit=limit,
    )


async def count_moves(
    tx: Transaction, shop: str, segment: str, since: datetime, until: datetime, zone: str
) -> list[tuple[date, int, int]]:
    """By day of the zone in [since, until): the day, how many entered and how many left; days without are left out."""
    # By the indexes on entering and leaving.
    rows = await tx.fetch(
        """
        select day, cast(sum(entered) as integer) as entered, cast(sum(departed) as integer) as departed from (
            select cast(entered_at at time zone :zone as date) as day, 1 as entered, 0 as departed
            from segment_stays
            where shop = :shop and segment = :segment and entered_at >= :since and entered_at < :until
            union all
            select cast(left_at at time zone :zone as date), 0, 1 from segment_stays
            where shop = :shop and segment = :segment and left_at >= :since and left_at < :until
        ) moves group by day order by day
        """,
        shop=shop,
        segment=segment,
        since=since,
        until=until,
        zone=zone,
    )
    return [(row.day, row.entered, row.departed) for row in rows]
