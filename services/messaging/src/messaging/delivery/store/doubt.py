"""Messages in doubt: of which nobody knows whether the provider took them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction

_IN_DOUBT = """
    m.state = 'unknown' and not exists (
        select from receipts r
        where r.shop = m.shop and r.customer = m.customer and r.message_id = m.message_id)
"""


async def count_unknown(tx: Transaction) -> int:
    """How many there are, for operators. A receipt says that the provider took it."""
    # A partial index of its own.
    return int(await tx.value(f"select count(*) from messages m where {_IN_DOUBT}"))


async def list_unknown(tx: Transaction, after: tuple[str, str], limit: int) -> Sequence[Row[Any]]:
    """A page of them after (shop, message id), in that order."""
    # As above; they are few, or the provider is asked for all of them at once.
    return await tx.fetch(
        f"""
        select m.shop, m.message_id, m.channel, m.flow, m.purpose, m.at as decided_at, m.reason, m.attempts
        from messages m where {_IN_DOUBT} and (m.shop, m.message_id) > (:shop, :message_id)
        order by m.shop, m.message_id limit :limit
        """,
        shop=after[0],
        message_id=after[1],
        limit=limit,
    )


async def state_of(tx: Transaction, shop: str, message_id: str) -> Row[Any] | None:
    """(customer, state) of a message that was queued at some time; None of any other."""
    # By the index candidates_message.
    return await tx.fetch_one(
        """
        select c.customer, m.state from candidates c join messages m using (shop, customer, message_id)
        where c.shop = :shop and c.message_id = :message_id
        """,
        shop=shop,
        message_id=message_id,
    )
