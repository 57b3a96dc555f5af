"""Opting out and in: effective when answered."""

from __future__ import annotations

import asyncio

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.customers import Channel
from common.events.messages import ContactOptedIn, ContactOptedOut, MessageFact
from common.people.store import get_people, lock_survivors
from common.storage.database import Database, Transaction
from messaging.consent.rules import dated, purposes_of, statements_of
from messaging.consent.store import relate_statements, save_statements
from messaging.contacts.store import get_address
from messaging.contacts.store_locks import lock_address
from messaging.decisions import facts
from messaging.delivery.store.recall import WHILE_QUEUED, count_leaving, customers_with_queued, suppress_queued
from messaging.known import get_reachable

_LOOK_EVERY_S = 0.01


async def opt_out(database: Database, key: CustomerKey, data: ContactOptedOut) -> int:
    """Record the opt-out, then wait for the messages that were already leaving; returns how many were taken back.

    A sender looks at the register under the customer's lock before it leases. So after the commit nothing new is
    leased, and when what is leased has ended, nothing leaves any more; a lease lasts 45 s at the most.
    """
    taken = await database.run(lambda tx: change_permission(tx, key, data))
    await wait_until_left(database, key, data.channel)
    return len(taken)


async def wait_until_left(database: Database, key: CustomerKey, channel: Channel) -> None:
    """Wait for the customer's messages that were leaving when an opt-out was committed."""
    while True:
        async with database.transaction() as tx:
            address = await get_address(tx, key, channel)
            people = (await get_people(tx, [key]))[key]
            if sum([await count_leaving(tx, one, address, channel) for one in people]) == 0:
                return
        await asyncio.sleep(_LOOK_EVERY_S)


async def lock_concerned(
    tx: Transaction, key: CustomerKey, channel: Channel, *, out: bool
) -> tuple[list[CustomerKey], bytes | None]:
    """Lock whom a change of permission concerns, before anything else is locked; the person's ids, and the address."""
    # Who is concerned is read first, so that all are locked in one order; the address again under the lock, since a
    # profile may have come in between.
    seen = await get_address(tx, key, channel)
    await lock_survivors(tx, [key])
    people = (await get_people(tx, [key]))[key]
    await tx.lock_customers([*people, *(await customers_with_queued(tx, key[0], seen, channel) if out else ())])
    address = await get_address(tx, key, channel)
    if out and address != seen:
        await tx.lock_customers(await customers_with_queued(tx, key[0], address, channel))
    return people, address


async def change_permission(
    tx: Transaction, key: CustomerKey, data: ContactOptedOut | ContactOptedIn
) -> list[Event[MessageFact]]:
    """An accepted opt-out or opt-in; returns the messages it took back out of the queue.

    Lock, save, announce. It holds from the commit on, for the customer and for the address. Where all of it holds
    already nothing is added. Messages that are leased at that moment are leaving.
    """
    shop, customer = key
    out = isinstance(data, ContactOptedOut)
    people, address = await lock_concerned(tx, key, data.channel, out=out)
    if address is not None:
        await lock_address(tx, address)
    now = tx.clock.now()
    at = dated((await get_reachable(tx, [key]))[key].register, data, now)
    if at is None:
        return []
    event = Event(
        id=fact_id(f"permission/{data.channel}/{data.purpose or 'all'}@{rfc3339(at)}", data.TYPE, shop, customer, 0),
        source=facts.source_of(shop),
        shop=shop,
        subject=customer,
        time=at,
        data=data,
    )
    await save_statements(tx, statements_of(event))
    await relate_statements(tx, [key])
    taken: list[Event[MessageFact]] = []
    if out:
        now, purposes = tx.clock.now(), purposes_of(data.purpose)
        locked = sorted(tx.locked)
        gone = [
            taken
            for one in people
            for taken in await suppress_queued(tx, one, locked, address, data.channel, purposes, "opted_out", now)
        ]
        taken = [facts.suppressed(t.about, "opted_out", now, t.policy_version, WHILE_QUEUED, t.queued) for t in gone]
    await tx.announce([event, *taken])
    return taken
