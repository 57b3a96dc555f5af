"""Events as they are published: ranked, sealed, and repeated for the customer of an order that was nobody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.crypto.keys import DataKey, KeyRing
from common.crypto.sealing import personal_fields, without_personal
from common.events import CustomerKey, Event, EventData, fact_id, rfc3339
from common.events.activity import VisitsCounted
from common.events.catalogue import ProductChanged
from common.events.customers import CustomerProfile, LifeState
from common.events.orders import OrderClaimed, OrderCompleted, OrderEvent, OrderRefunded
from orders_ingest.customers.derived import life_state
from orders_ingest.intake.rules import Accepted
from orders_ingest.orders.state import Named
from orders_ingest.versions.rules import revision_of

Keys = Mapping[CustomerKey, DataKey | None]
"""Customers' keys; None: erased."""


@dataclass(slots=True)
class Published:
    """An event to announce. `came` is what it was made of; None of one that is derived here, so that nothing of it is
    archived or saved. `data`: its data in JSON, once it is ready to be published."""

    event: Event[Any]
    came: Accepted | None = None
    data: str = ""

    def make_ready(self, numbers: Mapping[Named, int], keys: Keys, ring: KeyRing, claimed: bytes | None) -> None:
        """Give it its revision, number and claim, seal it, and make the JSON that is stored and sent, once."""
        event = as_published(self.event, numbers, keys, ring, claimed)
        self.data = event.data.as_json()
        self.event = event.having(raw=event.encode_with(self.data))


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
    return event.having(id=id_, source=source, subject=customer, partitionkey="", raw=None)


def as_published(
    event: Event[Any], numbers: Mapping[Named, int], keys: Keys, ring: KeyRing, claimed: bytes | None
) -> Event[Any]:
    """With its revision and number, and sealed; keyed by its order where no customer is known. `claimed`: the hash of
    what came; None of an event that is derived here."""
    data, name = event.data, ""
    if isinstance(data, OrderClaimed):
        return event
    given: dict[str, int | str] = {}
    if isinstance(data, OrderEvent | CustomerProfile | ProductChanged | VisitsCounted):
        given["revision"] = revision_of(event)
    if isinstance(data, OrderEvent) and (told := _life_state(event, keys)) is not None:
        given["life_state"] = told
    if isinstance(data, OrderCompleted) and event.subject is not None:
        given["sequence"] = numbers[event.shop, data.order_id]
    if given:
        data = data.having(**given)
    if event.subject is None:
        name = _partition_of(data)
    ready = event.having(data=data, partitionkey=name, claimed=claimed.hex() if claimed else None, raw=None)
    # Most orders have no personal text at all; sealing those would only copy them.
    if not _has_personal_text(data):
        return ready
    return ring.seal_event(ready, keys[event.customer] if event.subject is not None else None)


def _life_state(event: Event[OrderEvent], keys: Keys) -> LifeState | None:
    """What is said of the order's address, or else it tells; of an erased customer, and of nobody's order, nothing."""
    address = event.data.address
    if address is None or event.data.life_state is not None or event.subject is None or keys[event.customer] is None:
        return event.data.life_state
    return life_state(address)


def _partition_of(data: Any) -> str:
    """The key of what is nobody's: its order, the refund of no order, the product, the hour."""
    if isinstance(data, ProductChanged):
        return data.sku
    if isinstance(data, VisitsCounted):
        return rfc3339(data.hour)
    name: str = data.order_id or data.refund_id if isinstance(data, OrderRefunded) else data.order_id
    return name


def _has_personal_text(data: EventData) -> bool:
    fields = personal_fields(type(data))
    return bool(fields.nested) or any(getattr(data, name) is not None for name in fields.own)


def claimed_by(event: Event[Any]) -> bool:
    """Whether a published event came from outside; what was derived here bears no claim."""
    return event.claimed is not None


def versions_in(came: Sequence[Event[Any]]) -> list[Event[OrderEvent]]:
    """The versions of orders among what came."""
    return [event for event in came if isinstance(event.data, OrderEvent)]


def refunds_in(came: Sequence[Event[Any]]) -> list[Event[OrderRefunded]]:
    """The refunds among what came; each was published because it counts."""
    return [event for event in came if isinstance(event.data, OrderRefunded)]


def owners_in(published: Sequence[Event[Any]]) -> dict[Named, str]:
    """Whose the orders are that these events are about; '' where they do not say. An order's owner never changes."""
    owners: dict[Named, str] = {}
    for event in published:
        data = event.data
        if data.order_id is not None:
            said = data.customer if isinstance(data, OrderClaimed) else event.subject or ""
            owners[event.shop, data.order_id] = said or owners.get((event.shop, data.order_id), "")
    return owners


def numbers_in(published: Sequence[Event[Any]]) -> list[tuple[str, str, str, int]]:
    """The numbers that these events say completed orders have: (shop, order, customer, number)."""
    return [
        (event.shop, event.data.order_id, event.subject, event.data.sequence)
        for event in published
        if isinstance(event.data, OrderCompleted) and event.subject is not None and event.data.sequence is not None
    ]
