"""Upsert of a refund: its event, once, however often and by whatever way it is told (ORD-035)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.events import rfc3339
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Outcome


async def put_refund(
    tx: Transaction,
    vault: Vault,
    shop: str,
    refund_id: str,
    data: Mapping[str, Any],
    original: bytes,
    *,
    customer: str | None,
    time: datetime | None,
) -> Outcome:
    """The outcome of the event; one that was set aside, or waits for another order, is taken anew from another body.

    `data` is the event's, in JSON, without the id; `time` None: now. `original` is the body, by which a repeat is
    recognised: its hash is in the event's id, so a repeat without a time is a duplicate of the first.
    """
    now = tx.clock.now()
    body = hashlib.blake2b(vault.claim(original), digest_size=8).hexdigest()
    event = {
        "id": f"refund:{refund_id}:{body}",
        "source": f"/shops/{shop}/orders-ingest",
        "shop": shop,
        "type": "order.refunded",
        "time": rfc3339(time if time is not None else now),
        "data": {"refund_id": refund_id, **data},
        **({} if customer is None else {"subject": customer}),
    }
    checked = check(event, shop, now, original)
    if isinstance(checked, Outcome):
        return checked
    [outcome] = await take_events(tx, vault, [checked])
    return outcome
