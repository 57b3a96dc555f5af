"""Orders as a part of the fold: the newest version of each decides, and refunds are taken off (MEM-029)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, NamedTuple

from common.events import Event
from common.events.orders import OrderClosed, OrderCompleted, OrderEvent, OrderPaid, OrderRefunded
from common.events.standing import REFUND_FIELDS, VERSION_FIELDS
from common.fold.items import EVERYTHING, Wanted
from common.values.currency import minor_per_major
from membership.member import Member
from membership.orders.state import FINE, ORDER, UNMATCHED, Order, OrderChange, Orders
from membership.part import Part, Work
from membership.programme.versions import ShopRules
from membership.qualification.history import Entry, Purchase


class OrdersPart(Part[Orders]):
    name = Orders.NAME
    state = Orders
    shares = (ORDER, UNMATCHED)


def _wants(member: Member, event: Event[Any], shop: ShopRules) -> Wanted:
    data: OrderEvent | OrderRefunded = event.data
    if data.order_id is None:
        assert isinstance(data, OrderRefunded)
        return (UNMATCHED.name(data.refund_id),)
    name = ORDER.name(data.order_id)
    if not member.items.has(name):
        return (name,)
    order = ORDER.get(member, data.order_id)
    # What completed is worth something else: tiers and points of since then follow from the whole history.
    changes = order is not None and _changes_completed(order, data, event.time, shop)
    return (EVERYTHING,) if changes else (name,)


def _changes_completed(order: Order, data: OrderEvent | OrderRefunded, at: datetime, shop: ShopRules) -> bool:
    """Whether a completed order is worth something else after the event."""
    if order.completed_at is None:
        return False
    after = replace(order)
    taken = after.take_refund(data) if isinstance(data, OrderRefunded) else _take(after, data, at, shop)
    return taken and _worth(after) != _worth(order)


def _take(order: Order, data: OrderEvent, at: datetime, shop: ShopRules) -> bool:
    """Take over what the version says; False where a newer one is known.

    What it earns by follows from the shop's currency when it was paid, whatever that is at a later version.
    """
    if not order.take(data):
        return False
    if data.paid_at is not None:
        order.paid_at = data.paid_at.astimezone(UTC)
    own = data.currency == shop.currency_at(order.paid_at or at)
    order.unit = minor_per_major(data.currency) if own else 0
    return True


def on_order(work: Work, data: OrderEvent) -> None:
    """Paid, completed or closed; of two versions the higher revision counts for state and amounts."""
    order = ORDER.change(work.member, data.order_id)
    was, before = order.completed_at, _worth(order)
    _take(order, data, work.at, work.shop)
    if not isinstance(data, OrderClosed):
        # An order completed without having been paid before is paid now.
        order.paid_at = order.paid_at or work.at
    completed = order.completed and was is None
    work.order_id = data.order_id
    work.reason = "completed" if completed else "closed" if order.closed else "paid"
    if completed:
        order.completed_at = work.at
        work.evaluate = True
    work.note(OrderChange(data.order_id, order, completed, was is not None and before.counts, before.currency))
    if completed:
        _enter(work, data.order_id, order, _NOTHING)
    elif was is not None and _enter(work, data.order_id, order, before):
        work.requalify = was, "refund" if order.void else "correction"


def on_refund(work: Work, data: OrderRefunded) -> None:
    """Part or all of an order's goods is paid back; one that comes before its order waits in the order's place."""
    if data.order_id is None:
        _on_unmatched(work, data)
        return
    order = ORDER.change(work.member, data.order_id)
    before = _worth(order)
    if not order.take_refund(data):
        return
    work.order_id, work.reason = data.order_id, "refunded"
    work.note(OrderChange(data.order_id, order, False, before.counts, before.currency))
    if order.completed_at is not None and _enter(work, data.order_id, order, before):
        work.requalify = order.completed_at, "refund"


def _on_unmatched(work: Work, data: OrderRefunded) -> None:
    """A refund of no known order: no points were earned by it, but it lessens the spend from now on."""
    if UNMATCHED.get(work.member, data.refund_id) is not None:
        return
    refund = UNMATCHED.change(work.member, data.refund_id)
    refund.spend = data.amount * FINE // minor_per_major(data.currency)
    work.enter(Entry(work.at, -refund.spend, currency=data.currency))


class _Worth(NamedTuple):
    """What an order is worth to a tier: whether it counts, what remains paid, in which currency, and whether that was
    the shop's own when it was paid.
    """

    counts: bool
    net: int
    currency: str
    own: bool

    @property
    def spend(self) -> int:
        """In thousandths of its currency, of an order that counts."""
        return self.net * FINE // minor_per_major(self.currency) if self.counts else 0


_NOTHING = _Worth(False, 0, "", False)


def _worth(order: Order) -> _Worth:
    """What a completed order is worth; nothing until it completes."""
    if order.completed_at is None:
        return _NOTHING
    if not order.counts:
        return _Worth(False, 0, order.currency, bool(order.unit))
    # As `net` of an order that counts, which is not void.
    return _Worth(True, max(0, order.goods - order.refunded), order.currency, bool(order.unit))


def _enter(work: Work, order_id: str, order: Order, before: _Worth) -> bool:
    """Enter what a completed order is worth now; False when it is worth what it was before."""
    assert order.completed_at is not None
    now = _worth(order)
    purchase = Purchase(order_id, order.paid_at, now.spend if now.own else 0, now.counts)
    Orders.of(work.member).counting += now.counts - before.counts
    if before.counts and now.currency != before.currency:
        work.enter(Entry(order.completed_at, -before.spend, -1, currency=before.currency))
        before = _NOTHING
    spend, counted = now.spend - before.spend, now.counts - before.counts
    work.enter(Entry(order.completed_at, spend, counted, purchase=purchase, currency=now.currency))
    return now != before


OrdersPart.inputs = {OrderPaid: on_order, OrderCompleted: on_order, OrderClosed: on_order, OrderRefunded: on_refund}
OrdersPart.wants = dict.fromkeys(OrdersPart.inputs, _wants)
OrdersPart.reads = {
    OrderPaid: (*VERSION_FIELDS, "paid_at"),
    OrderCompleted: (*VERSION_FIELDS, "paid_at"),
    OrderClosed: (*VERSION_FIELDS, "paid_at"),
    OrderRefunded: REFUND_FIELDS,
}
PART = OrdersPart()
