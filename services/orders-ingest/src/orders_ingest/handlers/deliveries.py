"""Deliveries of webhooks that were dead, taken again as they were or mended (`POST /ops/dead/<id>/resend`)."""

from __future__ import annotations

from functools import partial

from common.bus.broker import Record
from common.bus.dead import DeadRecord
from common.bus.subscriptions import RawSubscription, RawTaken
from common.process.runtime import Runtime
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_delivery import TOPIC, kept_delivery, take_delivery
from orders_ingest.intake.state import Outcome, refused
from orders_ingest.webhooks.registry import VENDORS
from orders_ingest.webhooks.state import UnreadableDelivery


async def on_deliveries(vault: Vault, tx: Transaction, records: list[Record]) -> RawTaken:
    """Take them as their routes do; the topic's name says whose they are."""
    result = RawTaken()
    for record in records:
        vendor, _, shop = record.topic.removeprefix(TOPIC).partition(".")
        outcomes: list[Outcome]
        try:
            came = kept_delivery(record.value or b"")
            outcomes = await take_delivery(tx, vault, shop, VENDORS[vendor], came)
        except UnreadableDelivery as error:
            outcomes = [refused(None, error)]
        for outcome in outcomes:
            if outcome.refusal is not None:
                result.dead.append(DeadRecord(record, outcome.refusal.slug, outcome.refusal.detail, shop))
        result.fresh += any(outcome.status == "accepted" for outcome in outcomes)
    return result


def reader(runtime: Runtime, topic: str) -> RawSubscription | None:
    """The reader of dead deliveries under this topic; None where it is none of theirs."""
    vendor = topic.removeprefix(TOPIC).partition(".")[0]
    if not topic.startswith(TOPIC) or vendor not in VENDORS:
        return None
    return RawSubscription(partial(on_deliveries, Vault(runtime.keys)), (topic,))
