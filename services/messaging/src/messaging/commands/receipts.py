"""Receipts of gateways: kept and announced once, in whatever order they come (M4)."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.database import Transaction
from messaging.contacts.store import get_address
from messaging.contacts.store_bounces import mark_bounced
from messaging.decisions import facts
from messaging.decisions.facts import Subject
from messaging.delivery.receipts.rules import NO_SUCH_ADDRESS
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
        if about[r.shop, r.message_id].channel == "sms":
            SMS_RECEIPTS.labels(r.said).inc()
    bounced = {r.message_id: a for r in told if (a := await _no_such_address(tx, about[r.shop, r.message_id], r))}
    await mark_bounced(tx, [((r.shop, a), r.at) for r in told if (a := bounced.get(r.message_id)) is not None])
    await tx.announce(
        [facts.receipt(about[r.shop, r.message_id], r.said, r.code, r.at, bounced.get(r.message_id)) for r in told]
    )
    return len(told)


async def _no_such_address(tx: Transaction, about: Subject, r: Receipt) -> bytes | None:
    """The hash of the customer's address, where the provider says that there is none such."""
    if r.said == "delivered" or r.code not in NO_SUCH_ADDRESS:
        return None
    return await get_address(tx, about.key, about.channel)
