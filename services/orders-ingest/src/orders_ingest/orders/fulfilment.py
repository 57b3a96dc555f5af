"""How an order fares on its way: where it is, whether it was promised earlier, how fast and how right it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from common.events.orders import (
    OrderExchanged,
    OrderFields,
    OrderLogisticsUpdated,
    OrderReshipped,
    OrderReturned,
)
from orders_ingest.orders.state import Told

_WRONG = frozenset({"wrong_item", "wrong_address"})
_TELL_OF_WRONG = (OrderReturned.TYPE, OrderExchanged.TYPE, OrderReshipped.TYPE)
_NOT_TOLD = Told()
_ARRIVED = ("delivered", "completed")


class Fulfilment(NamedTuple):
    """Seconds are whole; the carrier's newest word goes before what the order says of carrier and tracking."""

    state: str
    carrier: str | None
    tracking: str | None
    status: str | None
    status_at: datetime | None
    place: str | None
    expected_at: datetime | None
    promised_by: datetime | None
    promise: Literal["kept", "broken", "open"] | None
    shipping_seconds: int | None
    delivery_seconds: int | None
    accurate: bool | None


def fulfilment_of(
    order: OrderFields,
    details: Mapping[str, Sequence[Mapping[str, Any]]],
    now: datetime,
    told: Told = _NOT_TOLD,
    *,
    taken_back: bool = False,
) -> Fulfilment:
    """`details`: the order's, by type of event, oldest first; each with its `time`.

    `taken_back`: it was paid back whole before the promised time.

    A time that the order does not name itself is that at which it was `told` in that state (ORD-033).
    """
    order = order.model_copy(
        update={name: at for name, at in told._asdict().items() if at is not None and getattr(order, name) is None}
    )
    words = details.get(OrderLogisticsUpdated.TYPE, ())
    last = words[-1] if words else {}
    return Fulfilment(
        order.state,
        last.get("carrier") or order.carrier,
        last.get("tracking") or order.tracking,
        last.get("status"),
        last.get("time"),
        last.get("place"),
        last.get("expected_at"),
        order.promised_by,
        None if taken_back else promise_of(order, now),
        _seconds(order.paid_at, order.shipped_at),
        _seconds(order.shipped_at, order.delivered_at),
        _accurate(order, details),
    )


def promise_of(order: OrderFields, now: datetime) -> Literal["kept", "broken", "open"] | None:
    """What became of the promise by `now`; None: there is none, or the order was closed or came at an unknown time."""
    if order.promised_by is None or order.state == "closed":
        return None
    if order.delivered_at is not None:
        return "kept" if order.delivered_at <= order.promised_by else "broken"
    if order.state in _ARRIVED:
        return None
    return "broken" if now >= order.promised_by else "open"


def _seconds(since: datetime | None, until: datetime | None) -> int | None:
    if since is None or until is None or until < since:
        return None
    return int((until - since).total_seconds())


def _accurate(order: OrderFields, details: Mapping[str, Sequence[Mapping[str, Any]]]) -> bool | None:
    """Whether the right goods came to the right address (ORD-033); None before anything was delivered."""
    told = (each.get("reason_code") for kind in _TELL_OF_WRONG for each in details.get(kind, ()))
    if any(code in _WRONG for code in told):
        return False
    return True if order.state in _ARRIVED else None
