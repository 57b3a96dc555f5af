"""What was decided about messages and what became of them, read back by a rebuild."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.storage.database import Transaction
from messaging.contacts.store_bounces import mark_bounced
from messaging.decisions.read_back import decisions_of
from messaging.decisions.store import save_announced
from messaging.delivery.read_back import bounced, finished
from messaging.delivery.receipts.read_back import receipt_of
from messaging.delivery.receipts.store import insert_receipts
from messaging.delivery.store.read_back import save_finished
from messaging.flows.store import settle_candidates
from messaging.replies.store import Reply, save_replies


async def on_messages(tx: Transaction, batch: Batch) -> None:
    """Keep decisions and ends of messages as they were announced, before or after the events that asked for them.

    So nothing is decided or sent again, caps count what was sent, and what was held waits until its time.
    """
    events = batch.events
    await save_announced(tx, [decision for event in events for decision in decisions_of(event)])
    await save_finished(tx, [message for event in events if (message := finished(event)) is not None])
    await insert_receipts(tx, [receipt for event in events if (receipt := receipt_of(event)) is not None])
    await mark_bounced(tx, [address for event in events if (address := bounced(event)) is not None])
    await settle_candidates(tx, [(event.customer, event.data.message_id) for event in events])


async def on_replies(tx: Transaction, batch: Batch) -> None:
    """What customers wrote back, still sealed."""
    told = [(e, e.data) for e in batch.events]
    replies = [Reply(e.customer, e.id, e.time, d.channel, d.said, d.text, d.message_id) for e, d in told]
    await save_replies(tx, replies)
