"""What came of calls, read back by a rebuild."""

from __future__ import annotations

from common.bus.subscriptions import Batch
from common.storage.database import Transaction
from messaging.calls.rules import Call
from messaging.calls.store import save_calls
from messaging.contacts.store_bounces import mark_bounced


async def on_calls(tx: Transaction, batch: Batch) -> None:
    """Attempts, their notes still sealed, and numbers that were wrong."""
    told = [(e, e.data) for e in batch.events]
    await save_calls(
        tx,
        [(e.customer, d.message_id, Call(d.number, e.time, d.outcome, d.by, d.note, d.again_at)) for e, d in told],
    )
    await mark_bounced(tx, [((e.shop, bytes.fromhex(d.bounced)), e.time) for e, d in told if d.bounced is not None])
