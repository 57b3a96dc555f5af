"""Profiles and keys: contact data as ciphertext, and the hashes of addresses, for which those are opened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from common.bus.subscriptions import Batch
from common.crypto.keys import KeyRing, get_keys
from common.events import Event
from common.events.membership import MemberEnrolled
from common.events.orders import OrderCompleted
from common.people.store import get_people
from common.storage.database import Transaction
from messaging.channels.registry import CHANNELS
from messaging.commands.recalling import recall_persons
from messaging.consent.store import relate_statements
from messaging.contacts.hashing import Hashing
from messaging.contacts.state import Contact, HadAddress
from messaging.contacts.store import get_sealed, save_addresses, save_contacts
from messaging.contacts.store_bounces import mark_lifted
from messaging.decisions.store import wake_held, wake_people
from messaging.occasions.hashing import DayHashing
from messaging.occasions.store import OwnDay, get_sealed_days, save_own_days


class Profiles:
    """Handlers of profiles and keys."""

    def __init__(self, keys: KeyRing) -> None:
        self._hashing = Hashing(keys)
        self._days = DayHashing(keys)

    async def on_profiles(self, tx: Transaction, batch: Batch) -> None:
        """Keep the newest contact data of each customer, as ciphertext, and which addresses they had."""
        events = [e for e in batch.events if e.subject is not None]
        await save_contacts(
            tx,
            (Contact(e.customer, e.data.revision, e.time, e.data.name, e.data.language, e.data.zone) for e in events),
        )
        had = [
            HadAddress(e.customer, name, e.data.revision, e.time, *found)
            for e in events
            for name, channel in CHANNELS.items()
            if (found := channel.address(e.data)) is not None
        ]
        await self._hash(tx, had)
        await self._save_birthdays(
            tx,
            [
                OwnDay(e.customer, "birthday", e.data.revision, e.time, e.data.birthday, None)
                for e in events
                if e.data.birthday is not None
            ],
        )
        # What was written for another address, or another name, may be waiting for its worker.
        await recall_persons(tx, {e.customer for e in events})
        await _wake(tx, events)

    async def on_keys(self, tx: Transaction, batch: Batch) -> None:
        """What waited for a key waits no longer."""
        events = [e for e in batch.events if e.subject is not None]
        await self._hash(tx, await get_sealed(tx, sorted({e.customer for e in events})))
        await self._save_birthdays(tx, await get_sealed_days(tx, sorted({e.customer for e in events})))
        await _wake(tx, events)

    async def _save_birthdays(self, tx: Transaction, days: Sequence[OwnDay]) -> None:
        """Keep birthdays as hashes of the day, hashed where the key is there; nothing of an erased customer's."""
        if not days:
            return
        stored = await get_keys(tx, sorted({d.key for d in days}))
        kept = [d for d in days if d.key not in stored or stored[d.key].erased_at is None]
        hashed = [(d, self._days.birthday(d.key, d.sealed or "", stored.get(d.key))) for d in kept]
        await save_own_days(tx, [d._replace(sealed=None if day else d.sealed, day=day) for d, day in hashed])

    async def on_enrolled(self, tx: Transaction, batch: Batch) -> None:
        """The day on which a customer became a member, and the one of the first order, come every year."""
        days = [
            OwnDay(e.customer, kind, 0, e.time, None, self._days.of_date(e.shop, kind, day))
            for e in batch.events
            if e.subject is not None
            for kind, day in _days_of(e)
        ]
        if days:
            stored = await get_keys(tx, sorted({d.key for d in days}))
            await save_own_days(tx, [d for d in days if d.key not in stored or stored[d.key].erased_at is None])

    async def _hash(self, tx: Transaction, had: Sequence[HadAddress]) -> None:
        """Save the addresses, hashed where the key is there, and record what was said about them."""
        stored = await get_keys(tx, sorted({h.key for h in had}))
        kept = [h for h in had if h.key not in stored or stored[h.key].erased_at is None]
        await save_addresses(tx, [self._hashing.hashed(h, stored.get(h.key)) for h in kept])
        await relate_statements(tx, {h.key for h in kept})


def _days_of(event: Event[Any]) -> list[tuple[str, date]]:
    match event.data:
        case MemberEnrolled() as data:
            return [("enrolled", data.enrolled_at.date())]
        case OrderCompleted() as data if data.sequence == 1:
            return [("first_order", (data.placed_at or event.time).date())]
    return []


async def _wake(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Decide again what waited for these, also under another identifier of the person."""
    await wake_held(tx, [(e.customer, e.time) for e in events])
    people = await get_people(tx, {e.customer for e in events})
    for event in events:
        if others := [one for one in people[event.customer] if one != event.customer]:
            await wake_people(tx, others, event.time)


async def on_bounces_lifted(tx: Transaction, batch: Batch) -> None:
    """A rebuild reads our own answers back; a bounce since then stands."""
    await mark_lifted(tx, [((e.shop, bytes.fromhex(e.data.address)), e.time) for e in batch.events])
