"""Receipts of gateways: kept and announced once, in whatever order they come (M4)."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.database import Transaction
from messaging.decisions import facts
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.receipts.store import find_messages, insert_receipts
from messaging.metrics import SMS_RECEIPTS


async def take_receipts(tx: Transaction, receipts: Sequence[Receipt]) -> int:
    """Lock, save, announce; returns how many were new. Those about messages that nobody queued are left out.

    A message in doubt has left, as its receipt shows: a notice is not handed over again.
    """
    about = {(r.shop, r.message_id): facts.subject_of(r) for r in await find_messages(tx, receipts)}
    mine = [r for r in receipts if (r.shop, r.message_id) in about]
    await tx.lock_customers(s.key for s in about.values())
    new = await insert_receipts(tx, [(about[r.shop, r.message_id].key, r) for r in mine])
    once = {(r.shop, r.message_id, r.said): r for r in reversed(mine)}
    told = [r for place, r in once.items() if place in new]
    for r in told:
        SMS_RECEIPTS.labels(r.said).inc()
    await tx.announce([facts.receipt(about[r.shop, r.message_id], r.said, r.code, r.at) for r in told])
    return len(told)
