"""Records of the shops' own Kafka topics; a topic's name says for which shop it speaks."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from common.bus.broker import Record
from common.bus.dead import DeadRecord
from common.bus.subscriptions import RawSubscription, RawTaken
from common.events import InvalidEvent
from common.events.fields import MAX_EVENT
from common.events.topics import intake_topic
from common.process.runtime import Runtime
from common.refusals import Malformed, TooLarge
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import FILLED_ON_TOPICS, check
from orders_ingest.intake.modes import KAFKA_PREFIX, from_kafka, is_binary, kept_of, unpacked
from orders_ingest.intake.reading import read
from orders_ingest.intake.state import Offered, Outcome, refused

_PREFIX = intake_topic("")


async def on_intake(vault: Vault, tx: Transaction, records: list[Record]) -> RawTaken:
    """Take the records as HTTP's events are taken; those refused are dead, filed under the topic's shop.

    One without a shop is of the topic's. One that claims another shop, or another shop's source, is dead before
    anything is claimed. Structured and binary mode are taken alike; what is kept of a dead record in binary mode is
    the same event in structured mode.
    """
    checked = [_checked(record, tx) for record in records]
    taken = iter(await take_events(tx, vault, [c for c in checked if isinstance(c, Offered)]))
    result = RawTaken()
    for record, found in zip(records, checked, strict=True):
        outcome = found if isinstance(found, Outcome) else next(taken)
        if (refusal := outcome.refusal) is not None:
            shop = shop_of(record.topic)
            kept = replace(record, value=kept_of(record.headers, record.value or b"")) if _binary(record) else record
            result.dead.append(DeadRecord(kept, refusal.slug, refusal.detail, shop, event_id=outcome.id))
        elif outcome.status == "accepted":
            result.fresh += 1
    return result


def shop_of(topic: str) -> str:
    """The shop whose own topic this is."""
    return topic.removeprefix(_PREFIX)


def _checked(record: Record, tx: Transaction) -> Offered | Outcome:
    value = record.value or b""
    if len(value) > MAX_EVENT:
        return refused(None, TooLarge("too_large", f"an event has at most {MAX_EVENT} bytes"))
    try:
        body = from_kafka(record.headers, value) if _binary(record) else unpacked(read(value))
    except InvalidEvent as error:
        return refused(None, Malformed(error.slug, str(error)))
    return check(body, shop_of(record.topic), tx.clock.now(), fill=FILLED_ON_TOPICS)


def _binary(record: Record) -> bool:
    return is_binary(record.headers, record.headers.get("content-type", b"").decode("latin-1"), KAFKA_PREFIX)


def reader(runtime: Runtime, *topics: str) -> RawSubscription | None:
    """The reader of these intake topics; None where one is none."""
    if not topics or not all(topic.startswith(_PREFIX) for topic in topics):
        return None
    return RawSubscription(partial(on_intake, Vault(runtime.keys)), topics)
