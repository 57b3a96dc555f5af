"""Upsert of a detail of an order: the event of the stage that it is in, once (ORD-031)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from common.events import fact_id, rfc3339
from common.events.orders import OrderDetail
from common.storage.database import Transaction
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Outcome


async def put_detail(
    tx: Transaction,
    vault: Vault,
    shop: str,
    kind: type[OrderDetail],
    data: Mapping[str, Any],
    original: bytes,
    *,
    customer: str | None,
    time: datetime | None,
) -> Outcome:
    """The outcome of the event; a stage that was told before, by whatever way, is a duplicate.

    `data` is the event's, in JSON; `time` is when it happened, None: now. `original`: what the body says, by which a
    repeat is recognised.
    """
    now = tx.clock.now()
    said = kind.model_validate(data)
    at = rfc3339(time if time is not None else now)
    # Without a time the body says which word it is: the same again is the same.
    which = at if time is not None else hashlib.blake2b(vault.claim(original), digest_size=8).hexdigest()
    cause = f"{said.order_id}#{said.name}#{said.stage}@{which}"
    event = {
        "id": fact_id(cause, kind.TYPE, shop, customer or "", 0),
        "source": f"/shops/{shop}/orders-ingest",
        "shop": shop,
        "type": kind.TYPE,
        "time": at,
        "data": dict(data),
        **({} if customer is None else {"subject": customer}),
    }
    checked = check(event, shop, now, original)
    if isinstance(checked, Outcome):
        return checked
    [outcome] = await take_events(tx, vault, [checked])
    return outcome
