"""Places in activities: invited, taken, given back, attended; prizes are drawn (MEM-037, 038, 101 to 105)."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row

from common.crypto.keys import get_keys
from common.events import CustomerKey
from common.events.membership import ActivityJoined, ActivityTakenBack
from common.people.store import get_people, get_survivors
from common.storage.database import Transaction
from membership.activities import store
from membership.activities.refusals import (
    ActivityDiffers,
    ActivityOver,
    AttendedAlready,
    DrawnAlready,
    NoPlace,
    NoPrizes,
    NotBegun,
    NotOpenYet,
    PlacesGone,
    UnknownActivity,
)
from membership.activities.rules import TAKING_PART, Status, may_take_from, winners
from membership.activities.terms import Activity
from membership.commands.activities import join_activity, take_activity_back
from membership.commands.knowing import lock_known
from membership.commands.tiers import tier_now

_HAVE_A_PLACE = ("taken", "attended", "absent")


async def set_activity(tx: Transaction, shop: str, activity_id: str, terms: Activity) -> Row[Any]:
    """Idempotent. Raises ActivityDiffers."""
    seed = secrets.token_hex(16) if terms.prizes else None
    await store.insert_activity(tx, shop, activity_id, terms, seed)
    row = await store.get_activity(tx, shop, activity_id)
    assert row is not None
    if Activity.model_validate_json(row.terms) != terms:
        raise ActivityDiffers(activity_id)
    return row


async def invite(tx: Transaction, shop: str, activity_id: str, customers: Sequence[str], by: str) -> int:
    """How many are new; who is invited may take a place whatever the tier. Raises UnknownActivity, ActivityOver."""
    await _open(tx, shop, activity_id)
    known = await get_keys(tx, [(shop, name) for name in customers])
    gone = {name for (_, name), row in known.items() if row.erased_at is not None}
    return await store.invite(tx, shop, activity_id, [n for n in customers if n not in gone], by, tx.clock.now())


async def take(tx: Transaction, key: CustomerKey, activity_id: str) -> Row[Any]:
    """One place for a person, whatever identifier it is asked under; idempotent.

    Raises UnknownMember, UnknownActivity, ActivityOver, DrawnAlready, NotOpenYet, PlacesGone.
    """
    shop, customer = key
    await lock_known(tx, key)
    tier, people = await tier_now(tx, key), [name for _, name in (await get_people(tx, [key]))[key]]
    row = await _open(tx, shop, activity_id)
    known = await store.entries_of(tx, shop, activity_id, people)
    for entry in known:
        if entry.status in _HAVE_A_PLACE:
            return entry
    terms, now = Activity.model_validate_json(row.terms), tx.clock.now()
    opens = may_take_from(terms, tier)
    if not known and (opens is None or now < opens):
        raise NotOpenYet(opens)
    await _move(tx, row, customer, "taken", None, now, had=False)
    return await _entry(tx, shop, activity_id, customer)


async def give_back(tx: Transaction, key: CustomerKey, activity_id: str) -> Row[Any]:
    """Give a place back, or decline an invitation; idempotent.

    Raises UnknownActivity, ActivityOver, DrawnAlready, AttendedAlready, NoPlace.
    """
    shop, customer = key
    row = await _open(tx, shop, activity_id)
    entry = await _entry_of_person(tx, key, activity_id)
    if entry is None:
        raise NoPlace(customer)
    if entry.status == "attended":
        raise AttendedAlready(customer)
    if entry.status in ("taken", "invited"):
        had = entry.status == "taken"
        await _move(tx, row, entry.customer, "given_back", None, tx.clock.now(), had=had)
    return await _entry(tx, shop, activity_id, entry.customer)


async def attend(tx: Transaction, key: CustomerKey, activity_id: str, by: str, *, came: bool) -> Row[Any]:
    """Staff say who came, a place or not; who came has joined an activity, which earns growth once (MEM-016).

    Who did not come after all has not, and the growth goes; said a second time it stays so. Raises UnknownMember,
    UnknownActivity, NotBegun, PlacesGone; of who did not come NoPlace.
    """
    shop, customer = key
    await lock_known(tx, key)
    row = await store.get_activity(tx, shop, activity_id, lock=True)
    if row is None:
        raise UnknownActivity(activity_id)
    if tx.clock.now() < row.starts:
        raise NotBegun(row.starts)
    entry = await _entry_of_person(tx, key, activity_id)
    name, had = customer if entry is None else entry.customer, entry is not None and entry.status in _HAVE_A_PLACE
    if came:
        await _move(tx, row, name, "attended", by, tx.clock.now(), had=had)
        if await tier_now(tx, key) is not None:
            await join_activity(tx, key, ActivityJoined(activity_id=activity_id))
    elif not had:
        raise NoPlace(customer)
    else:
        await _move(tx, row, name, "absent", by, tx.clock.now(), had=True)
        if await tier_now(tx, key) is not None:
            await take_activity_back(tx, key, ActivityTakenBack(activity_id=activity_id, kind="activity"))
    return await _entry(tx, shop, activity_id, name)


async def draw(tx: Transaction, shop: str, activity_id: str, by: str) -> Row[Any]:
    """Draw the prizes among those who take part, once, by the seed that was fixed when the activity was set.

    Each person has one chance, under whichever identifiers. Raises UnknownActivity, NoPrizes, NotBegun.
    """
    row = await store.get_activity(tx, shop, activity_id, lock=True)
    if row is None:
        raise UnknownActivity(activity_id)
    terms = Activity.model_validate_json(row.terms)
    if row.seed is None:
        raise NoPrizes(activity_id)
    if row.drawn_at is None:
        if tx.clock.now() < row.starts:
            raise NotBegun(row.starts)
        drawn = winners(row.seed, await _persons(tx, shop, activity_id), terms.prizes)
        await store.save_draw(tx, shop, activity_id, drawn, by, tx.clock.now())
        row = await store.get_activity(tx, shop, activity_id)
        assert row is not None
    return row


async def join_places(tx: Transaction, customers: Sequence[CustomerKey], at: datetime) -> None:
    """Who turned out to be one person has one place in an activity (ORD-040); what is given back is free for others.

    Where the merge is undone, it may be taken again.
    """
    people = await get_people(tx, customers)
    persons = {(name, all_[0]) for all_ in people.values() if len(all_) > 1 for name in all_}
    if persons:
        await store.give_back_doubles(tx, persons, at)


async def _persons(tx: Transaction, shop: str, activity_id: str) -> list[str]:
    """Who takes part, each person once, under one of the identifiers that has a place: the first by name."""
    entered = sorted(await store.taking_part(tx, shop, activity_id, TAKING_PART))
    survivors = await get_survivors(tx, [(shop, name) for name in entered])
    found: dict[CustomerKey, str] = {}
    for name in entered:
        found.setdefault(survivors.get((shop, name), (shop, name)), name)
    return sorted(found.values())


async def _open(tx: Transaction, shop: str, activity_id: str) -> Row[Any]:
    """The activity, locked, that is not over and not drawn. Raises UnknownActivity, ActivityOver, DrawnAlready."""
    row = await store.get_activity(tx, shop, activity_id, lock=True)
    if row is None:
        raise UnknownActivity(activity_id)
    if tx.clock.now() >= row.ends:
        raise ActivityOver(row.ends)
    if row.drawn_at is not None:
        raise DrawnAlready(activity_id)
    return row


async def _move(
    tx: Transaction, row: Row[Any], customer: str, status: Status, by: str | None, at: datetime, *, had: bool
) -> None:
    """Give the entry another status and count its place; `had`: it had one before. Raises PlacesGone."""
    has = status in _HAVE_A_PLACE
    if has and not had and row.places is not None and row.taken >= row.places:
        raise PlacesGone(row.places)
    if has != had:
        await store.add_taken(tx, row.shop, row.activity_id, has - had)
    await store.save_entry(tx, row.shop, row.activity_id, customer, status, by, at)


async def _entry_of_person(tx: Transaction, key: CustomerKey, activity_id: str) -> Row[Any] | None:
    """The entry of a person under whichever identifier, one with a place first."""
    people = [name for _, name in (await get_people(tx, [key]))[key]]
    known = await store.entries_of(tx, key[0], activity_id, people)
    return min(known, key=lambda entry: entry.status not in _HAVE_A_PLACE, default=None)


async def _entry(tx: Transaction, shop: str, activity_id: str, customer: str) -> Row[Any]:
    return (await store.entries_of(tx, shop, activity_id, [customer]))[0]
