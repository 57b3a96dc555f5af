"""How does a shop that speaks Kafka reach us? Over its own topic, whose name says for which shop it may speak."""

from __future__ import annotations

from functools import partial

from common.bus.broker import Record
from common.bus.dead import DeadRecord
from common.bus.subscriptions import RawSubscription, RawTaken
from common.events import InvalidEvent
from common.events.fields import MAX_EVENT
from common.events.topics import intake_topic
from common.process.runtime import Runtime
from common.storage.database import Transaction
from orders_ingest.intake.checks import FILLED_ON_TOPICS, Offered, Outcome, check, read, refused
from orders_ingest.intake.take import Vault, take

_PREFIX = intake_topic("")


async def on_intake(vault: Vault, tx: Transaction, records: list[Record]) -> RawTaken:
    """Take the records as HTTP's events are taken; those refused are dead, filed under the topic's shop.

    One without a shop is of the topic's. One that claims another shop, or another shop's source, is dead before
    anything is claimed.
    """
    checked = [_checked(record, tx) for record in records]
    taken = iter(await take(tx, vault, [c for c in checked if isinstance(c, Offered)]))
    result = RawTaken()
    for record, found in zip(records, checked, strict=True):
        outcome = found if isinstance(found, Outcome) else next(taken)
        if outcome.status == "refused":
            result.dead.append(
                DeadRecord(record, outcome.slug or "refused", outcome.detail or "", shop_of(record.topic),
                           event_id=outcome.id)
            )  # fmt: skip
        elif outcome.status == "accepted":
            result.fresh += 1
    return result


def shop_of(topic: str) -> str:
    return topic.removeprefix(_PREFIX)


def _checked(record: Record, tx: Transaction) -> Offered | Outcome:
    value = record.value or b""
    if len(value) > MAX_EVENT:
        return refused(None, "too_large", f"an event has at most {MAX_EVENT} bytes", 413)
    try:
        body = read(value)
    except InvalidEvent as error:
        return refused(None, error.slug, str(error), 400)
    return check(body, shop_of(record.topic), tx.clock.now(), fill=FILLED_ON_TOPICS)


def reader(runtime: Runtime, *topics: str) -> RawSubscription | None:
    """The reader of these intake topics; None where one is none."""
    if not topics or not all(topic.startswith(_PREFIX) for topic in topics):
        return None
    return RawSubscription(partial(on_intake, Vault(runtime.keys, runtime.master)), topics)
