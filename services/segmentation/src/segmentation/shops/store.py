"""The lock that folding shares and new statistics and thresholds take alone, and the shops that have customers."""

from __future__ import annotations

from common.shops.settings import hold_shops
from common.storage.database import Transaction

_LOCK = 7_301_005


async def share_shops(tx: Transaction) -> None:
    """Until this transaction ends no new settings, statistics and thresholds are committed.

    So a transaction that folds knows all there is, or commits before something is stored, and then is found by the
    rescheduling.
    """
    # Shared by all that fold; `lock_shops` takes it alone.
    await tx.execute("select pg_advisory_xact_lock_shared(:lock)", lock=_LOCK)
    await hold_shops(tx)


async def lock_shops(tx: Transaction) -> None:
    """Wait until nobody folds, and let nobody begin before the commit: what folds read is about to change.

    Not in a transaction that has folded: two that hold the lock shared would wait for each other.
    """
    # The counterpart of the shared lock.
    await tx.execute("select pg_advisory_xact_lock(:lock)", lock=_LOCK)


async def list_shops(tx: Transaction) -> list[str]:
    """Every shop that has a customer."""
    # Hops from shop to shop along the primary key instead of reading every customer.
    rows = await tx.fetch(
        """
        with recursive found as (
            (select shop from customers order by shop limit 1)
            union all
            select (select c.shop from customers c where c.shop > found.shop order by c.shop limit 1)
            from found where found.shop is not null
        )
        select shop from found where shop is not null
        """
    )
    return [row.shop for row in rows]
