"""Rules of an order's details: each is told once in each of its stages, whatever the way it comes (ORD-031)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from common.events import Event, rfc3339
from common.events.orders import DeliveryPromiseBroken, OrderDetail, OrderLogisticsUpdated, OrderReceiptDue
from common.refusals import Conflict
from orders_ingest.details.state import Named, Told
from orders_ingest.orders.state import KnownOrder
from orders_ingest.orders.state import Named as OrderNamed

MOST = 100
"""Bytes of a name that is kept as it is: it stands in an index, beside shop and order."""


class OrderOfNobody(Conflict):
    """A detail of an order that is not known, and of no customer either: nobody could find it."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            "order_unknown", f"order {order_id} is not known yet: send the order first, or name its customer"
        )


class ToldBefore(Exception):
    """The detail was told in this stage before, by another event; the first telling stands."""


def name_of(event: Event[OrderDetail]) -> Named:
    """The detail's name; of logistics each word of the carrier, by parcel, time and status, is a detail of its own."""
    data, name = event.data, event.data.name
    if isinstance(data, OrderLogisticsUpdated):
        name = f"{_short(name)}@{rfc3339(event.time)}@{data.status}"
    return event.shop, data.order_id, event.type, name


def tell(event: Event[OrderDetail], orders: Mapping[OrderNamed, KnownOrder], told: Told) -> KnownOrder | None:
    """Note that it is told now; its order, None where that is not known. Raises OrderOfNobody, ToldBefore."""
    order = orders.get((event.shop, event.data.order_id))
    if order is None and event.subject is None:
        raise OrderOfNobody(event.data.order_id)
    name, bit = name_of(event), bit_of(event)
    if told.get(name, 0) & bit:
        raise ToldBefore
    told[name] = told.get(name, 0) | bit
    return order


def bit_of(event: Event[OrderDetail]) -> int:
    """The bit of the stage that the event tells."""
    return 1 << event.data.stage


def fell_due(data: DeliveryPromiseBroken | OrderReceiptDue) -> str:
    """The name within its order under which a fact that fell due is kept."""
    return rfc3339(data.promised_by if isinstance(data, DeliveryPromiseBroken) else data.delivered_at)


def _short(name: str) -> str:
    if len(name.encode()) <= MOST:
        return name
    return hashlib.blake2b(name.encode(), digest_size=16).hexdigest()
