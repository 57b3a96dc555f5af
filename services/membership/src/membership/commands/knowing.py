"""Whom a command concerns is known, locked, and was not erased."""

from __future__ import annotations

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.fold.store_customers import read_customer
from common.people.store import lock_survivors
from common.storage.database import Transaction
from membership.members.refusals import ErasedCustomer, UnknownMember


async def lock_known(tx: Transaction, key: CustomerKey, *others: CustomerKey) -> CustomerKey:
    """Lock the customer with the survivor who stands for them, which is returned; no row is made for nobody.

    `others` are locked at once, in one order.

    Raises UnknownMember; of who was erased ErasedCustomer: nothing is kept of them any more (SEC-006).
    """
    if await read_customer(tx, key) is None:
        raise UnknownMember(key[1])
    survivors = await lock_survivors(tx, [key, *others])
    await refuse_erased(tx, key)  # an erasure that was under way is over now
    return survivors[key]


async def refuse_erased(tx: Transaction, key: CustomerKey) -> None:
    """Raises ErasedCustomer."""
    known = (await get_keys(tx, [key])).get(key)
    if known is not None and known.erased_at is not None:
        raise ErasedCustomer(key[1])
