"""Reviews, recommendations and approved content make marks, from which ambassadors are picked (MEM-093)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from common.crypto.keys import get_keys
from common.events import CustomerKey, Event
from common.people.store import get_people, lock_survivors
from common.storage.database import Transaction
from membership.satisfaction import store
from membership.satisfaction.rules import mark_of


async def note_marks(tx: Transaction, events: Sequence[Event[Any]]) -> None:
    """Whatever their order, they come to the same; a rebuild reads them from the topics as well.

    Nothing is noted of who was erased, though the words of theirs may be read after the erasure.
    """
    found = [(event.customer, mark, event.time) for event in events if event.subject and (mark := mark_of(event.data))]
    known = await get_keys(tx, (key for key, _, _ in found)) if found else {}
    erased = {key for key, row in known.items() if row.erased_at is not None}
    found = [each for each in found if each[0] not in erased]
    if found:
        await store.save_marks(tx, found)
        await count_again(tx, (key for key, _, _ in found))


async def count_again(tx: Transaction, customers: Iterable[CustomerKey]) -> None:
    """What the marks of these customers come to, with those of everybody whom they are one with."""
    survivors = set((await lock_survivors(tx, customers)).values())
    people = await get_people(tx, survivors)
    await store.count_marks(tx, {key: people[key] for key in survivors})
