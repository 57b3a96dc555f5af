"""Survivors of absorbed customers, as they stand until the transaction ends."""

from __future__ import annotations

from collections.abc import Iterable

from common.events import CustomerKey
from common.storage.database import Transaction
from orders_ingest.identity import store


async def hold(tx: Transaction, shops: Iterable[str]) -> None:
    """No customer of these shops is merged before the commit; call it before anything else is locked."""
    await store.hold(tx, shops)


async def survivors_of(tx: Transaction, customers: Iterable[CustomerKey]) -> dict[CustomerKey, str]:
    """The survivors of those of these customers who were absorbed; after `hold`."""
    wanted = sorted(set(customers))
    return await store.get_survivors(tx, wanted) if wanted else {}
