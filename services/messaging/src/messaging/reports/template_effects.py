"""What messages led to, by template: orders and opt-outs within seven days (MSG-013)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from messaging.delivery.receipts.arrival import CAME_BACK


async def count_effects(tx: Transaction, shop: str, days: int) -> tuple[datetime, Sequence[Row[Any]]]:
    """Since when, and by template: messages sent, to how many customers, and those of them who ordered or opted out
    within 7 days after one."""
    since = tx.clock.now() - timedelta(days=days)
    # A shop's messages of some time, each with two probes by primary key; for reports.
    rows = await tx.fetch(
        f"""
        select c.template, count(*) as sent, count(distinct m.customer) as customers,
            count(distinct m.customer) filter (where exists (
                select from purchases p where p.shop = m.shop and p.customer = m.customer
                    and p.at > m.sent_at and p.at <= m.sent_at + interval '7 days')) as ordered,
            count(distinct m.customer) filter (where exists (
                select from permissions s where s.shop = m.shop and s.customer = m.customer and s.state <> 'granted'
                    and s.channel = m.channel and s.at > m.sent_at and s.at <= m.sent_at + interval '7 days'))
                as opted_out
        from messages m join candidates c using (shop, customer, message_id)
        where m.shop = :shop and m.state = 'sent' and m.sent_at >= :since and not {CAME_BACK}
        group by 1 order by 1
        """,
        shop=shop,
        since=since,
    )
    return since, rows


async def get_language(tx: Transaction, shop: str, customer: str) -> str | None:
    """The language of the customer's profile."""
    # By primary key.
    found: str | None = await tx.value(
        "select language from contacts where shop = :shop and customer = :customer", shop=shop, customer=customer
    )
    return found
