"""The model: what must come of a set of events, in plain Python that shares no line with the services.

Rules restated from the specification: a customer's events count in order of time; a tier is reached by 500, 2,000
or 5,000 of net spend, or by 3, 8 or 20 completed orders; an order earns floor(net paid x factor of the tier held when
it was paid); refunds and closing lower what is net; points are pending until the order is completed. Amounts are in
minor units. Who brings a friend gets 500 points and the friend 200, while an order of the friend's counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from chaos.answers import ACKED, Referral

_LADDER = ((500_000, 20, 200), (200_000, 8, 150), (50_000, 3, 120))
"""Net spend, completed orders, percent of points; the lowest tier earns 100."""
_FOR_REFERRER, _FOR_FRIEND = 500, 200
_RANK = {"order.placed": 0, "order.paid": 1, "order.completed": 2, "order.closed": 3, "order.refunded": 4}


@dataclass(slots=True)
class Order:
    paid: int = 0
    refunds: dict[str, int] = field(default_factory=dict)
    percent: int | None = None
    completed: bool = False
    closed: bool = False

    @property
    def refunded(self) -> int:
        return sum(self.refunds.values())

    @property
    def net(self) -> int:
        return 0 if self.closed else max(0, self.paid - self.refunded)

    @property
    def counts(self) -> bool:
        """Neither closed nor refunded whole."""
        return self.completed and not self.closed and not (self.refunded and self.refunded >= self.paid)

    @property
    def points(self) -> int:
        return self.net * (self.percent or 0) // 10_000


@dataclass(slots=True)
class Customer:
    orders: dict[str, Order] = field(default_factory=dict)

    @property
    def percent(self) -> int:
        """Of points earned, by the tier that the completed orders justify."""
        counted = [order for order in self.orders.values() if order.counts]
        spend = sum(order.net for order in counted)
        return next((p for money, orders, p in _LADDER if spend >= money or len(counted) >= orders), 100)

    @property
    def points(self) -> int:
        return sum(order.points for order in self.orders.values())

    @property
    def counts(self) -> bool:
        """Whether any order does."""
        return any(order.counts for order in self.orders.values())

    @property
    def pending(self) -> int:
        return sum(order.points for order in self.orders.values() if not order.completed)


def count(events: Iterable[Mapping[str, Any]]) -> dict[str, Customer]:
    """Customers by name, after each of these events counted once; the order given does not matter."""
    customers: dict[str, Customer] = {}
    for event in sorted(events, key=lambda e: (e["time"], _RANK.get(e["type"], -1), e["id"])):
        customer = customers.setdefault(event["subject"], Customer())
        if event["type"] not in _RANK or event["type"] == "order.placed":
            continue
        order = customer.orders.setdefault(event["data"]["order_id"], Order())
        if event["type"] == "order.refunded":
            order.refunds[event["data"]["refund_id"]] = event["data"]["amount"]
            continue
        order.paid = event["data"]["goods_paid"]
        if event["type"] == "order.closed":
            order.closed = True
            continue
        if order.percent is None:
            order.percent = customer.percent
        if event["type"] == "order.completed":
            order.completed = True
    return customers


def rewards(customers: Mapping[str, Customer], referrals: Iterable[Referral]) -> Counter[str]:
    """Points for friends, by customer."""
    given: Counter[str] = Counter()
    for referral in referrals:
        friend = customers.get(referral.friend)
        if referral.answer == ACKED and friend is not None and friend.counts:
            given[referral.referrer] += _FOR_REFERRER
            given[referral.friend] += _FOR_FRIEND
    return given
