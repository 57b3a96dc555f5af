"""The inbox: an event is claimed by its id once. The claim is the first write of every unit of work."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from common.events import Event
from common.storage.database import Transaction


class SameIdOtherBody(Exception):
    """An event's name was used before for another body: an alarm, never a duplicate."""

    def __init__(self, event: Event[Any]) -> None:
        super().__init__(f"{event.shop} {event.source} {event.id}: this id was used before for another body")
        self.event = event


def body_hash(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=16).digest()


async def claim_each(tx: Transaction, events: Sequence[tuple[Event[Any], bytes]]) -> list[str]:
    """Claim (shop, source, id) for each, with its body before encryption; returns new|duplicate|conflict.

    Two events of one name within the list count like two deliveries.
    """
    first: dict[tuple[str, str, str], bytes] = {}
    hashes = [body_hash(body) for _, body in events]
    for (event, _), digest in zip(events, hashes, strict=True):
        first.setdefault((event.shop, event.source, event.id), digest)
    if not first:
        return []
    names = sorted(first)
    # Whoever inserts first owns the event; a second one waits for the first's commit and then finds it claimed.
    rows = await tx.fetch(
        """
        insert into inbox (shop, source, id, hash)
        select * from unnest(cast(:shops as text[]), cast(:sources as text[]), cast(:ids as text[]),
                             cast(:hashes as bytea[]))
        on conflict do nothing
        returning shop, source, id
        """,
        shops=[n[0] for n in names],
        sources=[n[1] for n in names],
        ids=[n[2] for n in names],
        hashes=[first[n] for n in names],
    )
    fresh = {(r.shop, r.source, r.id) for r in rows}
    known = dict(first)
    repeated = [n for n in names if n not in fresh]
    if repeated:
        # What was claimed under these names before.
        rows = await tx.fetch(
            """
            select i.shop, i.source, i.id, i.hash
            from unnest(cast(:shops as text[]), cast(:sources as text[]), cast(:ids as text[])) as w(shop, source, id)
            join inbox i using (shop, source, id)
            """,
            shops=[n[0] for n in repeated],
            sources=[n[1] for n in repeated],
            ids=[n[2] for n in repeated],
        )
        known.update({(r.shop, r.source, r.id): bytes(r.hash) for r in rows})
    outcome = []
    for (event, _), digest in zip(events, hashes, strict=True):
        name = (event.shop, event.source, event.id)
        if name in fresh and digest == known[name]:
            fresh.discard(name)
            outcome.append("new")
        else:
            outcome.append("duplicate" if digest == known[name] else "conflict")
    return outcome


async def claim(tx: Transaction, events: Sequence[tuple[Event[Any], bytes]]) -> list[Event[Any]]:
    """The events that are new. Raises SameIdOtherBody at the first conflict."""
    fresh = []
    for (event, _), outcome in zip(events, await claim_each(tx, events), strict=True):
        if outcome == "conflict":
            raise SameIdOtherBody(event)
        if outcome == "new":
            fresh.append(event)
    return fresh
