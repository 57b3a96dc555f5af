"""The sweep that begins dated flows: a day's customers in order, so many at a time, however many there are."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from common.crypto.keys import KeyRing
from common.events import Event, fact_id
from common.events.messages import FlowEntered, FlowEntry
from common.people.store import get_survivors
from common.shops.settings import get_shop
from common.storage.database import Transaction
from common.time.clock import FixedClock
from messaging.commands.flow_days import enter, plan_following
from messaging.decisions.batch import recipient_zone
from messaging.decisions.rules import is_stale
from messaging.flows.document import Dated, FlowDocument, HolidayTrigger, NewArrivalTrigger, PersonalDateTrigger
from messaging.flows.store_versions import get_books
from messaging.occasions import store
from messaging.occasions.hashing import DayHashing
from messaging.occasions.rules import birthdays_on, cause_of, due_at, sends_on
from messaging.policy.store import get_policies

MOST = 500
"""Customers in a transaction, and in a fact."""
NAMED = 3
"""Products that a text of new arrivals names."""


class Beginning:
    """Begins the flows of a day with the customers whose day it is."""

    def __init__(self, keys: KeyRing) -> None:
        self._hashing = DayHashing(keys)

    async def begin_days(self, tx: Transaction, now: datetime, limit: int) -> int:
        """Begin the first day that is due with the next customers; 1 where there was one."""
        due = await store.lock_due_day(tx, now)
        if due is None:
            return 0
        books = (await get_books(tx, {due.shop}))[due.shop]
        flow = books.at(due.begins_at).flows.get(due.flow)
        trigger = flow.document.trigger if flow is not None else None
        shop_zone = (await get_shop(tx, due.shop)).at(due.begins_at).zone
        if flow is None or not isinstance(trigger, Dated) or not await self._sends(tx, due, flow.document):
            await store.save_entered(tx, due.shop, due.flow, due.day, due.entered_upto, 0, done=True)
            return 1
        policy = (await get_policies(tx, {due.shop}))[due.shop].policy
        at = due.begins_at if isinstance(tx.clock, FixedClock) else now
        if is_stale(flow.document.purpose, due_at(trigger, due.day, shop_zone), policy, at):
            await store.save_entered(tx, due.shop, due.flow, due.day, due.entered_upto, 0, done=True)
            await plan_following(tx, due.shop, due.flow, flow.document, due.day)
            return 1
        found = await self._whom(tx, due, trigger)
        data = FlowEntered(
            flow=due.flow,
            version=flow.version,
            day=due.day,
            cause=cause_of(due.flow, trigger, due.day),
            details=await _details(tx, due, trigger),
            entries=tuple(
                FlowEntry(customer=customer, at=due_at(trigger, due.day, recipient_zone(zone, shop_zone)))
                for customer, zone in (await _persons(tx, due.shop, found)).items()
            ),
            upto=found[-1].customer if found else due.entered_upto,
            done=len(found) < MOST,
        )
        name = f"{due.flow}/{due.day}/{due.entered_upto}"
        event = Event(
            fact_id(name, FlowEntered.TYPE, due.shop, "", 0),
            f"/shops/{due.shop}/messaging",
            due.shop,
            None,
            at,
            data,
            partitionkey=f"flow-{due.flow}",
        )
        await enter(tx, [event])
        await tx.announce([event])
        return 1

    async def _sends(self, tx: Transaction, due: store.FlowDay, document: FlowDocument) -> bool:
        trigger = document.trigger
        assert isinstance(trigger, Dated)
        launches = []
        if isinstance(trigger, NewArrivalTrigger):
            launches = await store.list_launches(tx, due.shop, due.day - timedelta(days=61))
        return document.enabled and sends_on(trigger, due.day, launches)

    async def _whom(self, tx: Transaction, due: store.FlowDay, trigger: Dated) -> list[store.Recipient]:
        if not isinstance(trigger, PersonalDateTrigger):
            return await store.list_recipients(tx, due.shop, due.entered_upto, MOST)
        occasion = due.day - timedelta(days=trigger.days)
        hashes = [self._hashing.hashed(due.shop, trigger.date, text) for text in birthdays_on(occasion)]
        return await store.list_celebrating(tx, due.shop, trigger.date, hashes, due.entered_upto, MOST)


async def _persons(tx: Transaction, shop: str, found: Sequence[store.Recipient]) -> dict[str, str | None]:
    """Those who stand for these customers after merges, each once, with a zone: a person enters once (ORD-040).

    One whose identifiers stand on several pages is entered again, which changes nothing.
    """
    survivors = await get_survivors(tx, {(shop, r.customer) for r in found})
    persons: dict[str, str | None] = {}
    for r in found:
        _, person = survivors.get((shop, r.customer), (shop, r.customer))
        persons[person] = r.zone if person == r.customer else persons.get(person) or r.zone
    return persons


async def _details(tx: Transaction, due: store.FlowDay, trigger: Dated) -> dict[str, str | int]:
    """What the texts of the day may say; nothing personal."""
    occasion = due.day - timedelta(days=trigger.days)
    if isinstance(trigger, HolidayTrigger):
        return {"day": occasion.isoformat(), "holiday": trigger.holiday}
    if isinstance(trigger, NewArrivalTrigger):
        names = await store.list_launched(tx, due.shop, occasion)
        return {"day": occasion.isoformat(), "products": ", ".join(names[:NAMED]), "count": len(names)}
    return {} if isinstance(trigger, PersonalDateTrigger) else {"day": occasion.isoformat()}
