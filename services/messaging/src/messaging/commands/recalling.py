"""What is leased and written of a person is looked at once more, because of what came in meanwhile."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from common.events import CustomerKey
from common.people.store import get_people
from common.storage.database import Transaction
from messaging.contacts.state import Address
from messaging.contacts.store_bounces import mark_bounced
from messaging.delivery.store.recall import look_again, look_again_at


async def recall_persons(tx: Transaction, keys: Collection[CustomerKey]) -> None:
    """Have what is leased of the persons who these customers are looked at again before it leaves."""
    if not keys or tx.rebuilding:  # a rebuild leases nothing
        return
    people = await get_people(tx, keys)
    await look_again(tx, {one for key in keys for one in people[key]})


async def bounce(tx: Transaction, bounced: Sequence[tuple[Address, datetime]]) -> None:
    """Remember addresses that bounced for good: (address, when). What else is leased for them is looked at again."""
    await mark_bounced(tx, bounced)
    await look_again_at(tx, {address for address, _ in bounced})
