"""Merge of two customers who are one person, and its undoing: announced, for every service to follow (ORD-040)."""

from __future__ import annotations

from common.events import Event, fact_id
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.customers.rules import CustomerErased, UnknownCustomer
from orders_ingest.identity import store
from orders_ingest.identity.rules import is_new, is_to_be_undone
from orders_ingest.identity.state import Alias, Merging


async def merge_customers(tx: Transaction, vault: Vault, shop: str, survivor: str, absorbed: str) -> Alias:
    """The two are one person from the start on; what comes for each goes on under its own identifier. Idempotent.

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
    await _announce(tx, shop, CustomerMerged(survivor=survivor, absorbed=absorbed, sequence=_next(tx, shop, absorbed)))
    return Alias(absorbed, survivor, survivor, tx.clock.now())


async def merge_named_by_mail(tx: Transaction, vault: Vault, shop: str, survivor: str, by_mail: str) -> None:
    """Whom an import named by e-mail is the customer whom the shop system says to have that e-mail.

    Call it before anything else is locked. Nothing is done where `by_mail` was merged before, by whomever: whom a
    person has parted stays parted; nor where one of them is erased.
    """
    await store.lock(tx, shop)
    both = [survivor, by_mail]
    if await store.get_newest(tx, shop, by_mail) is not None:
        return
    if survivor == by_mail or await store.get_aliases(tx, shop, both):
        return
    people = [(shop, customer) for customer in both]
    await tx.lock_customers(people)
    keys, issued = await vault.ring.ensure_keys(tx, people)
    if None in keys.values():
        return
    await tx.announce(issued)
    data = CustomerMerged(survivor=survivor, absorbed=by_mail, sequence=_next(tx, shop, by_mail))
    await _announce(tx, shop, data)


async def unmerge_customers(tx: Transaction, shop: str, survivor: str, absorbed: str) -> Merging:
    """Undo a merge exactly: every service is then as if it had never been. Idempotent.

    Whom the absorbed customer had absorbed stays with it. Raises UnknownCustomer and NotMerged.
    """
    await store.lock(tx, shop)
    if absorbed not in await store.find_known(tx, shop, [absorbed]):
        raise UnknownCustomer(absorbed)
    newest = await store.get_newest(tx, shop, absorbed)
    if is_to_be_undone(survivor, absorbed, newest):
        await tx.lock_customers([(shop, absorbed), (shop, survivor)])
        number = _next(tx, shop, absorbed)
        await _announce(tx, shop, CustomerUnmerged(survivor=survivor, absorbed=absorbed, sequence=number))
        newest = await store.get_newest(tx, shop, absorbed)
    assert newest is not None
    return newest


def _next(tx: Transaction, shop: str, absorbed: str) -> int:
    return tx.locked[shop, absorbed].merge_revision + 1


async def _announce(tx: Transaction, shop: str, data: CustomerMerged | CustomerUnmerged) -> None:
    id_ = fact_id(f"merge@{data.sequence}", data.TYPE, shop, data.absorbed, 0)
    event = Event(id_, f"/shops/{shop}/orders-ingest", shop, data.survivor, tx.clock.now(), data)
    await store.save_merges(tx, [event])
    await tx.announce([event])
