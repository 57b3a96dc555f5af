"""What is leased and written of a person is looked at once more, because of what came in meanwhile."""

from __future__ import annotations

from collections.abc import Collection

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from messaging.delivery.store.recall import look_again


async def recall_persons(tx: Transaction, keys: Collection[CustomerKey]) -> None:
    """Have what is leased of the persons who these customers are looked at again before it leaves."""
    if not keys or tx.rebuilding:  # a rebuild leases nothing
        return
    people = await get_people(tx, keys)
    await look_again(tx, {one for key in keys for one in people[key]})
