"""Rules of an order's details: each is told once in each of its stages, whatever the way it comes (ORD-031)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from common.events import CustomerKey, Event, fact_id, rfc3339
from common.events.orders import (
    DeliveryPromiseBroken,
    OrderCompleted,
    OrderDetail,
    OrderEvent,
    OrderLogisticsUpdated,
    OrderReceiptDue,
    OrderSpecialRequest,
)
from common.refusals import Conflict
from orders_ingest.details.state import Named, Told
from orders_ingest.orders.state import KnownOrder
from orders_ingest.orders.state import Named as OrderNamed
from orders_ingest.versions.rules import state_bit

REMARK = "remark"
_BEFORE_SHIPPING = ("placed", "paid")
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


def name_of(event: Event[Any]) -> Named:
    """The detail's name; of logistics each word of the carrier, by parcel, time and status, is a detail of its own."""
    data: OrderDetail = event.data
    name = data.name
    if isinstance(data, OrderLogisticsUpdated):
        name = f"{_short(name)}@{rfc3339(event.time)}@{data.status}"
    return event.shop, data.order_id, event.type, name


def request_of_remark(event: Event[Any]) -> Event[OrderSpecialRequest] | None:
    """The special request that an order's remark is, while there is time to fulfil it; None of anything else.

    An order has one, which is called `remark`; the caller sees to it that it is told once, and of whom.
    """
    data = event.data
    if not isinstance(data, OrderEvent) or not data.remark or event.subject is None:
        return None
    if data.state not in _BEFORE_SHIPPING:
        return None
    asked = OrderSpecialRequest(order_id=data.order_id, request_id=REMARK, text=data.remark)
    id_ = fact_id(f"{data.order_id}:{REMARK}", asked.TYPE, event.shop, event.subject, 0)
    return replace(event, id=id_, source=f"/shops/{event.shop}/orders-ingest", data=asked, raw=None)


def requests_of_returning(
    events: Iterable[Event[Any]],
    requests: Iterable[Event[OrderSpecialRequest]],
    returning: Collection[CustomerKey],
    told: Collection[Named],
) -> list[Event[OrderSpecialRequest]]:
    """Each of these requests once, of those who had completed an order before it.

    `events`: in order, with those that the requests are made of; `returning`: who had completed an order before all of
    them; `told`: the requests that were told before.
    """
    made = {request.id for request in requests}
    found: dict[Named, Event[OrderSpecialRequest]] = {}
    completed = set(returning)
    for event in events:
        if isinstance(event.data, OrderCompleted) and event.subject is not None:
            completed.add(event.customer)
        request = request_of_remark(event)
        if request is not None and request.id in made and request.customer in completed:
            name = name_of(request)
            if name not in told:
                found.setdefault(name, request)
    return list(found.values())


def is_before_shipping(reached: int) -> bool:
    """Whether an order that was told in these states is not shipped, and not over."""
    return reached < state_bit("shipped")


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
