"""Whether a refund counts: it fits its order, waits for the order or its payment, or is refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from common.events import Event
from common.events.orders import OrderRefunded
from common.refusals import Conflict
from orders_ingest.orders.state import KnownOrder
from orders_ingest.refunds.state import KnownRefund, Named


class RefundKnown(Conflict):
    """A refund's id counts once in the shop."""

    def __init__(self) -> None:
        super().__init__("refund_known", "this refund_id was sent before by another event: it counts once")


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

    One that was set aside, or waits for another order, may come anew. Raises RefundKnown, WrongCurrency and
    RefundExceedsPaid, changing nothing.
    """
    data = event.data
    if before is not None and not (
        before.state == "set_aside" or (before.state == "held" and before.order_id != data.order_id)
    ):
        raise RefundKnown
    refund = KnownRefund("held", data.order_id, event, body)
    if data.order_id is None:
        refund.state = "counted"
    elif order is not None:
        reason = objection(data, order)
        if reason is not None and not waits(reason, order):
            raise reason
        settle(refund, order)
    return refund


def held_for(refunds: Iterable[tuple[Named, KnownRefund]], shop: str, order_id: str) -> list[KnownRefund]:
    """Those that wait for the order, in the order given."""
    return [r for (of, _), r in refunds if r.state == "held" and (of, r.order_id) == (shop, order_id)]


def settle(refund: KnownRefund, order: KnownOrder) -> None:
    """A held refund whose order is known: counted, set aside, or held on until the order is paid."""
    data: OrderRefunded = _event(refund).data
    reason = objection(data, order)
    if reason is None:
        refund.state = "counted"
        order.refunded += data.amount
        order.refunded_freight += data.freight
        order.refunds += 1
    elif not waits(reason, order):
        refund.state, refund.slug = "set_aside", reason.slug


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
