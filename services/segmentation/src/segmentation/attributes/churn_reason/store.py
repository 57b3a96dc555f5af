"""What was recorded of a customer under an id, as the history keeps it."""

from __future__ import annotations

from typing import Any

import orjson

from common.bus.inbox import key_of
from common.events import Event
from common.storage.database import Transaction


async def get_recorded(tx: Transaction, event: Event[Any]) -> dict[str, Any] | None:
    """The fields of the input of this event's name; None where there is none. The customer is locked."""
    # By primary key.
    fields = await tx.value(
        "select fields from history where key = :key", key=key_of((event.shop, event.source, event.id))
    )
    found: dict[str, Any] | None = None if fields is None else orjson.loads(fields)
    return found
