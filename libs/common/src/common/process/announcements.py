"""What a rebuild would announce, compared with what stands on the service's own topics, so that nothing is said twice.

Of facts with a revision the last of each customer and standing counts: where it says something else than the last one
on the topic it goes out, under an id and a revision of its own; the revisions go on from the topic's. Any other fact
goes out where its id does not stand on the topic. Of an absorbed customer nothing goes out: whether something was
announced before the merge was read depends on which topic is read first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson

from common.bus.broker import Position, Record
from common.bus.parts import position
from common.events import EVENTS, CustomerKey, Event, InvalidEvent, decode, fact_id
from common.storage.columns import Columns
from common.storage.database import Transaction

PAGE = 1_000
"""Customers, or facts, of one transaction."""
_NOTHING = UUID(int=0)
Revised = Callable[[Transaction, Mapping[CustomerKey, int]], Awaitable[None]]
_TOLD = Columns("w", key="text", standing="text", revision="bigint", said="uuid")
_APART = Columns("w", key="text", standing="text", name="text")
_KEYS = Columns("w", key="text")
_REVISIONS = Columns("w", shop="text", customer="text", revision="bigint")


def said(fact: Event[Any]) -> UUID | None:
    """A hash of what it says to be so; None where that is nothing."""
    so = fact.data.what_is_so()
    if not so:
        return None
    return UUID(bytes=hashlib.blake2b(orjson.dumps(so, option=orjson.OPT_SORT_KEYS), digest_size=16).digest())


async def note_announced(tx: Transaction, topic: str, records: Sequence[Record]) -> None:
    """Note what these records of an own topic say, and drop those of the facts kept aside that stand there."""
    last: dict[tuple[str, str], tuple[int, UUID]] = {}
    apart: list[tuple[str, str, str]] = []
    for record in records:
        kind = EVENTS.get(record.headers.get("type", b"").decode("utf-8", "replace"))
        if kind is None or topic != kind.TOPIC:
            continue
        key = (record.key or b"").decode("utf-8", "replace")
        if not kind.has_revision():
            apart.append((key, kind.standing(), record.headers.get("id", b"").decode("utf-8", "replace")))
            continue
        try:
            fact = decode(record.value or b"")
        except InvalidEvent:
            continue
        known = last.get((key, fact.data.stands_as()))
        if known is None or known[0] <= fact.data.revision:
            last[key, fact.data.stands_as()] = fact.data.revision, said(fact) or _NOTHING
    if last:
        # By primary key; a record that is there twice, or out of order, changes nothing.
        await tx.execute(
            f"""
            insert into announced_facts as t (key, standing, revision, said)
            select key, standing, revision, said from {_TOLD}
            on conflict (key, standing) do update set revision = excluded.revision, said = excluded.said
            where t.revision <= excluded.revision
            """,
            **_TOLD.of((*name, *fact) for name, fact in last.items()),
        )
    if apart:
        # By primary key.
        await tx.execute(
            f"""
            delete from rebuilt_facts r using {_APART}
            where r.topic = :topic and r.key = w.key and r.standing = w.standing and r.name = w.name
            """,
            topic=topic,
            **_APART.of(apart),
        )


def nexts_of(records: Sequence[Record]) -> dict[Position, int]:
    """Where the partitions stand after these records."""
    return {position(record): record.offset + 1 for record in records}


async def forget_settled(tx: Transaction) -> None:
    """Begin anew: what an earlier end of this rebuild, which was not reached, has put into the outbox goes."""
    await tx.execute("truncate outbox")


async def settle_customers(
    tx: Transaction, topic: str, after: CustomerKey | None, revised: Revised | None
) -> tuple[CustomerKey | None, int]:
    """Have the next customers' revisions go on from the topic, and put into the outbox what it does not say.

    Returns behind whom the next page begins, None at the end, and the number of facts. In order of (shop, customer).
    """
    # By primary key, so that each page begins where the last one ended.
    rows = await tx.fetch(
        """
        select shop, customer, revision, merged_into from customers
        where cast(:shop as text) is null or (shop, customer) > (:shop, :customer)
        order by shop, customer limit :limit for update
        """,
        shop=after[0] if after else None,
        customer=after[1] if after else None,
        limit=PAGE,
    )
    keys = {f"{row.shop}/{row.customer}": (row.shop, row.customer) for row in rows}
    absorbed = {(row.shop, row.customer) for row in rows if row.merged_into is not None}
    # Both by primary key.
    announced = await tx.fetch(
        f"select t.key, t.standing, t.revision, t.said from {_KEYS} join announced_facts t using (key)",
        **_KEYS.of((key,) for key in keys),
    )
    kept = await tx.fetch(
        f"""
        select r.key, r.standing, r.payload from {_KEYS} join rebuilt_facts r using (key)
        where r.topic = :topic and r.name = '' order by r.seq
        """,
        topic=topic,
        **_KEYS.of((key,) for key in keys),
    )
    stands = {(row.key, row.standing): row for row in announced}
    revisions = dict.fromkeys(keys.values(), 0)
    for row in announced:
        revisions[keys[row.key]] = max(revisions[keys[row.key]], row.revision)
    facts = []
    for row in kept:
        fact, there, key = decode(row.payload), stands.get((row.key, row.standing)), keys[row.key]
        if key in absorbed or (there.said if there else _NOTHING) == (said(fact) or _NOTHING):
            continue
        revisions[key] += 1
        if there is not None:
            # The id that it would have may stand on the topic, with what was so by another order of news.
            number = fact_id(f"rebuild@{fact.id}@{there.revision}", fact.type, *key, 0)
            fact = replace(fact, id=number)
        facts.append(fact.with_data(fact.data.with_revision(revisions[key])))
    await tx.publish(facts)
    # By primary key.
    await tx.execute(
        f"""
        update customers c set revision = w.revision from {_REVISIONS}
        where c.shop = w.shop and c.customer = w.customer and c.revision <> w.revision
        """,
        **_REVISIONS.of((*key, revision) for key, revision in revisions.items()),
    )
    if revised is not None:
        await revised(tx, revisions)
    return ((rows[-1].shop, rows[-1].customer) if len(rows) == PAGE else None), len(facts)


async def settle_others(tx: Transaction, after: int) -> tuple[int | None, int]:
    """Put into the outbox the facts without a revision that stand on no topic; as `settle_customers`, by `seq`."""
    # By the index of them.
    rows = await tx.fetch(
        "select seq, payload from rebuilt_facts where name <> '' and seq > :after order by seq limit :limit",
        after=after,
        limit=PAGE,
    )
    await tx.publish([decode(row.payload) for row in rows])
    return (rows[-1].seq if len(rows) == PAGE else None), len(rows)
