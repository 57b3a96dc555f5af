"""Read-only queries of people: a customer's decisions, one message, a shop's counts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def list_decisions(
    tx: Transaction, shop: str, people: Sequence[str], before: datetime | None, limit: int
) -> Sequence[Row[Any]]:
    """A customer's decisions before an instant, newest first, under all identifiers (`people`); those of one instant
    are never divided, so that the page may be a little longer than its limit."""
    # Each with the message it is about.
    return await tx.fetch(
        """
        select d.message_id, c.flow, c.purpose, c.channel, d.at, d.outcome, d.reason, d.detail, d.until,
            d.policy_version, m.state, c.correlation as correlation_id
        from (
            select * from decisions
            where shop = :shop and customer = any(:people) and (cast(:before as timestamptz) is null or at < :before)
            order by at desc fetch first :limit rows with ties
        ) d
        join candidates c using (shop, customer, message_id)
        left join messages m using (shop, customer, message_id)
        order by d.at desc, d.recorded_at desc
        """,
        shop=shop,
        people=list(people),
        before=before,
        limit=limit,
    )


async def get_message(tx: Transaction, shop: str, message_id: str) -> Row[Any] | None:
    """One message from cause to outcome."""
    # A candidate that was never queued has no row in messages. Of both receipts that of the delivery, first by name,
    # and what a person told of it behind the provider's own.
    return await tx.fetch_one(
        """
        select c.message_id, c.customer, c.flow, c.purpose, c.channel, c.cause, c.cause_at, c.due_at, c.release_at,
            c.outcome, c.reason, c.decided_at, m.state, m.reason as state_reason, m.attempts, m.sent_at,
            c.causation as causation_id, c.correlation as correlation_id, r.said as receipt, r.code as receipt_code,
            r.at as receipt_at, l.at as clicked_at
        from candidates c left join messages m using (shop, customer, message_id)
        left join lateral (
            select said, code, at from receipts r
            where r.shop = c.shop and r.customer = c.customer and r.message_id = c.message_id
                and said not in ('clicked', 'read') order by said in ('taken', 'never_taken'), said limit 1
        ) r on true
        left join receipts l on l.shop = c.shop and l.customer = c.customer and l.message_id = c.message_id
            and l.said = 'clicked'
        where c.shop = :shop and c.message_id = :message_id
        """,
        shop=shop,
        message_id=message_id,
    )


async def list_message_decisions(tx: Transaction, shop: str, customer: str, message_id: str) -> Sequence[Row[Any]]:
    """All decisions about one message, in order."""
    # By primary key.
    return await tx.fetch(
        """
        select at, outcome, reason, detail, until, policy_version from decisions
        where shop = :shop and customer = :customer and message_id = :message_id order by at, recorded_at
        """,
        shop=shop,
        customer=customer,
        message_id=message_id,
    )


async def count_by_outcome(tx: Transaction, shop: str) -> Sequence[Row[Any]]:
    """Messages of the shop by flow, state and reason: as the queue has them, else as the sweep left them."""
    # `waiting` has not been decided yet.
    return await tx.fetch(
        """
        select c.flow, coalesce(m.state, case c.outcome when 'hold' then 'held' when 'suppress' then 'suppressed'
                                                        else 'waiting' end) as state,
            coalesce(m.reason, c.reason) as reason, count(*) as messages
        from candidates c left join messages m using (shop, customer, message_id)
        where c.shop = :shop group by 1, 2, 3 order by 1, 2, 3
        """,
        shop=shop,
    )


async def count_holds(tx: Transaction, shop: str) -> dict[str, int]:
    """Decisions to hold by reason, over all time."""
    # A message that was held twice counts twice.
    rows = await tx.fetch(
        """
        select reason, count(*) as decisions from decisions where shop = :shop and outcome = 'hold'
        group by reason order by reason
        """,
        shop=shop,
    )
    return {row.reason: int(row.decisions) for row in rows}
