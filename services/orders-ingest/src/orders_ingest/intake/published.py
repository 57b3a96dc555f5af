"""Events as they are published: ranked, sealed, and repeated for the customer of an order that was nobody's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.crypto.keys import KeyRing
from common.crypto.sealing import personal_fields, without_personal
from common.events import Event, EventData, fact_id
from common.events.customers import CustomerProfile
from common.events.orders import OrderClaimed, OrderCompleted, OrderEvent, OrderRefunded
from common.storage.database import Transaction
from orders_ingest.archive import keeping
from orders_ingest.archive.vault import Vault
from orders_ingest.intake.decisions import Accepted
from orders_ingest.intake.known import Keys
from orders_ingest.orders.numbering import number_completed
from orders_ingest.orders.state import Named
from orders_ingest.versions.rules import revision_of


@dataclass(slots=True)
class Published:
    """An event to announce. `came` is what it was made of; None of one that is derived here, so that nothing of it is
    archived or projected."""

    event: Event[Any]
    came: Accepted | None = None


async def publish(tx: Transaction, vault: Vault, keys: Keys, accepted: Sequence[Accepted]) -> list[Published]:
    """What is announced, in order. A version that gives a nobody's order its customer comes after all that came of the
    order before, now for that customer."""
    found: list[Published] = []
    for one in accepted:
        if one.claims:
            found += [Published(event) for event in await _repeated(tx, vault, one, found)]
        found.append(Published(one.event, one))
    numbers = await number_completed(tx, [each.event for each in found])
    for each in found:
        if not isinstance(each.event.data, OrderClaimed):
            each.event = _as_published(each.event, numbers, keys, vault.ring)
    return found


async def _repeated(tx: Transaction, vault: Vault, claiming: Accepted, before: Sequence[Published]) -> list[Event[Any]]:
    """That the order is claimed, for the order's key; and what came of it earlier, for the customer's key."""
    event = claiming.event
    shop, order_id, customer = event.shop, event.data.order_id, event.subject or ""
    earlier = await keeping.of_order(tx, vault, shop, order_id)
    earlier += [
        without_personal(each.came.came)
        for each in before
        if each.came is not None
        and (each.event.shop, each.event.subject) == (shop, None)
        and getattr(each.event.data, "order_id", None) == order_id
    ]
    source = f"/shops/{shop}/orders-ingest"
    claimed_id = fact_id(f"{event.source}#{event.id}", OrderClaimed.TYPE, shop, order_id, 0)
    data = OrderClaimed(order_id=order_id, customer=customer)
    claimed = Event(claimed_id, source, shop, None, event.time, data, order_id, event.correlationid)
    return [claimed, *(_for_customer(one, customer, source) for one in earlier)]


def _for_customer(event: Event[Any], customer: str, source: str) -> Event[Any]:
    id_ = fact_id(f"{event.source}#{event.id}", event.type, event.shop, customer, 0)
    return replace(event, id=id_, source=source, subject=customer, partitionkey="", raw=None)


def _as_published(event: Event[Any], numbers: Mapping[Named, int], keys: Keys, ring: KeyRing) -> Event[Any]:
    """With its revision and number, and sealed; keyed by its order where no customer is known."""
    data, name = event.data, ""
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
