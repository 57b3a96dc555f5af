"""Parcels: planned once for each order, and the codes of their inserts scanned."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Row

from common.crypto.keys import get_keys
from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.messages import CouponRequested, InsertScanned, ParcelPlanned
from common.people.store import get_people, lock_survivors
from common.refusals import Conflict, NotFound
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


class ParcelWasPlanned(Conflict):
    """The parcel was planned as something else than it is asked for now."""

    def __init__(self, planned: Row[Any]) -> None:
        what = "as a present" if planned.gift else "as no present"
        prices = "with" if planned.show_price or not planned.gift else "without"
        super().__init__(
            "parcel_was_planned",
            f"This parcel was planned {what}, {prices} prices, at {rfc3339(planned.at)}, and is printed so again: "
            "leave `gift` and `show_price` away to have it as it was, and change by hand what is in it.",
            gift=planned.gift,
            show_price=planned.show_price,
        )


class Planned(NamedTuple):
    """A parcel as it is packed, of the identifier that its codes name; `language`: the customer's."""

    customer: str
    packing: Packing
    version: int
    language: str


async def plan_parcel(
    tx: Transaction, asked: CustomerKey, order_id: str, *, gift: bool | None, show_price: bool | None
) -> Planned:
    """The parcel of a person's order; what was planned once stays so, by its version of the plan, as a present or not.

    None: as it was planned, and no present where it was not. Raises UnknownOrder, ParcelWasPlanned.
    Lock, save, announce.
    """
    await lock_survivors(tx, [asked])
    people = (await get_people(tx, [asked]))[asked]
    order = await store.get_order(tx, people, order_id)
    if order is None:
        raise UnknownOrder
    before = await store.get_planned(tx, people, order_id)
    if before is not None:
        if gift not in (None, before.gift) or (before.gift and show_price not in (None, before.show_price)):
            raise ParcelWasPlanned(before)
        gift, show_price = before.gift, before.show_price
    plans = (await store.PLANS.read(tx, [asked[0]]))[asked[0]]
    number = before.version if before is not None else (plans[-1].number if plans else 0)
    plan = next((p.body for p in plans if p.number == number), ParcelPlan())
    # Codes and facts name the identifier under which the order came, or the parcel was planned.
    key, now = (asked[0], str(order.customer if before is None else before.customer)), tx.clock.now()
    contacts = await get_contacts(tx, people)
    tag = next((contacts[one].language for one in people if one in contacts), None)
    language = language_of(tag)
    lines = orjson.loads(order.said).get("lines", ())
    parcel = Parcel(
        {line["sku"] for line in lines if line.get("sku")},
        1 + await store.count_orders_before(tx, people, order_id, order.first_at),
        (await get_standings(tx, {key: now}, {key: people}))[key],
        (await get_coupons(tx, {key: people}, now))[key],
        bool(gift),
        bool(show_price),
    )
    run = Run(*key, "", "parcel", number, order_id, order.first_at)
    packing = pack(plan, parcel, run, language)
    if before is not None:
        known = {insert.insert: insert for insert in plan.inserts}
        packing = replace(packing, inserts=tuple(known[name] for name in before.inserts if name in known))
    else:
        await _announce(tx, key, order_id, number, packing.inserts, parcel)
    return Planned(key[1], packing, number, language)


async def _announce(
    tx: Transaction, key: CustomerKey, order_id: str, number: int, inserts: Sequence[Insert], parcel: Parcel
) -> None:
    names = tuple(insert.insert for insert in inserts)
    data = ParcelPlanned(
        order_id=order_id, version=number, inserts=names, gift=parcel.gift, show_price=parcel.show_price
    )
    event_id = fact_id(f"parcel/{order_id}", data.TYPE, *key, 0)
    event = Event(event_id, source_of(key[0]), key[0], key[1], tx.clock.now(), data)
    await store.save_planned(tx, [event])
    await tx.announce([event])


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
