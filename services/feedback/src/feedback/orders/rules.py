"""Completed orders: when the question about each falls due, and whether the order counts then."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from common.events import Event
from common.events.orders import OrderEvent, OrderRefunded
from common.events.standing import OrderStanding
from feedback.policy.state import Version, due_at, in_force

OrderKey = tuple[str, str, str]
"""(shop, customer, order_id)"""
_LINES = {"__all__": {"sku", "quantity", "kind"}}
_OF_VERSION = {"order_id": True, "state": True, "revision": True, "currency": True, "goods_paid": True, "lines": _LINES}
_OF_REFUND = {
    "refund_id": True,
    "order_id": True,
    "amount": True,
    "freight": True,
    "currency": True,
    "whole": True,
    "lines": _LINES,
}


@dataclass(frozen=True, slots=True)
class OrderInput:
    """One version or refund of an order; `cause` is `source#id` of its event, `rank` that of its type."""

    shop: str
    customer: str
    order_id: str
    cause: str
    at: datetime
    rank: int
    correlation_id: str | None
    body: OrderEvent | OrderRefunded

    @property
    def order(self) -> OrderKey:
        return self.shop, self.customer, self.order_id


@dataclass(frozen=True, slots=True)
class CompletedOrder:
    """An order that was completed; `cause` is `source#id` of the event that first said so.

    `due_at` is when the question about it falls due: None where the shop asks nobody. `counts`: at that time it was
    neither closed nor refunded whole.
    """

    shop: str
    customer: str
    order_id: str
    completed_at: datetime
    cause: str
    correlation_id: str | None
    due_at: datetime | None
    counts: bool = True

    @property
    def key(self) -> OrderKey:
        return self.shop, self.customer, self.order_id

    @property
    def rank(self) -> tuple[datetime, str]:
        """The first order is the earliest; of equal times the smaller id, so that order of arrival does not matter."""
        return self.completed_at, self.order_id


def order_inputs(events: Iterable[Event[Any]]) -> list[OrderInput]:
    """Events of orders and refunds as inputs, in their order; without those of no customer or of no known order."""
    found = []
    for event in events:
        if event.subject is None or event.data.order_id is None:
            continue
        found.append(
            OrderInput(
                shop=event.shop,
                customer=event.subject,
                order_id=event.data.order_id,
                cause=f"{event.source}#{event.id}",
                at=event.time,
                rank=event.data.RANK,
                correlation_id=event.correlationid,
                body=event.data,
            )
        )
    return found


def essence(body: OrderEvent | OrderRefunded) -> dict[str, Any]:
    """What is kept of a version or a refund: all that its order's standing follows from, and no personal data."""
    included: Any = _OF_REFUND if isinstance(body, OrderRefunded) else _OF_VERSION
    return body.model_dump(mode="json", include=included, exclude_defaults=True)


def completed_order(inputs: Iterable[OrderInput], versions: Iterable[Version]) -> CompletedOrder | None:
    """What all inputs of one order come to, in whatever order they are given; None when none says completed.

    Whether it counts follows from what had happened when its question fell due, so that a question does not depend
    on how late it is asked: a refund of after that is too late to take it back. Where the shop asks nobody, the days of
    that policy hold all the same.
    """
    known = sorted(inputs, key=lambda i: (i.at, i.rank, i.cause))
    first = next((i for i in known if isinstance(i.body, OrderEvent) and i.body.state == "completed"), None)
    if first is None:
        return None
    versions = tuple(versions)
    evaluated_at = first.at + timedelta(days=in_force(versions, first.at).policy.usage_question_days)
    standing = OrderStanding()
    for given in known:
        if given.at > evaluated_at:
            break
        if isinstance(given.body, OrderRefunded):
            standing.take_refund(given.body)
        else:
            standing.take(given.body)
    return CompletedOrder(
        *first.order, first.at, first.cause, first.correlation_id, due_at(first.at, versions), standing.counts
    )


def completed_orders(inputs: Iterable[OrderInput], versions: Iterable[Version]) -> list[CompletedOrder]:
    """The completed ones among the orders of a shop, by key; all inputs of each are given."""
    versions = tuple(versions)
    by_order = groupby(sorted(inputs, key=lambda i: i.order), key=lambda i: i.order)
    return [order for _, mine in by_order if (order := completed_order(mine, versions)) is not None]


def first_of(orders: Iterable[CompletedOrder]) -> CompletedOrder | None:
    """The first of one customer's orders that counts: the usage question is about it (FBK-007)."""
    return min((o for o in orders if o.counts), key=lambda o: o.rank, default=None)
