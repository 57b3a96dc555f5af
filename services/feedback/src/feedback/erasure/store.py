"""Erasure of customers: their texts go, and nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable

from common.events import CustomerKey
from common.storage.database import Transaction


async def erase(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """Forget what erased customers wrote, and ask them nothing; what remains names only their id."""
    keys = sorted(set(customers))
    shops, names = [k[0] for k in keys], [k[1] for k in keys]
    for table in ("reviews", "surveys"):
        # The ciphertext is worthless without its key; it goes all the same.
        await tx.execute(
            f"""
            update {table} t set text = null
            from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
            where t.shop = w.shop and t.customer = w.customer and t.text is not null
            """,
            shops=shops,
            customers=names,
        )
    # An erased customer cannot be reached: the question lapses.
    await tx.execute(
        """
        update usage_questions q set due_at = null
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        where q.shop = w.shop and q.customer = w.customer
        """,
        shops=shops,
        customers=names,
    )
