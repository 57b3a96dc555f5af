"""Whether a refund counts: it fits its order, waits for the order or its payment, or is refused."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from common.events import Event
from common.events.orders import OrderRefunded
from common.refusals import Conflict
from orders_ingest.orders.state import KnownOrder, PaidBack
from orders_ingest.refunds.state import KnownRefund, Named


class RefundKnown(Conflict):
    """A refund's id counts once in the shop."""

    def __init__(self) -> None:
        super().__init__("refund_known", "this refund_id was sent before by another event: it counts once")


class NothingMore(Exception):
    """A sum of all that was paid back is no more than what counts: nothing is to be published."""


class WrongCurrency(Conflict):
    """A refund in another currency than its order's."""

    def __init__(self, currency: str) -> None:
        super().__init__("wrong_currency", f"the order is in {currency}: refund it in {currency}")


class RefundExceedsPaid(Conflict):
    """More than is left of what was paid, over all refunds of the order; amounts in minor units."""

    def __init__(self, goods: int, freight: int) -> None:
        super().__init__(
            "refund_exceeds_paid",
            f"of the order {goods} are left to refund for goods (`amount`), and {freight} for freight (minor units)",
        )


def received(
    before: KnownRefund | None, event: Event[OrderRefunded], body: bytes, order: KnownOrder | None
) -> KnownRefund:
    """What becomes of a refund that came now; `before`: the one known by its id, `order`: None where it is not known.

    One that was set aside, or waits for another order, may come anew. Raises RefundKnown, NothingMore, WrongCurrency
    and RefundExceedsPaid, changing nothing.
    """
    data = event.data
    if before is not None and not (
        before.state == "set_aside" or (before.state == "held" and before.order_id != data.order_id)
    ):
        raise RefundKnown if data.in_all_at is None else NothingMore
    refund = KnownRefund("held", data.order_id, event, body)
    if data.order_id is None:
        refund.state = "counted"
        if data.in_all_at is not None or data.counted_before:
            refund.event = event.with_data(data.having(in_all_at=None, counted_before=0))
    elif order is not None:
        left = counting(data, event.time, order)
        if says_nothing(left):
            raise NothingMore
        reason = objection(left, order)
        if reason is not None and not waits(reason, order):
            raise reason
        settle(refund, order)
    return refund


def held_for(refunds: Iterable[tuple[Named, KnownRefund]], shop: str, order_id: str) -> list[KnownRefund]:
    """Those that wait for the order, in the order given."""
    return [r for (of, _), r in refunds if r.state == "held" and (of, r.order_id) == (shop, order_id)]


def settle(refund: KnownRefund, order: KnownOrder) -> None:
    """A held refund whose order is known: counted, set aside, or held on until the order is paid."""
    event = _event(refund)
    data = counting(event.data, event.time, order)
    reason = RefundKnown() if says_nothing(data) else objection(data, order)
    if reason is None:
        refund.state = "counted"
        if data is not event.data:
            refund.event = event.with_data(data)
        back = PaidBack(event.time, data.amount + data.freight, data.in_all_at, data.counted_before)
        order.pay_back(data.amount, data.freight, back)
    elif not waits(reason, order):
        refund.state, refund.slug = "set_aside", reason.slug


def counting(refund: OrderRefunded, at: datetime, order: KnownOrder) -> OrderRefunded:
    """What of a refund counts beside those that count, so that nothing counts twice, whichever comes first.

    A sum of all: what it has more than counted until then. A single refund that was before such a sum: what is more
    than the sum counted for refunds that nobody had told.
    """
    if refund.currency != order.currency:
        return refund
    told = refund.amount + refund.freight
    if refund.in_all_at is not None:
        before = sum(one.amount for one in order.paid_back if one.in_all_at is not None or one.at <= refund.in_all_at)
        return _parted(refund, max(0, told - before), 0, order)
    before = min(told, _not_told_singly(order, at))
    if any(one.in_all_at is not None for one in order.paid_back):
        return _parted(refund, told - before, before, order)
    return refund.having(counted_before=0) if refund.counted_before else refund


def _not_told_singly(order: KnownOrder, at: datetime) -> int:
    """Of sums that reach to this time, what no single refund has accounted for yet."""
    sums = [one for one in order.paid_back if one.in_all_at is not None]
    if not any(at <= one.in_all_at for one in sums if one.in_all_at is not None):
        return 0
    return sum(one.amount for one in sums) - sum(one.counted_before for one in order.paid_back)


def _parted(refund: OrderRefunded, rest: int, before: int, order: KnownOrder) -> OrderRefunded:
    """The refund of `rest` alone: of freight what it says, of goods what remains, each as far as it is left.

    A sum of all does not say what of it was freight, so that one may have taken the other's room.
    """
    freight = min(refund.freight, max(0, order.freight - order.refunded_freight), rest)
    goods = min(rest - freight, max(0, order.goods_paid - order.refunded))
    if (goods, rest - goods, before) == (refund.amount, refund.freight, refund.counted_before):
        return refund
    return refund.having(amount=goods, freight=rest - goods, counted_before=before)


def says_nothing(refund: OrderRefunded) -> bool:
    """A sum of all, of which everything has counted."""
    return refund.in_all_at is not None and not (refund.amount or refund.freight)


def waits(reason: Conflict, order: KnownOrder) -> bool:
    """More than was paid of an order that is not paid yet, as far as is known: its payment is still on the way."""
    return isinstance(reason, RefundExceedsPaid) and order.state == "placed"


def objection(refund: OrderRefunded, order: KnownOrder) -> Conflict | None:
    """Why an order cannot have this refund: its currency, or more goods, or more freight, than were paid.

    Each is bounded by itself: freight paid back takes no room from goods.
    """
    if refund.currency != order.currency:
        return WrongCurrency(order.currency)
    goods = max(0, order.goods_paid - order.refunded)
    freight = max(0, order.freight - order.refunded_freight)
    if refund.amount > goods or refund.freight > freight:
        return RefundExceedsPaid(goods, freight)
    return None


def _event(refund: KnownRefund) -> Event[Any]:
    assert refund.event is not None, "a refund that is not counted is known as it came"
    return refund.event
