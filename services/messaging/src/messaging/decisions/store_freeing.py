"""Messages that are held for their hour, decided again because the shop's hours are others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_HELD = "c.release_at is not null and c.outcome = 'hold' and c.reason in ('window', 'window_taken')"


async def list_held(tx: Transaction, shop: str, at: datetime, after: str, limit: int) -> list[CustomerKey]:
    """The shop's next customers after this one of whom something is held for its hour until after `at`."""
    # By the index of what waits.
    rows = await tx.fetch(
        f"""
        select distinct c.customer from candidates c
        where c.shop = :shop and c.customer > :after and {_HELD} and c.release_at > :at
        order by c.customer limit :limit
        """,
        shop=shop,
        at=at,
        after=after,
        limit=limit,
    )
    return [(shop, r.customer) for r in rows]


async def free(tx: Transaction, keys: Sequence[CustomerKey], at: datetime) -> int:
    """Have what is held of these locked customers for its hour until after `at` decided at `at`, or, where it was held
    later, at the time of that decision; returns how many."""
    # A statement of its own, which sees what was decided while the locks were waited for.
    return await tx.execute(
        f"""
        update candidates c set release_at = greatest(c.due_at, c.decided_at, :at) from {_CUSTOMERS}
        where c.shop = w.shop and c.customer = w.customer and {_HELD} and c.release_at > :at
        """,
        **_CUSTOMERS.of(keys),
        at=at,
    )
