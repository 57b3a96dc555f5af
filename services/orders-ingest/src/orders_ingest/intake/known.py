"""What is known of all that is offered, read under its locks."""

from __future__ import annotations

from collections.abc import Sequence

from common.crypto.keys import DataKey
from common.events import CustomerKey, Event
from common.events.customers import CustomerProfile, KeyIssued
from common.events.orders import OrderEvent, OrderRefunded
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.customers import projection as customers
from orders_ingest.identity.survivors import survivors_of
from orders_ingest.intake.decisions import Known
from orders_ingest.intake.state import Offered
from orders_ingest.orders import projection as orders
from orders_ingest.orders.state import Named
from orders_ingest.refunds import projection as refunds

Keys = dict[CustomerKey, DataKey | None]
"""None: erased."""


async def read(
    tx: Transaction, vault: Vault, concerned: Sequence[Offered]
) -> tuple[Known, Keys, list[Event[KeyIssued]]]:
    """Locks, in one order everywhere: names of refunds, orders, customers. A customer's key is issued with his first
    event; these events are announced before what is sealed with the keys."""
    names = {(o.event.shop, o.event.data.refund_id) for o in concerned if isinstance(o.event.data, OrderRefunded)}
    wanted = _orders_of(concerned, await refunds.lock(tx, names) if names else set())
    known = Known(orders=await orders.lock(tx, wanted))
    if known.orders:
        await _give_to_survivors(tx, known)
    known.refunds = await refunds.read(tx, vault, names, known.orders, wanted)
    people = _customers_of(concerned, known)
    await tx.lock_customers(people)
    keys, issued = await vault.ring.ensure_keys(tx, people)
    known.erased = {customer for customer, key in keys.items() if key is None}
    if profiles := {o.event.customer for o in concerned if isinstance(o.event.data, CustomerProfile)}:
        known.numbered = await customers.read_numbered(tx, profiles)
    return known, keys, issued


async def _give_to_survivors(tx: Transaction, known: Known) -> None:
    """An order whose customer was absorbed since is the survivor's now."""
    owners = {key: (key[0], order.customer) for key, order in known.orders.items() if order.customer}
    survivors = await survivors_of(tx, owners.values())
    for key, owner in owners.items():
        known.orders[key].customer = survivors.get(owner, owner[1])


def _orders_of(concerned: Sequence[Offered], of_refunds: set[Named]) -> dict[Named, str]:
    """The orders to lock, with the customer that a new one has, '' nobody."""
    wanted = dict.fromkeys(of_refunds, "")
    for event in (one.event for one in concerned):
        if isinstance(event.data, OrderEvent | OrderRefunded) and event.data.order_id is not None:
            key = event.shop, event.data.order_id
            subject = event.subject if isinstance(event.data, OrderEvent) else None
            wanted[key] = wanted.get(key) or subject or ""
    return wanted


def _customers_of(concerned: Sequence[Offered], known: Known) -> set[CustomerKey]:
    """The orders' customers, and those who are named; a refund of an order belongs to the order's customer alone."""
    found = {(shop, order.customer) for (shop, _), order in known.orders.items() if order.customer}
    for event in (one.event for one in concerned):
        of_order = isinstance(event.data, OrderRefunded) and event.data.order_id is not None
        if event.subject is not None and not of_order:
            found.add(event.customer)
    return found
