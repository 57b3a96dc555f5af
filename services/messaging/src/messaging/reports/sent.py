"""SQL of the messages that were sent of late, by which new rules of contact are tried."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def list_sent(tx: Transaction, shop: str, since: datetime, limit: int) -> Sequence[Row[Any]]:
    """The latest `limit` messages but notices that were let go since then, newest first, with recipients' zones."""
    # Backwards along the index of decided candidates, up to the limit; each recipient by the primary key.
    return await tx.fetch(
        """
        select c.customer, c.decided_at as at, c.purpose, c.channel, k.zone
        from candidates c left join contacts k on k.shop = c.shop and k.customer = c.customer
        where c.shop = :shop and c.release_at is null and c.decided_at >= :since and c.outcome = 'send'
          and c.purpose <> 'transactional'
        order by c.decided_at desc, c.message_id desc limit :limit
        """,
        shop=shop,
        since=since,
        limit=limit,
    )


async def count_waiting(tx: Transaction, shop: str, most: int) -> int:
    """Messages that are not decided yet, `most` at most."""
    # Along the index of open candidates.
    return int(
        await tx.value(
            "select count(*) from (select from candidates where shop = :shop and release_at is not null limit :most) w",
            shop=shop,
            most=most,
        )
    )
