"""Erasure of a person: the customer and every identifier that the customer absorbed."""

from __future__ import annotations

from common.people.store import get_people
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.recognise import recognise
from orders_ingest.identity import store


async def erase_customer(tx: Transaction, vault: Vault, shop: str, customer: str) -> list[str]:
    """Remove the keys of the person whom this identifier stands for, for ever; returns all identifiers, sorted.

    With its key, all personal data that came under an identifier is gone, here and wherever a copy of it is.
    `customer.erased` is announced for each identifier. Idempotent.
    """
    await store.lock(tx, shop)
    keys = sorted((await get_people(tx, [(shop, customer)]))[shop, customer])
    people = [name for _, name in keys]
    await tx.lock_customers(keys)
    await tx.announce(await vault.ring.erase(tx, keys))
    await recognise(tx, vault.ring, keys)
    return people
