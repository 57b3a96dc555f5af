"""The inbox: an event is claimed by its id once. The claim is the first write of every unit of work.

What a service folds is claimed in the history of its customer and stays there; everything else in `inbox`, until no
repeat can come any more (`common.bus.retention`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from asyncpg.pgproto.pgproto import UUID

from common.events import Event
from common.events.kept import Kept
from common.events.topics import TOPICS
from common.storage.columns import Columns
from common.storage.database import Transaction

_OWNER = {topic.name: topic.owner for topic in TOPICS}
Name = tuple[str, str, str]
"""(shop, source, id): names an event for ever."""
# Keys are UUIDs of the driver's own kind, made in a tenth and sorted in a fifth of the time of Python's.
_CLAIMED = Columns("w", key="uuid", hash="uuid")
_KEYS = Columns("w", key="uuid")
_KEPT = Columns(
    "w",
    key="uuid",
    hash="uuid",
    shop="text",
    customer="text",
    at="timestamptz",
    rank="smallint",
    source="text",
    id="text",
    type="text",
    fields="text",
)


class SameIdOtherBody(Exception):
    """An event's name was used before for another body: an alarm, never a duplicate."""

    def __init__(self, event: Event[Any]) -> None:
        super().__init__(f"{event.shop} {event.source} {event.id}: this id was used before for another body")
        self.event = event


def body_hash(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


def key_of(name: Name) -> UUID:
    """The name as it is claimed: 16 bytes, of which two events in 10^19 pairs would have the same."""
    # No part of a name holds the character that parts them.
    return UUID(hashlib.blake2b("\x1f".join(name).encode(), digest_size=16).digest())


async def claim_each(
    tx: Transaction, events: Sequence[tuple[Event[Any], bytes]], kept: Kept | None = None
) -> list[str]:
    """Claim (shop, source, id) for each, with its body before encryption; returns new|duplicate|conflict.

    Two events of one name within the list count like two deliveries. `kept`: what the service folds, claimed by its
    entry in the history.
    """
    first: dict[Name, tuple[Event[Any], bytes]] = {}
    hashes = [_claimed(tx, event) or body_hash(body) for event, body in events]
    for (event, _), digest in zip(events, hashes, strict=True):
        first.setdefault((event.shop, event.source, event.id), (event, digest))
    folded = {name: one for name, one in first.items() if kept is not None and one[0] in kept}
    others = {name: digest for name, (_, digest) in first.items() if name not in folded}
    known = await _claim_in_inbox(tx, others)
    if kept is not None:
        known |= await _claim_in_history(tx, folded, kept)
    outcome = []
    for (event, _), digest in zip(events, hashes, strict=True):
        name = (event.shop, event.source, event.id)
        before = known.get(name)
        if before is None:
            # A second one of the same list is a repetition of the first.
            known[name] = first[name][1]
            outcome.append("new")
        else:
            outcome.append("duplicate" if digest == before else "conflict")
    return outcome


def _claimed(tx: Transaction, event: Event[Any]) -> bytes | None:
    """In a rebuild of the service that announced it: the hash of what a shop sent, for the shop may send it again."""
    own = tx.rebuilding and event.claimed is not None and _OWNER[event.data.TOPIC] == tx.service
    return bytes.fromhex(event.claimed) if own and event.claimed is not None else None


async def claim(
    tx: Transaction, events: Sequence[tuple[Event[Any], bytes]], kept: Kept | None = None
) -> list[Event[Any]]:
    """The events that are new. Raises SameIdOtherBody at the first conflict."""
    fresh = []
    for (event, _), outcome in zip(events, await claim_each(tx, events, kept), strict=True):
        if outcome == "conflict":
            raise SameIdOtherBody(event)
        if outcome == "new":
            fresh.append(event)
    return fresh


async def _claim_in_inbox(tx: Transaction, claimed: Mapping[Name, bytes]) -> dict[Name, bytes]:
    """Claim these names; gives the hashes of those that were claimed before."""
    if not claimed:
        return {}
    names = {key_of(name): name for name in claimed}
    # Whoever inserts first owns the event; a second one waits for the first's commit and then finds it claimed. In the
    # order of the keys, so that two writers of the same events wait for each other in one direction.
    rows = await tx.fetch(
        f"insert into inbox (key, hash) select key, hash from {_CLAIMED} on conflict do nothing returning key",
        **_CLAIMED.of((key, UUID(claimed[name])) for key, name in sorted(names.items())),
    )
    return await _claimed_before(tx, "inbox", names, {row.key for row in rows})


async def _claim_in_history(
    tx: Transaction, claimed: Mapping[Name, tuple[Event[Any], bytes]], kept: Kept
) -> dict[Name, bytes]:
    """Add these events to their customers' histories; gives the hashes of those whose name was there before."""
    if not claimed:
        return {}
    names = {key_of(name): name for name in claimed}
    # As above.
    rows = await tx.fetch(
        f"""
        insert into history (key, hash, shop, customer, at, rank, source, id, type, fields)
        select key, hash, shop, customer, at, rank, source, id, type, fields from {_KEPT}
        on conflict do nothing returning key
        """,
        **_KEPT.of(
            (
                *(key, UUID(digest), *event.customer, event.time, event.data.RANK, event.source, event.id),
                *(event.type, kept.dump(event)),
            )
            for key, name in sorted(names.items())
            for event, digest in [claimed[name]]
        ),
    )
    return await _claimed_before(tx, "history", names, {row.key for row in rows})


async def _claimed_before(
    tx: Transaction, table: str, names: Mapping[UUID, Name], fresh: Collection[UUID]
) -> dict[Name, bytes]:
    """The hashes under which those of the names that are not fresh stand in the table."""
    repeated = [key for key in names if key not in fresh]
    if not repeated:
        return {}
    # By primary key, whatever the plan (decision 0080).
    rows = await tx.fetch(
        f"select c.* from {_KEYS} cross join lateral (select key, hash from {table} where key = w.key order by key) c",
        **_KEYS.of((key,) for key in repeated),
    )
    return {names[row.key]: row.hash.bytes for row in rows}
