"""Notices on the way of a parcel, and of a promise about delivery that was broken (MSG-008, MSG-038)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from common.events import Event, rfc3339
from common.events.orders import DeliveryPromiseBroken, OrderLogisticsUpdated
from messaging.conditions.state import Condition
from messaging.flows.state import Asked, Flow

_ARRIVED = ("delivered", "completed")
PARCEL = {
    status: Flow(f"parcel_{status}", "transactional", 1, ended_in=_ARRIVED, parcel_status=status)
    for status in ("customs", "out_for_delivery", "exception", "sent_back")
}
"""The words of a carrier that have a notice. The others are said by the notices of the order: on its way, delivered."""
DELIVERY_LATE = Flow("delivery_late", "transactional", 1, ended_in=_ARRIVED)
DELIVERED_LATE = Flow("delivered_late", "transactional", 1)
FLOWS = (*PARCEL.values(), DELIVERY_LATE, DELIVERED_LATE)


def asked(event: Event[Any]) -> Sequence[Asked]:
    """One notice for each word of a carrier about a parcel, and one of a broken promise: late, or come too late."""
    data = event.data
    if isinstance(data, OrderLogisticsUpdated) and data.status in PARCEL:
        known = {
            "carrier": data.carrier,
            "tracking": data.tracking,
            "expected_at": rfc3339(data.expected_at) if data.expected_at is not None else None,
        }
        details = {"order_id": data.order_id, **{k: v for k, v in known.items() if v is not None}}
        cause = f"order/{data.order_id}/parcel/{data.name}/{data.status}"
        return (Asked(PARCEL[data.status], cause, event.time, None, details),)
    if isinstance(data, DeliveryPromiseBroken):
        flow = DELIVERY_LATE if data.delivered_at is None else DELIVERED_LATE
        details = {"order_id": data.order_id, "promised_by": rfc3339(data.promised_by)}
        return (Asked(flow, f"order/{data.order_id}/promise", event.time, None, details),)
    return ()


def conditions(event: Event[Any]) -> Sequence[Condition]:
    """None: what carriers say is kept as order news."""
    return ()
