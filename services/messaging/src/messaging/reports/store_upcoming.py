"""Messages that are still to be decided: those that wait for their time, and those that are held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction


async def list_upcoming(
    tx: Transaction, shop: str, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Row[Any]]:
    """Those behind (release time, message id), soonest first; `reason` is why one is held, else null."""
    # Walks the index candidates_open of the shop, and stops at the page's end.
    return await tx.fetch(
        """
        select message_id, customer, flow, purpose, channel, cause_at, release_at,
            case when outcome = 'hold' then reason end as reason
        from candidates
        where shop = :shop and release_at is not null
            and (release_at, message_id) > (cast(:at as timestamptz), :message_id)
        order by release_at, message_id limit :limit
        """,
        shop=shop,
        at=after[0] if after else datetime.min.replace(tzinfo=UTC),
        message_id=after[1] if after else "",
        limit=limit,
    )
