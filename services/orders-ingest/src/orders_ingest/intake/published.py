"""Events as they are published: ranked, sealed, and repeated for the customer of an order that was nobody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import personal_fields, without_personal
from common.events import CustomerKey, Event, EventData, fact_id
from common.events.customers import CustomerProfile
from common.events.orders import OrderClaimed, OrderCompleted, OrderEvent, OrderRefunded
from orders_ingest.intake.rules import Accepted
from orders_ingest.orders.state import Named
from orders_ingest.versions.rules import revision_of

Keys = Mapping[CustomerKey, DataKey | None]
"""Customers' keys; None: erased."""


@dataclass(slots=True)
class Published:
    """An event to announce. `came` is what it was made of; None of one that is derived here, so that nothing of it is
    archived or saved."""

    event: Event[Any]
    came: Accepted | None = None


def repeated(claiming: Accepted, archived: Sequence[Event[Any]], before: Sequence[Published]) -> list[Event[Any]]:
    """That the order is claimed, for the order's key; and what came of it earlier, for the customer's key.

    `archived`: what came of the order in transactions before; `before`: what this one publishes already.
    """
    event = claiming.event
    shop, order_id, customer = event.shop, event.data.order_id, event.subject or ""
    earlier = [
        *archived,
        *(
            without_personal(each.came.came)
            for each in before
            if each.came is not None
            and (each.event.shop, each.event.subject) == (shop, None)
            and getattr(each.event.data, "order_id", None) == order_id
        ),
    ]
    source = f"/shops/{shop}/orders-ingest"
    claimed_id = fact_id(f"{event.source}#{event.id}", OrderClaimed.TYPE, shop, order_id, 0)
    data = OrderClaimed(order_id=order_id, customer=customer)
    claimed = Event(claimed_id, source, shop, None, event.time, data, order_id, event.correlationid)
    return [claimed, *(_for_customer(one, customer, source) for one in earlier)]


def _for_customer(event: Event[Any], customer: str, source: str) -> Event[Any]:
    id_ = fact_id(f"{event.source}#{event.id}", event.type, event.shop, customer, 0)
    return replace(event, id=id_, source=source, subject=customer, partitionkey="", raw=None)


def as_published(event: Event[Any], numbers: Mapping[Named, int], keys: Keys, ring: KeyRing) -> Event[Any]:
    """With its revision and number, and sealed; keyed by its order where no customer is known."""
    data, name = event.data, ""
    if isinstance(data, OrderClaimed):
        return event
    if isinstance(data, OrderEvent | CustomerProfile):
        data = data.model_copy(update={"revision": revision_of(event)})
    if isinstance(data, OrderCompleted) and event.subject is not None:
        data = data.model_copy(update={"sequence": numbers[event.shop, data.order_id]})
    if event.subject is None:
        name = data.order_id or data.refund_id if isinstance(data, OrderRefunded) else data.order_id
    ready = replace(event, data=data, partitionkey=name, raw=None)
    # Most orders have no personal text at all; sealing those would only copy them.
    if not _has_personal_text(data):
        return ready
    return ring.seal_event(ready, keys[event.customer] if event.subject is not None else None)


def _has_personal_text(data: EventData) -> bool:
    fields = personal_fields(type(data))
    return bool(fields.nested) or any(getattr(data, name) is not None for name in fields.own)
