"""Tags given and taken away: accepted commands, recorded as they stand and published (SEG-044)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from common.bus.inbox import claim
from common.events import Event, fact_id
from common.events.segments import TagChanged, TagSource
from common.people.store import get_people
from common.storage.database import Transaction
from segmentation.segments import store_dues as dues
from segmentation.tags import store as tags


async def tag_customers(
    tx: Transaction, shop: str, customers: Sequence[str], tag: str, *, borne: bool, source: TagSource
) -> tuple[int, list[str]]:
    """Give the tag to these customers, or take it away: how many that changed, and those never heard of, or erased.

    Who bears it already keeps source and date of the first time. What a person of several identifiers bears is what the
    newest change under any of them says; this change stands under the identifier that is named.
    """
    wanted = sorted(set(customers))
    heard_of = await tags.list_known(tx, shop, wanted)
    await tx.lock_customers((shop, customer) for customer in wanted if customer in heard_of)
    known = await tags.list_known(tx, shop, sorted(heard_of))  # an erasure may have come before the locks
    people = {name: of for (_, name), of in (await get_people(tx, [(shop, each) for each in known])).items()}
    names = {name for of in people.values() for _, name in of}
    stands = {row.customer: row for row in await tags.get_tags(tx, shop, names, tag)}
    now, events = tx.clock.now(), list[Event[TagChanged]]()
    for customer in sorted(known):
        changes = [stands[name] for _, name in people[customer] if name in stands]
        was = max(changes, key=lambda row: (row.at, row.cause), default=None)
        if (was.borne if was is not None else False) == borne:
            continue
        # The newest change says what is so, also of two within one instant.
        at = now if was is None or was.at < now else was.at + timedelta(microseconds=1)
        data = TagChanged(tag=tag, borne=borne, source=source)
        name = fact_id(f"tag/{tag}@{at.isoformat()}", data.TYPE, shop, customer, 0)
        events.append(Event(name, f"/shops/{shop}/{tx.service}", shop, customer, at, data))
    if events:
        # Our own announcement, read back from the bus, is a repetition.
        await claim(tx, [(event, event.encode()) for event in events])
        await tags.save_tags(tx, events)
        await dues.mark(tx, [event.customer for event in events])
        await tx.announce(events)
    return len(events), sorted(set(wanted) - known)
