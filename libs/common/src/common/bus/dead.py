"""Dead events: those that cannot be read or handled are kept, shown, mended and sent again; nothing waits for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from common.bus.broker import Record
from common.events import CustomerKey, Event
from common.events.topics import dead_topic, own_topic
from common.storage.columns import Columns
from common.storage.database import Transaction

Sealer = Callable[[bytes], bytes]
MENDED = "mended"
"""Header `type` of a mended dead event on the topic of the service that took it; other services pass over it."""
_PAGE_RECORDS, _PAGE_BYTES = 500, 4_000_000
_DEAD = Columns(
    "n",
    place="integer",
    topic="text",
    partition="integer",
    at="bigint",
    shop="text",
    customer="text",
    source="text",
    event_id="text",
    type="text",
    slug="text",
    detail="text",
    body="bytea",
)
_LETTERS = Columns("n", place="integer", id="text", key="text", shop="text", payload="text")
_CUSTOMERS = Columns("n", shop="text", customer="text")


@dataclass(frozen=True, slots=True)
class DeadRecord:
    """A record and why it is dead; `slug` is stable, `detail` says what to mend."""

    record: Record
    slug: str
    detail: str
    shop: str | None = None
    source: str | None = None
    event_id: str | None = None
    type: str | None = None
    subject: str | None = None


def _text(value: str | None, most: int = 300) -> str | None:
    """A stranger's text as a column takes it: what cannot be stored must not keep its event from being buried."""
    if value is None:
        return None
    return value.replace("\x00", "\ufffd").encode("utf-8", "replace").decode()[:most]


async def bury(tx: Transaction, dead: Sequence[DeadRecord], seal: Sealer, cluster: str) -> None:
    """Keep dead records in `dead_events` and on the service's dead-letter topic, bodies encrypted; once per offset.

    Of an erased customer no body is kept.
    """
    for page in _pages(dead):
        await _bury(tx, page, seal, cluster)
    if dead:
        await tx.wake_relay()


def _pages(dead: Sequence[DeadRecord]) -> Iterator[list[DeadRecord]]:
    """As many at a time as one statement may carry, whatever their size."""
    page: list[DeadRecord] = []
    held = 0
    for one in dead:
        size = len(one.record.value or b"")
        if page and (len(page) == _PAGE_RECORDS or held + size > _PAGE_BYTES):
            yield page
            page, held = [], 0
        page.append(one)
        held += size
    if page:
        yield page


async def _bury(tx: Transaction, page: Sequence[DeadRecord], seal: Sealer, cluster: str) -> None:
    named = [(one, _text(one.shop), _text(one.subject)) for one in page]
    erased = await _erased(tx, {(shop, customer) for _, shop, customer in named if shop and customer})
    sealed = [None if (shop, who) in erased else seal(one.record.value or b"") for one, shop, who in named]
    # One row an offset, however often it is read; only the first goes to the topic.
    rows = await tx.fetch(
        f"""
        insert into dead_events
               (topic, partition, "offset", cluster, shop, customer, source, event_id, type, slug, detail, body)
        select n.topic, n.partition, n.at, :cluster, n.shop, n.customer, n.source, n.event_id, n.type, n.slug, n.detail,
               n.body
        from {_DEAD} order by n.place
        on conflict (cluster, topic, partition, "offset") do nothing
        returning topic, partition, "offset"
        """,
        cluster=cluster,
        **_DEAD.of(
            (
                place,
                one.record.topic,
                one.record.partition,
                one.record.offset,
                shop,
                customer,
                _text(one.source),
                _text(one.event_id),
                _text(one.type),
                one.slug,
                _text(one.detail, 1000) or "",
                body,
            )
            for place, ((one, shop, customer), body) in enumerate(zip(named, sealed, strict=True))
        ),
    )
    if tx.rebuilding:
        return  # a rebuild finds what the live service found, and its letter stands on the topic
    kept = {(row.topic, row.partition, row.offset) for row in rows}
    letters: list[tuple[Any, ...]] = []
    for (one, shop, _), body in zip(named, sealed, strict=True):
        topic, partition, offset = place = (one.record.topic, one.record.partition, one.record.offset)
        if place in kept:
            kept.remove(place)
            id_ = f"{cluster}-{topic}-{partition}-{offset}"
            letters.append((len(letters), id_, f"{topic}-{partition}", shop or "", _letter(one, body)))
    await tx.execute(
        f"""
        insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
        select n.id, :dead_topic, n.key, 'dead', n.shop, n.payload from {_LETTERS} order by n.place
        """,
        dead_topic=dead_topic(tx.service),
        **_LETTERS.of(letters),
    )


async def _erased(tx: Transaction, customers: set[tuple[str, str]]) -> set[tuple[str | None, str | None]]:
    if not customers:
        return set()
    rows = await tx.fetch(
        f"""
        select n.shop, n.customer from {_CUSTOMERS} cross join lateral (
            select from customer_keys k
            where k.shop = n.shop and k.customer = n.customer and k.erased_at is not null offset 0
        ) k
        """,
        **_CUSTOMERS.of(sorted(customers)),
    )
    return {(row.shop, row.customer) for row in rows}


def _letter(one: DeadRecord, body: bytes | None) -> str:
    letter = {
        "topic": one.record.topic,
        "partition": one.record.partition,
        "offset": one.record.offset,
        "slug": one.slug,
        "detail": _text(one.detail, 1000) or "",
        "body": body.hex() if body is not None else None,
    }
    return orjson.dumps(letter).decode()


async def list_buried(tx: Transaction, records: Sequence[Record], cluster: str) -> list[Record]:
    """Those of the records that are buried already."""
    # By the unique index.
    rows = await tx.fetch(
        """
        select d.topic, d.partition, d."offset" from dead_events d join unnest(
            cast(:topics as text[]), cast(:partitions as integer[]), cast(:offsets as bigint[])
        ) as w(topic, partition, at) on d.topic = w.topic and d.partition = w.partition and d."offset" = w.at
        where d.cluster = :cluster
        """,
        topics=[r.topic for r in records],
        partitions=[r.partition for r in records],
        offsets=[r.offset for r in records],
        cluster=cluster,
    )
    buried = {(r.topic, r.partition, r.offset) for r in rows}
    return [r for r in records if (r.topic, r.partition, r.offset) in buried]


async def erase_bodies(tx: Transaction, customers: Sequence[CustomerKey]) -> None:
    """Remove what the dead events of these customers say; that they were is kept."""
    await tx.execute(
        """
        update dead_events d set body = null, detail = 'the customer was erased'
        from unnest(cast(:shops as text[]), cast(:customers as text[])) as w(shop, customer)
        where d.shop = w.shop and d.customer = w.customer and d.body is not null
        """,
        shops=[shop for shop, _ in customers],
        customers=[customer for _, customer in customers],
    )


async def publish_mended(tx: Transaction, event: Event[Any], raw: bytes) -> None:
    """Put a dead event that was mended, or taken as it was, on the topic of the service that took it.

    The header `type` says MENDED, so that no other reader of the topic decodes it.
    """
    topic = own_topic(tx.service)
    if topic is None:
        return
    await tx.execute(
        """
        insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
        values (:id, :topic, :key, :type, :shop, :payload)
        """,
        id=event.id,
        topic=topic,
        key=event.key,
        type=MENDED,
        shop=event.shop,
        payload=raw.decode(),
    )
    await tx.wake_relay()
