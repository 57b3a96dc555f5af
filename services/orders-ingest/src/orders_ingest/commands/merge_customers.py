"""Merge of two customers who are one person: announced once, and an alias from then on."""

from __future__ import annotations

from common.events import Event, fact_id
from common.events.customers import CustomerMerged
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.customers.rules import CustomerErased, UnknownCustomer
from orders_ingest.identity import store
from orders_ingest.identity.rules import is_new
from orders_ingest.identity.state import Alias
from orders_ingest.orders import store as orders


async def merge_customers(tx: Transaction, vault: Vault, shop: str, survivor: str, absorbed: str) -> Alias:
    """What comes for `absorbed` is published for `survivor` from now on; what came before stays. Idempotent.

    Raises UnknownCustomer, CustomerErased and what `is_new` raises.
    """
    await store.lock(tx, shop)
    both = [survivor, absorbed]
    known = await store.find_known(tx, shop, both)
    for customer in both:
        if customer not in known:
            raise UnknownCustomer(customer)
    aliases = await store.get_aliases(tx, shop, both)
    if not is_new(survivor, absorbed, aliases):
        return aliases[absorbed]
    keys = [(shop, customer) for customer in both]
    await tx.lock_customers(keys)
    if None in (await vault.ring.keys_for(tx, keys)).values():
        raise CustomerErased
    now = tx.clock.now()
    completed = sum((await orders.last_numbers(tx, keys)).values())
    await store.insert_alias(tx, shop, absorbed, survivor, now, completed)
    data = CustomerMerged(survivor=survivor, absorbed=absorbed, completed=completed)
    # A customer is absorbed once, so its identifier names the merge.
    id_ = fact_id("merged", data.TYPE, shop, absorbed, 0)
    await tx.announce([Event(id_, f"/shops/{shop}/orders-ingest", shop, survivor, now, data)])
    return Alias(absorbed, survivor, survivor, now)
