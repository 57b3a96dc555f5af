"""Receipts as they were announced, for a rebuild."""

from __future__ import annotations

from common.events import CustomerKey, Event
from common.events.messages import (
    MessageClicked,
    MessageDelivered,
    MessageDoubtEnded,
    MessageFact,
    MessageRead,
    MessageUndelivered,
)
from messaging.delivery.receipts.state import Receipt, Said


def receipt_of(event: Event[MessageFact]) -> tuple[CustomerKey, Receipt] | None:
    """The receipt that a fact tells of; None of any other fact."""
    data = event.data
    if isinstance(data, MessageClicked):
        return event.customer, Receipt(event.shop, data.message_id, "clicked", str(data.link), event.time)
    if isinstance(data, MessageRead):
        return event.customer, Receipt(event.shop, data.message_id, "read", None, event.time)
    if isinstance(data, MessageDoubtEnded):
        seen: Said = "taken" if data.taken else "never_taken"
        return event.customer, Receipt(event.shop, data.message_id, seen, data.by, event.time)
    if not isinstance(data, MessageDelivered | MessageUndelivered):
        return None
    said: Said = "delivered" if isinstance(data, MessageDelivered) else "undelivered"
    return event.customer, Receipt(event.shop, data.message_id, said, data.code, event.time)
