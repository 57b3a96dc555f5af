"""Receipts: kept and announced once, in whatever order they come (M4)."""

from __future__ import annotations

from collections.abc import Sequence

from common.storage.database import Transaction
from messaging.commands.recalling import bounce
from messaging.decisions import facts
from messaging.delivery.receipts.rules import speaks_of_the_address
from messaging.delivery.receipts.state import Receipt
from messaging.delivery.receipts.store import find_messages, insert_receipts
from messaging.metrics import SMS_RECEIPTS


async def take_receipts(tx: Transaction, receipts: Sequence[Receipt]) -> int:
    """Lock, save, announce; returns how many were new. Those about messages that nobody queued are left out.

    A message in doubt has left, as its receipt shows: a notice is not handed over again.
    """
    found = {(r.shop, r.message_id): r for r in await find_messages(tx, receipts)}
    about = {place: facts.subject_of(r) for place, r in found.items()}
    mine = [r for r in receipts if (r.shop, r.message_id) in about]
    await tx.lock_customers(s.key for s in about.values())
    new = await insert_receipts(tx, [(about[r.shop, r.message_id].key, r) for r in mine])
    once = {(r.shop, r.message_id, r.said): r for r in reversed(mine)}
    told = [r for place, r in once.items() if place in new]
    for r in told:
        if about[r.shop, r.message_id].channel == "sms" and r.said in ("delivered", "undelivered"):
            SMS_RECEIPTS.labels(r.said).inc()
    # Where the message went, not the address of now: the customer may have moved since, and the new one is good.
    bounced = {_place(r): found[_place(r)].sent_to for r in told if speaks_of_the_address(r)}
    await bounce(tx, [((r.shop, a), r.at) for r in told if (a := bounced.get(_place(r))) is not None])
    await tx.announce([facts.receipt(about[_place(r)], r.said, r.code, r.at, bounced.get(_place(r))) for r in told])
    return len(told)


def _place(r: Receipt) -> tuple[str, str]:
    return r.shop, r.message_id
