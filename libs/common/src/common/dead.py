"""What becomes of an event that cannot be read or handled? Kept, seen, mended, sent again; nothing waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import orjson

from common.broker import Record
from common.db import Transaction
from common.events.topics import dead_topic

Sealer = Callable[[bytes], bytes]


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


async def bury(tx: Transaction, dead: Sequence[DeadRecord], seal: Sealer) -> None:
    """Keep dead records in `dead_events` and on the service's dead-letter topic, bodies encrypted; once per offset."""
    for one in dead:
        record = one.record
        sealed = seal(record.value or b"")
        # One row an offset, however often it is read; only the first goes to the topic.
        dead_id = await tx.value(
            """
            insert into dead_events (topic, partition, "offset", shop, source, event_id, type, slug, detail, body)
            values (:topic, :partition, :offset, :shop, :source, :event_id, :type, :slug, :detail, :body)
            on conflict (topic, partition, "offset") do nothing
            returning dead_id
            """,
            topic=record.topic, partition=record.partition, offset=record.offset, shop=one.shop, source=one.source,
            event_id=one.event_id, type=one.type, slug=one.slug, detail=one.detail[:1000], body=sealed,
        )  # fmt: skip
        if dead_id is None:
            continue
        letter = {"topic": record.topic, "partition": record.partition, "offset": record.offset, "slug": one.slug,
                  "detail": one.detail[:1000], "body": sealed.hex()}  # fmt: skip
        await tx.execute(
            """
            insert into outbox (id, aggregatetype, aggregateid, type, shop, payload)
            values (:id, :topic, :key, 'dead', :shop, :payload)
            """,
            id=f"{record.topic}-{record.partition}-{record.offset}", topic=dead_topic(tx.service),
            key=f"{record.topic}-{record.partition}", shop=one.shop or "", payload=orjson.dumps(letter).decode(),
        )  # fmt: skip
    if dead:
        await tx.execute("notify outbox")
