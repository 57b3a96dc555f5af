"""What of an order falls due: the promised delivery, the reminder to confirm, and its completion by itself.

All of it follows from the newest version, and the newest that makes a promise; what was done, returns and refunds are
looked at when it is due.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, TypeVar

from common.events import rfc3339
from common.events.orders import DeliveryPromiseBroken, OrderEvent, OrderFields, OrderReceiptDue, OrderRefunded
from common.events.standing import OrderStanding
from orders_ingest.versions.rules import state_bit

COMPLETES_AFTER = timedelta(days=7)
"""After the delivery, when nobody confirms and no return is open."""
REMINDS_BEFORE = timedelta(days=2)
"""Before it completes by itself."""
Kind = Literal["promise", "receipt", "completion"]
Promised = TypeVar("Promised", bound=OrderFields)
_ON_THE_WAY = ("placed", "paid", "shipped", "in_transit")


class Due(NamedTuple):
    """Something that falls due, in UTC."""

    at: datetime
    kind: Kind


def with_promise(order: Promised, promised_by: datetime | None) -> Promised:
    """The order with the promise that an earlier version made, where its own version makes none."""
    if promised_by is None or order.promised_by is not None:
        return order
    return order.model_copy(update={"promised_by": promised_by})


def dues_of(order: OrderEvent, at: datetime, delivered_told_at: datetime | None = None) -> list[Due]:
    """What falls due by this version, which the order reached `at`, earliest first.

    `delivered_told_at`: when an earlier version, if any, said that it came.
    """
    found: list[Due] = []
    if order.promised_by is not None and is_broken(order, at, delivered_told_at):
        found.append(Due(order.promised_by, "promise"))
    if order.state == "delivered":
        completes = completes_at(order, at)
        found += [Due(completes - REMINDS_BEFORE, "receipt"), Due(completes, "completion")]
    return sorted(found)


def first_due(order: OrderEvent, at: datetime) -> datetime | None:
    """When the first of it falls due; None: nothing does."""
    if order.state != "delivered" and order.promised_by is None:
        return None  # nearly every version
    if order.promised_by is not None and order.state == "completed" and order.delivered_at is None:
        return order.promised_by  # an earlier version may have said that it came too late
    dues = dues_of(order, at)
    return dues[0].at if dues else None


def completes_at(order: OrderEvent, at: datetime) -> datetime:
    """When a delivered order completes by itself."""
    return (order.delivered_at or at) + COMPLETES_AFTER


def is_broken(order: OrderEvent, at: datetime, delivered_told_at: datetime | None = None) -> bool:
    """Whether the promised time, once it has passed, was not kept (ORD-034); a closed order is owed nothing.

    `at`: when the order reached its state; of a delivered one that says no other time that is when it came. Of one that
    is past it counts when a version said that it was delivered.
    """
    if order.promised_by is None or order.state == "closed":
        return False
    delivered_at = order.delivered_at or delivered_told_at or (at if order.state == "delivered" else None)
    if delivered_at is not None:
        return delivered_at > order.promised_by
    return order.state in _ON_THE_WAY


def settle(order: OrderEvent, known: Any, now: datetime) -> tuple[list[Due], datetime | None]:
    """What is to be done by `now`, with the times that it counts from, and when the next thing falls due.

    `known`: when the newest version was reached (`at`), the states that were told (`reached`), when it was first told
    as delivered (`delivered_told_at`), what was announced (`done`), and what became of returns and refunds
    (`open_returns`, `returned_at`, `refunds` with their times, `refunded_at`).
    """
    over = bool(known.reached & state_bit("completed")) or came_back_whole(order, known.refunds)
    to_do: list[Due] = []
    later: list[datetime] = []
    for due in dues_of(order, known.at, known.delivered_told_at):
        if due.kind != "promise" and (over or known.open_returns):
            continue  # an open return, once it is settled, wakes the order
        if due.kind == "promise" and was_taken_back(order, zip(known.refunded_at, known.refunds, strict=True)):
            continue
        if announced_as(due.kind, order, known.at) in known.done:
            continue
        at = max(due.at, known.returned_at or due.at) if due.kind == "completion" else due.at
        if at <= now:
            to_do.append(Due(at, due.kind))
        else:
            later.append(at)
    return to_do, min(later, default=None)


def was_taken_back(order: OrderEvent, refunds: Iterable[tuple[datetime, str]]) -> bool:
    """Whether the order was paid back whole before the promised time: nobody waits for it any more (ORD-034).

    `refunds`: when each was paid back, and what it says as JSON. What was paid back later does not mend the promise.
    """
    by = order.promised_by
    return by is not None and came_back_whole(order, (said for at, said in refunds if at <= by))


def came_back_whole(order: OrderEvent, refunds: Iterable[str]) -> bool:
    """Whether these refunds (JSON texts) take the order back entirely, as every service judges it: by lines or the
    shop's mark, and by money only where there is neither."""
    standing = OrderStanding()
    standing.take(order)
    for said in refunds:
        standing.take_refund(OrderRefunded.model_validate_json(said))
    return standing.refunded_whole


def announced_as(kind: Kind, order: OrderEvent, at: datetime) -> str:
    """The name under which a fact that fell due is kept: of a promise its time, of a reminder that of the delivery."""
    if kind == "promise" and order.promised_by is not None:
        return f"{DeliveryPromiseBroken.TYPE}@{rfc3339(order.promised_by)}"
    return f"{OrderReceiptDue.TYPE if kind == 'receipt' else kind}@{rfc3339(order.delivered_at or at)}"
