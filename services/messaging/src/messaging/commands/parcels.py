"""Parcels: planned once for each order, and the codes of their inserts scanned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import orjson

from common.crypto.keys import get_keys
from common.events import CustomerKey, Event, fact_id
from common.events.messages import CouponRequested, InsertScanned, ParcelPlanned
from common.people.store import get_people
from common.refusals import NotFound
from common.storage.database import Transaction
from messaging.contacts.store import get_contacts
from messaging.coupons.store import get_coupons
from messaging.decisions.facts import source_of
from messaging.flows.running.state import Run
from messaging.metrics import SCANS
from messaging.parcels import store
from messaging.parcels.document import Insert, ParcelPlan
from messaging.parcels.links import Scanned
from messaging.parcels.rules import Packing, Parcel, pack
from messaging.standings.store import get_standings
from messaging.templates.rendering import language_of


class UnknownOrder(NotFound):
    """Nothing is known of such an order of the customer's."""

    def __init__(self) -> None:
        super().__init__("unknown_order", "No such order of this customer's has been read: look at its id.")


class Planned(NamedTuple):
    """A parcel as it is packed; `language`: the customer's."""

    packing: Packing
    version: int
    language: str


async def plan_parcel(tx: Transaction, key: CustomerKey, order_id: str, *, gift: bool, show_price: bool) -> Planned:
    """The parcel of an order; what was planned once stays so, by its version of the plan. Raises UnknownOrder.

    Lock, save, announce.
    """
    await tx.lock_customers([key])
    order = await store.get_order(tx, key, order_id)
    if order is None:
        raise UnknownOrder
    plans = (await store.PLANS.read(tx, [key[0]]))[key[0]]
    before = await store.list_planned(tx, key, order_id)
    number = before[0].version if before else (plans[-1].number if plans else 0)
    plan = next((p.body for p in plans if p.number == number), ParcelPlan())
    people = (await get_people(tx, [key]))[key]
    now = tx.clock.now()
    contacts = await get_contacts(tx, people)
    tag = next((contacts[one].language for one in people if one in contacts), None)
    language = language_of(tag)
    lines = orjson.loads(order.said).get("lines", ())
    parcel = Parcel(
        {line["sku"] for line in lines if line.get("sku")},
        1 + await store.count_orders_before(tx, people, order_id, order.first_at),
        (await get_standings(tx, {key: now}, {key: people}))[key],
        (await get_coupons(tx, {key: people}, now))[key],
        gift,
        show_price,
    )
    run = Run(*key, "", "parcel", number, order_id, order.first_at)
    packing = pack(plan, parcel, run, language)
    if before:
        known = {insert.insert: insert for insert in plan.inserts}
        packing = replace(packing, inserts=tuple(known[row.insert] for row in before if row.insert in known))
    elif packing.inserts:
        await _announce(tx, key, order_id, number, packing.inserts)
    return Planned(packing, number, language)


async def _announce(tx: Transaction, key: CustomerKey, order_id: str, number: int, inserts: Sequence[Insert]) -> None:
    now, names = tx.clock.now(), tuple(insert.insert for insert in inserts)
    await store.save_planned(tx, [(key, order_id, name, place, number, now) for place, name in enumerate(names)])
    data = ParcelPlanned(order_id=order_id, version=number, inserts=names)
    event_id = fact_id(f"parcel/{order_id}", data.TYPE, *key, 0)
    await tx.announce([Event(event_id, source_of(key[0]), key[0], key[1], now, data)])


async def take_scan(tx: Transaction, scanned: Scanned) -> bool:
    """Note the scan, announce the first one, and ask for its coupon; False where it was scanned before, or the
    customer was erased."""
    key = scanned.shop, scanned.customer
    await tx.lock_customers([key])
    own = (await get_keys(tx, [key])).get(key)
    if own is not None and own.erased_at is not None:
        return False
    now = tx.clock.now()
    if not await store.save_scans(tx, [(key, scanned.order_id, scanned.insert, now)]):
        return False
    SCANS.inc()
    source, name = source_of(key[0]), f"scan/{scanned.order_id}/{scanned.insert}"
    said = InsertScanned(order_id=scanned.order_id, insert=scanned.insert)
    await tx.announce([Event(fact_id(name, said.TYPE, *key, 0), source, *key, now, said)])
    if scanned.offer:
        order = hashlib.sha256(scanned.order_id.encode()).hexdigest()[:16]
        wanted = CouponRequested(offer_id=scanned.offer, batch=f"parcel:{scanned.insert}:{order}")
        await tx.announce([Event(fact_id(name, wanted.TYPE, *key, 0), source, *key, now, wanted)])
    return True
