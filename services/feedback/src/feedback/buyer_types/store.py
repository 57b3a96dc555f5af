"""The buyer type of each customer by its newest revision (FBK-024, FBK-032). Never told to the customer (SEC-009)."""

from __future__ import annotations

from collections.abc import Sequence

from common.events import CustomerKey, Event
from common.events.segments import BuyerTypeChanged
from common.storage.database import Transaction
from feedback.revisions.newest import NewestTable

BUYER_TYPES = NewestTable("buyer_types", {"buyer_type": "text"})


async def save_types(tx: Transaction, events: Sequence[Event[BuyerTypeChanged]]) -> None:
    """Keep the newest type of each customer. Idempotent, in any order."""
    await BUYER_TYPES.save(tx, ((e.customer, e.data.revision, (e.data.new,)) for e in events))


async def get_type(tx: Transaction, customer: CustomerKey) -> str | None:
    """None where too little is known."""
    row = await BUYER_TYPES.get(tx, customer)
    return None if row is None else row.buyer_type
