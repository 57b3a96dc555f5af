"""What happened elsewhere is kept, and makes candidates; nothing is decided here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from common.bus.subscriptions import Batch, Subscription
from common.crypto.keys import KEY_SUBSCRIPTIONS, CustomerKeyRow, KeyRing, get_keys
from common.crypto.sealing import SealBroken, is_sealed, open_sealed
from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.customers import (
    ConsentChanged,
    CustomerErased,
    CustomerRegistered,
    CustomerUpdated,
    KeyIssued,
    Purpose,
)
from common.events.feedback import SurveyAnswered, SurveyRequested
from common.events.membership import TierChanged
from common.events.messages import (
    ContactAddressSuppressed,
    ContactBounceLifted,
    ContactOptedIn,
    ContactOptedOut,
    ContactPolicyChanged,
    MessageFact,
)
from common.events.orders import (
    OrderClosed,
    OrderCompleted,
    OrderDelivered,
    OrderEvent,
    OrderInTransit,
    OrderPaid,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
)
from common.events.segments import SegmentEntered, SegmentLeft
from common.storage.database import Transaction
from messaging.conditions.rules import OrderNews
from messaging.consent.state import FAR, Standing, Statement
from messaging.contacts import addresses, store
from messaging.contacts.addresses import Had
from messaging.contacts.hashing import PURPOSE, address_hash
from messaging.decisions import facts
from messaging.decisions.store import insert_candidates
from messaging.delivery.queue.store import customers_with_queued, suppress_queued
from messaging.flows.flows import LAPSED, Condition, candidates_for
from messaging.policy.state import Policy
from messaging.policy.store import POLICIES

PURPOSES: tuple[Purpose, ...] = ("marketing", "survey")
INSTANT = timedelta(microseconds=1)


class Profiles:
    """Contact data, which is ciphertext, and the hashes of its addresses, for which it is opened."""

    def __init__(self, keys: KeyRing) -> None:
        self._keys = keys
        self._hashing = keys.derived(PURPOSE)

    async def on_profiles(self, tx: Transaction, batch: Batch) -> None:
        """Keep the newest contact data of each customer, as ciphertext, and which addresses they had."""
        told = [e for e in batch.events if e.subject is not None]
        await store.save_contacts(
            tx,
            (
                store.Contact(
                    event.customer, event.data.revision, event.time, event.data.name, event.data.email,
                    event.data.language, event.data.zone,
                )
                for event in told
            ),
        )  # fmt: skip
        sealed = [Had(e.customer, e.data.revision, e.time, None, e.data.email) for e in told if e.data.email]
        await self._hash(tx, sealed)
        await store.wake_held(tx, [(e.customer, e.time) for e in told])

    async def on_keys(self, tx: Transaction, batch: Batch) -> None:
        """What waited for a key waits no longer."""
        told = [e for e in batch.events if e.subject is not None]
        await self._hash(tx, await addresses.get_sealed(tx, sorted({e.customer for e in told})))
        await store.wake_held(tx, [(e.customer, e.time) for e in told])

    async def _hash(self, tx: Transaction, sealed: Sequence[Had]) -> None:
        """Save the addresses, hashed where the key is there, and say what was said about them."""
        customers = sorted({h.key for h in sealed})
        stored = await get_keys(tx, customers)
        kept = [h for h in sealed if h.key not in stored or stored[h.key].erased_at is None]
        await addresses.save_addresses(tx, [self._hashed(h, stored.get(h.key)) for h in kept])
        await addresses.relate_statements(tx, {h.key for h in kept})

    def _hashed(self, had: Had, stored: CustomerKeyRow | None) -> Had:
        text = had.sealed or ""
        if is_sealed(text):
            if stored is None:
                return had
            try:
                key = self._keys.unwrapped(had.key, stored)
                text = open_sealed(text, key.key, *had.key, "email") if key is not None else ""
            except SealBroken:
                return had  # another key may come; until then nothing can be sent there either
        return replace(had, address=address_hash(self._hashing, had.key[0], text), sealed=None)


async def on_erased(tx: Transaction, batch: Batch) -> None:
    """Forget which addresses the customers had, but for those that they refused for: of those the hash stays.

    It is told, too, since in a rebuild their contact data opens no more.
    """
    keys = sorted({e.customer for e in batch.events})
    kept = [suppression(key, said) for key, said in await addresses.refusals_of(tx, keys)]
    await store.save_statements(tx, [suppressed_of(event) for event in kept])
    await addresses.forget_addresses(tx, keys)
    await tx.announce(kept)


async def on_suppressions(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads back what erased customers left behind."""
    await store.save_statements(tx, [suppressed_of(event) for event in batch.events])


async def on_permissions(tx: Transaction, batch: Batch) -> None:
    """Add what was said to the register; our own answers are read back here by a rebuild (SEC-005, MSG-009)."""
    said = [said for event in batch.events if event.subject is not None for said in statements_of(event)]
    await store.save_statements(tx, said)
    await addresses.relate_statements(tx, {key for key, _ in said})


async def on_orders(tx: Transaction, batch: Batch) -> None:
    """Keep what was said about orders, and make notices of it; an order also ends a lapse."""
    mine = [e for e in batch.events if e.subject is not None]
    await store.save_order_news(
        tx,
        [
            (e.customer, f"{e.source}#{e.id}", OrderNews(e.data.order_id, e.time, e.data))
            for e in mine
            if e.data.order_id is not None
        ],
    )
    await store.save_purchases(tx, [(e.customer, at) for e in mine for at in purchases_of(e)])
    await _make_candidates(tx, [e for e in batch.events if isinstance(e.data, OrderEvent)])


async def on_conditions(tx: Transaction, batch: Batch) -> None:
    """What is so about a customer, and the messages that rest on it."""
    await store.save_conditions(
        tx,
        [(e.customer, e.time, c) for e in batch.events if e.subject is not None for c in conditions_of(e)],
    )
    await _make_candidates(tx, batch.events)


async def on_bounces_lifted(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own answers back; a bounce since then stands."""
    await addresses.lift_bounces(tx, [(e.customer, e.time) for e in batch.events if e.subject is not None])


async def on_policies(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; what was decided without them stays decided."""
    for event in batch.events:
        data: ContactPolicyChanged = event.data
        await POLICIES.insert(tx, event.shop, data.version, data.valid_from, Policy.model_validate(data.policy))


async def _make_candidates(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    await insert_candidates(tx, [c for event in events for c in candidates_for(event)])


def suppression(key: CustomerKey, said: Statement) -> Event[ContactAddressSuppressed]:
    """What is told of a refusal that outlives the customer."""
    assert said.address is not None
    assert said.standing != "granted"
    shop, customer = key
    address = said.address.hex()
    data = ContactAddressSuppressed(
        channel=said.channel, purpose=said.purpose, standing=said.standing, said_at=said.at, address=address
    )
    event_id = fact_id(f"address/{address}/{said.purpose}@{rfc3339(said.at)}", data.TYPE, shop, customer, 0)
    return Event(event_id, facts.source_of(shop), shop, customer, said.at, data)


def suppressed_of(event: Event[ContactAddressSuppressed]) -> tuple[CustomerKey, Statement]:
    data = event.data
    return event.customer, Statement(
        data.channel, data.purpose, data.said_at, data.RANK, event.source, event.id, data.standing,
        bytes.fromhex(data.address), "erased",
    )  # fmt: skip


def statements_of(event: Event[Any]) -> list[tuple[CustomerKey, Statement]]:
    """An opt-out without a purpose stands for every purpose but transactional."""
    data = event.data
    purposes = PURPOSES if data.purpose is None else (data.purpose,)
    standing: Standing = "granted"
    if isinstance(data, ConsentChanged):
        standing, via = "granted" if data.granted else "withdrawn", data.source
    else:
        standing, via = "opted_out" if isinstance(data, ContactOptedOut) else "granted", data.via
    return [
        (
            event.customer,
            Statement(data.channel, purpose, event.time, data.RANK, event.source, event.id, standing, via=via),
        )
        for purpose in purposes
    ]


def purchases_of(event: Event[Any]) -> list[datetime]:
    """When the order was placed, paid or completed, as far as this version says."""
    order = event.data
    if not isinstance(order, OrderEvent):
        return []
    said = [event.time] if isinstance(order, OrderPlaced | OrderPaid | OrderCompleted) else []
    return sorted({*said, *(at for at in (order.placed_at, order.paid_at) if at is not None)})


def conditions_of(event: Event[Any]) -> list[Condition]:
    data = event.data
    if isinstance(data, TierChanged):
        return [Condition("tier", data.revision, data.new)]
    if isinstance(data, SegmentEntered | SegmentLeft) and data.segment == LAPSED:
        value = "in" if isinstance(data, SegmentEntered) else "out"
        return [Condition(f"{LAPSED}/{data.episode}", data.revision, value)]
    if isinstance(data, SurveyAnswered):
        return [Condition(f"survey/{data.survey_id}", 1, "answered")]
    return []


async def change_permission(
    tx: Transaction, key: CustomerKey, data: ContactOptedOut | ContactOptedIn
) -> list[Event[MessageFact]]:
    """An accepted opt-out or opt-in; returns the messages it took back out of the queue.

    Lock, save, announce. It is dated now, or just after the newest statement known where that bears a later time, so
    that it holds from the commit on, for the customer and for the address. Where all of it holds already nothing is
    added. Messages that are leased at that moment are leaving.
    """
    shop, customer = key
    out = isinstance(data, ContactOptedOut)
    address = await addresses.get_address(tx, key)
    await tx.lock_customers([key, *(await customers_with_queued(tx, shop, address, data.channel) if out else ())])
    if address is not None:
        await addresses.lock_address(tx, address)
    at = tx.clock.now()
    purposes: tuple[Purpose, ...] = PURPOSES if data.purpose is None else (data.purpose,)
    register = (await store.get_reachable(tx, [key]))[key].register
    wanted = "opted_out" if out else "granted"
    known = [
        s
        for purpose in purposes
        for s in (register.own.newest(data.channel, purpose, FAR), register.there.newest(data.channel, purpose, FAR))
    ]
    holding = [register.holding(data.channel, purpose, FAR) for purpose in purposes]
    own = [register.own.newest(data.channel, purpose, FAR) for purpose in purposes]
    if all(s is not None and s.standing == wanted for s in (*holding, *own)):
        return []
    at = max([at, *(s.at + INSTANT for s in known if s is not None)])
    source = facts.source_of(shop)
    event = Event(
        id=fact_id(f"permission/{data.channel}/{data.purpose or 'all'}@{rfc3339(at)}", data.TYPE, shop, customer, 0),
        source=source,
        shop=shop,
        subject=customer,
        time=at,
        data=data,
    )
    await store.save_statements(tx, statements_of(event))
    await addresses.relate_statements(tx, [key])
    taken: list[Event[MessageFact]] = []
    if out:
        now = tx.clock.now()
        gone = await suppress_queued(tx, key, sorted(tx.locked), address, data.channel, purposes, "opted_out", now)
        taken = [facts.suppressed(about, "opted_out", now) for about in gone]
    await tx.announce([event, *taken])
    return taken


async def lift_bounce(tx: Transaction, key: CustomerKey, data: ContactBounceLifted) -> bool:
    """An accepted command at the clock's time; False where nothing had bounced."""
    await tx.lock_customers([key])
    at = tx.clock.now()
    if not await addresses.lift_bounces(tx, [(key, at)]):
        return False
    shop, customer = key
    event_id = fact_id(f"bounce@{rfc3339(at)}", data.TYPE, shop, customer, 0)
    await tx.announce(
        [Event(id=event_id, source=facts.source_of(shop), shop=shop, subject=customer, time=at, data=data)]
    )
    return True


def subscriptions(keys: KeyRing) -> tuple[Subscription, ...]:
    """Which handler takes what; in a batch the handlers come in this order."""
    profiles = Profiles(keys)
    return (
        *KEY_SUBSCRIPTIONS,
        Subscription(on_policies, (ContactPolicyChanged,)),
        Subscription(profiles.on_profiles, (CustomerRegistered, CustomerUpdated)),
        Subscription(profiles.on_keys, (KeyIssued,)),
        Subscription(on_bounces_lifted, (ContactBounceLifted,)),
        Subscription(on_permissions, (ConsentChanged, ContactOptedOut, ContactOptedIn)),
        Subscription(on_erased, (CustomerErased,)),
        Subscription(on_suppressions, (ContactAddressSuppressed,)),
        Subscription(
            on_orders,
            (
                OrderPlaced,
                OrderPaid,
                OrderShipped,
                OrderInTransit,
                OrderDelivered,
                OrderCompleted,
                OrderClosed,
                OrderRefunded,
            ),
        ),
        Subscription(on_conditions, (TierChanged, SegmentEntered, SegmentLeft, SurveyRequested, SurveyAnswered)),
    )
