"""Messages that are held for their hour, decided again because the shop's hours are others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from common.events import CustomerKey
from common.storage.columns import Columns
from common.storage.database import Transaction

_CUSTOMERS = Columns("w", shop="text", customer="text")
_HELD = """
    c.release_at is not null and c.outcome = 'hold' and c.reason in ('window', 'window_taken') and c.release_at > :at
    and not exists (
        select from decisions d join policies p on p.shop = d.shop and p.version = d.policy_version
        where d.shop = c.shop and d.customer = c.customer and d.message_id = c.message_id and d.at = c.decided_at
            and p.withdrawn_at is null and (p.at, p.version) >= (:at, :version)
    )
"""
"""Held until after `at` by a version of the shop's rules that came before the one from `at` on."""


async def list_held(
    tx: Transaction, shop: str, version: int, at: datetime, after: str, limit: int
) -> list[CustomerKey]:
    """The shop's next customers after this one of whom a version before this one, in force from `at` on, holds
    something for its hour until after `at`."""
    # By the index of what waits.
    rows = await tx.fetch(
        f"""
        select distinct c.customer from candidates c
        where c.shop = :shop and c.customer > :after and {_HELD}
        order by c.customer limit :limit
        """,
        shop=shop,
        version=version,
        at=at,
        after=after,
        limit=limit,
    )
    return [(shop, r.customer) for r in rows]


async def free(tx: Transaction, keys: Sequence[CustomerKey], version: int, at: datetime) -> int:
    """Have what is so held of these locked customers decided at `at`, or, where it was held later, right after that
    decision; returns how many."""
    # A statement of its own, which sees what was decided while the locks were waited for. Two decisions of one instant
    # would be one.
    return await tx.execute(
        f"""
        update candidates c set release_at = greatest(c.due_at, c.decided_at + interval '1 microsecond', :at)
        from {_CUSTOMERS}
        where c.shop = w.shop and c.customer = w.customer and {_HELD}
        """,
        **_CUSTOMERS.of(keys),
        version=version,
        at=at,
    )
