"""Orders as a part of the fold: the newest version of each decides, and refunds are taken off (MEM-029)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import NamedTuple

from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.values.currency import minor_per_major
from membership.member import Member
from membership.orders.state import FINE, Order, OrderChange, Orders, Unmatched
from membership.part import Part, Work
from membership.qualification.history import Entry, Purchase


class OrdersPart(Part[Orders]):
    state = Orders

    def entries(self, member: Member) -> Iterable[Entry]:
        orders = Orders.of(member)
        for name, order in orders.by_id.items():
            if order.completed_at is not None:
                worth = _worth(order)
                purchase = Purchase(name, order.paid_at, worth.spend, worth.counts)
                yield Entry(order.completed_at, purchase.spend, int(worth.counts), purchase=purchase)
        for refund in orders.unmatched.values():
            yield Entry(refund.at, -refund.spend)


def on_order(work: Work, data: OrderEvent) -> None:
    """Paid, completed or closed; of two versions the higher revision counts for state and amounts."""
    order = Orders.of(work.member).by_id.setdefault(data.order_id, Order())
    was, before = order.completed_at, _worth(order)
    if order.take(data):
        order.unit = minor_per_major(data.currency) if data.currency == work.shop.currency_at(work.at) else 0
        if data.paid_at is not None:
            order.paid_at = data.paid_at.astimezone(UTC)
    if not isinstance(data, OrderClosed):
        # An order completed without having been paid before is paid now.
        order.paid_at = order.paid_at or work.at
    completed = order.completed and was is None
    work.order_id = data.order_id
    work.reason = "completed" if completed else "closed" if order.closed else "paid"
    if completed:
        order.completed_at = work.at
        work.evaluate = True
    work.note(OrderChange(data.order_id, order, completed, was is not None and before.counts))
    if completed:
        _enter(work, data.order_id, order, _NOTHING)
    elif was is not None and _enter(work, data.order_id, order, before):
        work.requalify = was, "refund" if order.void else "correction"


def on_refund(work: Work, data: OrderRefunded) -> None:
    """Part or all of an order's goods is paid back; one that comes before its order waits in the order's place."""
    orders = Orders.of(work.member)
    if data.order_id is None:
        _on_unmatched(work, orders, data)
        return
    order = orders.by_id.setdefault(data.order_id, Order())
    before = _worth(order)
    if not order.take_refund(data):
        return
    work.order_id, work.reason = data.order_id, "refunded"
    work.note(OrderChange(data.order_id, order, False, before.counts))
    if order.completed_at is not None and _enter(work, data.order_id, order, before):
        work.requalify = order.completed_at, "refund"


def _on_unmatched(work: Work, orders: Orders, data: OrderRefunded) -> None:
    """A refund of no known order: no points were earned by it, but it lessens the spend from now on."""
    if data.refund_id in orders.unmatched or data.currency != work.shop.currency_at(work.at):
        return
    refund = Unmatched(work.at, data.amount * FINE // minor_per_major(data.currency))
    orders.unmatched[data.refund_id] = refund
    work.history.add(Entry(work.at, -refund.spend))


class _Worth(NamedTuple):
    """What an order is worth to a tier: whether it counts, and what remains paid; `unit` minor units are 1.00."""

    counts: bool
    net: int
    unit: int

    @property
    def spend(self) -> int:
        """In thousandths, of an order that counts."""
        return self.net * FINE // self.unit if self.counts and self.unit else 0


_NOTHING = _Worth(False, 0, 0)


def _worth(order: Order) -> _Worth:
    """What a completed order is worth; nothing until it completes."""
    if order.completed_at is None:
        return _NOTHING
    if not order.counts:
        return _Worth(False, 0, order.unit)
    # As `net` of an order that counts, which is not void.
    return _Worth(True, max(0, order.goods - order.refunded), order.unit)


def _enter(work: Work, order_id: str, order: Order, before: _Worth) -> bool:
    """Tell the history what a completed order is now; False when it is worth what it was before."""
    assert order.completed_at is not None
    now = _worth(order)
    spend = now.spend
    purchase = Purchase(order_id, order.paid_at, spend, now.counts)
    work.history.add(Entry(order.completed_at, spend - before.spend, now.counts - before.counts, purchase=purchase))
    return now != before


OrdersPart.inputs = {OrderPaid: on_order, OrderCompleted: on_order, OrderClosed: on_order, OrderRefunded: on_refund}
PART = OrdersPart()
