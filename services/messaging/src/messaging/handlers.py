"""What does messaging do when something happens elsewhere? It remembers, and makes candidates; it decides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from common.consumer import Batch, Subscription
from common.db import CustomerKey, Transaction
from common.events import Event, fact_id, rfc3339
from common.events.customers import ConsentChanged, CustomerRegistered, CustomerUpdated, KeyIssued, Purpose
from common.events.feedback import SurveyAnswered, SurveyRequested
from common.events.membership import TierChanged
from common.events.messages import (
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
from common.keys import KEY_SUBSCRIPTIONS
from messaging.domain import facts
from messaging.domain.flows import LAPSED, Condition, candidates_for
from messaging.domain.obsolete import OrderNews
from messaging.domain.permission import Standing, Statement, standing_at
from messaging.domain.policy import Policy
from messaging.store import contacts as store
from messaging.store.candidates import insert_candidates
from messaging.store.policies import POLICIES
from messaging.store.queue import suppress_queued

PURPOSES: tuple[Purpose, ...] = ("marketing", "survey")
INSTANT = timedelta(microseconds=1)


async def on_profiles(tx: Transaction, batch: Batch) -> None:
    """Keep the newest contact data of each customer, as ciphertext."""
    await store.save_contacts(
        tx,
        (
            store.Contact(
                event.customer, event.data.revision, event.time, event.data.name, event.data.email,
                event.data.language, event.data.zone,
            )
            for event in batch.events
            if event.subject is not None
        ),
    )  # fmt: skip
    await store.wake_held(tx, [(e.customer, e.time) for e in batch.events if e.subject is not None])


async def on_keys(tx: Transaction, batch: Batch) -> None:
    """What waited for a key waits no longer."""
    await store.wake_held(tx, [(e.customer, e.time) for e in batch.events if e.subject is not None])


async def on_permissions(tx: Transaction, batch: Batch) -> None:
    """Add what was said to the register; our own answers are read back here by a rebuild (SEC-005, MSG-009)."""
    await store.save_statements(
        tx, [said for event in batch.events if event.subject is not None for said in statements_of(event)]
    )


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
    await store.lift_bounces(tx, [(e.customer, e.time) for e in batch.events if e.subject is not None])


async def on_policies(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own versions back; what was decided without them stays decided."""
    for event in batch.events:
        data: ContactPolicyChanged = event.data
        await POLICIES.insert(tx, event.shop, data.version, data.valid_from, Policy.model_validate(data.policy))


async def _make_candidates(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    await insert_candidates(tx, [c for event in events for c in candidates_for(event)])


def statements_of(event: Event[Any]) -> list[tuple[CustomerKey, Statement, str | None]]:
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
            Statement(data.channel, purpose, event.time, data.RANK, event.source, event.id, standing),
            via,
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
    that it holds from the commit on. Where all of it holds already nothing is added. Messages that are leased at that
    moment are leaving.
    """
    await tx.lock_customers([key])
    at = tx.clock.now()
    shop, customer = key
    purposes: tuple[Purpose, ...] = PURPOSES if data.purpose is None else (data.purpose,)
    said = [s for s in await store.get_statements(tx, key) if s.channel == data.channel and s.purpose in purposes]
    wanted = "opted_out" if isinstance(data, ContactOptedOut) else "granted"
    if all(standing_at(said, data.channel, purpose, None) == wanted for purpose in purposes):
        return []
    at = max([at, *(s.at + INSTANT for s in said)])
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
    taken: list[Event[MessageFact]] = []
    if isinstance(data, ContactOptedOut):
        now = tx.clock.now()
        gone = await suppress_queued(tx, key, data.channel, purposes, "opted_out", now)
        taken = [facts.suppressed(about, "opted_out", now) for about in gone]
    await tx.announce([event, *taken])
    return taken


async def lift_bounce(tx: Transaction, key: CustomerKey, data: ContactBounceLifted) -> bool:
    """An accepted command at the clock's time; False where nothing had bounced."""
    await tx.lock_customers([key])
    at = tx.clock.now()
    if not await store.lift_bounces(tx, [(key, at)]):
        return False
    shop, customer = key
    event_id = fact_id(f"bounce@{rfc3339(at)}", data.TYPE, shop, customer, 0)
    await tx.announce(
        [Event(id=event_id, source=facts.source_of(shop), shop=shop, subject=customer, time=at, data=data)]
    )
    return True


SUBSCRIPTIONS = (
    *KEY_SUBSCRIPTIONS,
    Subscription(on_policies, (ContactPolicyChanged,)),
    Subscription(on_bounces_lifted, (ContactBounceLifted,)),
    Subscription(on_profiles, (CustomerRegistered, CustomerUpdated)),
    Subscription(on_permissions, (ConsentChanged, ContactOptedOut, ContactOptedIn)),
    Subscription(on_keys, (KeyIssued,)),
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
