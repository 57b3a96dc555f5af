"""Dead events: those that cannot be read or handled are kept, shown, mended and sent again; nothing waits for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from common.bus.broker import Record
from common.events import CustomerKey, Event
from common.events.topics import dead_topic, own_topic
from common.storage.database import Transaction

Sealer = Callable[[bytes], bytes]
MENDED = "mended"
"""Header `type` of a mended dead event on the topic of the service that took it; other services pass over it."""


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
    for one in dead:
        record = one.record
        shop, customer, detail = _text(one.shop), _text(one.subject), _text(one.detail, 1000) or ""
        erased = customer is not None and await tx.value(
            "select true from customer_keys where shop = :shop and customer = :customer and erased_at is not null",
            shop=shop,
            customer=customer,
        )
        sealed = None if erased else seal(record.value or b"")
        # One row an offset, however often it is read; only the first goes to the topic.
        dead_id = await tx.value(
            """
            insert into dead_events
                   (topic, partition, "offset", cluster, shop, customer, source, event_id, type, slug, detail, body)
            values (:topic, :partition, :offset, :cluster, :shop, :customer, :source, :event_id, :type, :slug, :detail,
                    :body)
            on conflict (cluster, topic, partition, "offset") do nothing
            returning dead_id
            """,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            cluster=cluster,
            shop=shop,
            customer=customer,
            source=_text(one.source),
            event_id=_text(one.event_id),
            type=_text(one.type),
            slug=one.slug,
            detail=detail,
            body=sealed,
        )
        if dead_id is None or tx.rebuilding:
            continue  # a rebuild finds what the live service found, and its letter stands on the topic
        letter = {
            "topic": record.topic,
            "partition": record.partition,
            "offset": record.offset,
            "slug": one.slug,
            "detail": detail,
            "body": sealed.hex() if sealed is not None else None,
        }
        await tx.execute(
            """
            insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
            values (:id, :topic, :key, 'dead', :shop, :payload)
            """,
            id=f"{cluster}-{record.topic}-{record.partition}-{record.offset}",
            topic=dead_topic(tx.service),
            key=f"{record.topic}-{record.partition}",
            shop=shop or "",
            payload=orjson.dumps(letter).decode(),
        )
    if dead:
        await tx.wake_relay()


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
