"""The queue of the shop's agents, and a customer's tickets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row

from common.storage.database import Transaction
from feedback.tickets.state import Place


async def list_queue(
    tx: Transaction, shop: str, after: Place | None, limit: int, *, owner: str | None, overdue: bool, to_approve: bool
) -> Sequence[Row[Any]]:
    """Open tickets of a shop: by priority, then by what is due first (FBK-032, FBK-034)."""
    return await tx.fetch(
        """
        select customer, priority, next_by, cast(body as text) as body from tickets
        where shop = :shop and state <> 'resolved'
          and (cast(:priority as smallint) is null
               or (priority, next_by, ticket_id) > (cast(:priority as smallint), :next_by, :ticket_id))
          and (cast(:owner as text) is null or owner = :owner) and (overdue or not :overdue)
          and (compensation = 'proposed' or not :to_approve)
        order by priority, next_by, ticket_id limit :limit
        """,
        shop=shop,
        priority=after.priority if after else None,
        next_by=after.next_by if after else None,
        ticket_id=after.ticket_id if after else None,
        owner=owner,
        overdue=overdue,
        to_approve=to_approve,
        limit=limit,
    )


async def list_customers_tickets(
    tx: Transaction, shop: str, people: Sequence[str], after: str, limit: int
) -> Sequence[Row[Any]]:
    """A customer's tickets by id, under all identifiers, the resolved ones too."""
    return await tx.fetch(
        """
        select customer, cast(body as text) as body from tickets
        where shop = :shop and customer = any(:people) and ticket_id > :after order by ticket_id limit :limit
        """,
        shop=shop,
        people=list(people),
        after=after,
        limit=limit,
    )
