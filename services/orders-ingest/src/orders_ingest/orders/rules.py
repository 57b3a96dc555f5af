"""Rules of an order's versions: the one customer that it belongs to, and the rank by which the newest counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from common.events import CustomerKey, Event
from common.events.orders import OrderEvent
from common.refusals import Conflict
from orders_ingest.identity.by_mail import is_named_by_mail
from orders_ingest.orders.state import KnownOrder, Rank
from orders_ingest.versions.rules import VersionMixed, revision_of, state_bit, state_number


class OtherCustomer(Conflict):
    """The order belongs to somebody else: it has one owner, for ever."""

    def __init__(self, order_id: str) -> None:
        super().__init__("other_customer", f"order {order_id} belongs to another customer")


class CurrencyChanged(Conflict):
    """What was paid back of the order would be so much of another currency."""

    def __init__(self, order_id: str, currency: str) -> None:
        super().__init__(
            "wrong_currency", f"order {order_id} is in {currency}, in which refunds of it count: keep to {currency}"
        )


def rank_of(event: Event[OrderEvent]) -> Rank:
    """The rank of a version among those of its order."""
    return revision_of(event), state_number(event), event.source, event.id


def claims(order: KnownOrder | None, event: Event[OrderEvent]) -> bool:
    """Whether this version gives an order that was nobody's its customer."""
    return order is not None and not order.customer and event.subject is not None


def told_again(order: KnownOrder, data: OrderEvent) -> bool:
    """Whether the order was told in this state before; notes that it is told now (ORD-031)."""
    bit = state_bit(data.state)
    again = bool(order.reached & bit)
    order.reached |= bit
    return again


def with_version(
    order: KnownOrder | None, event: Event[OrderEvent], survivors: Mapping[CustomerKey, CustomerKey]
) -> KnownOrder:
    """The order with one more version (None: its first). `survivors`: of those who were absorbed.

    Raises OtherCustomer, VersionMixed and CurrencyChanged, changing nothing.
    """
    data, subject, rank = event.data, event.subject or "", rank_of(event)
    numbered = data.version is not None
    if order is None:
        return KnownOrder(subject, numbered, rank, data.state, data.currency, data.goods_paid, data.freight)
    if order.customer and subject and not _are_one(event.shop, order.customer, subject, survivors):
        raise OtherCustomer(data.order_id)
    if order.numbered != numbered:
        raise VersionMixed(f"order {data.order_id}", order.numbered)
    if order.paid_back and rank > order.rank and data.currency != order.currency:
        raise CurrencyChanged(data.order_id, order.currency)
    if not order.customer:
        order.customer = subject
    if rank > order.rank:
        order.rank, order.state, order.currency = rank, data.state, data.currency
        order.goods_paid, order.freight = data.goods_paid, data.freight
    return order


def _are_one(shop: str, one: str, other: str, survivors: Mapping[CustomerKey, CustomerKey]) -> bool:
    """Whether two identifiers may be one person's: whom an export names by e-mail, another door names otherwise."""
    a, b = (shop, one), (shop, other)
    if a == b or survivors.get(a, a) == survivors.get(b, b):
        return True
    return is_named_by_mail(one) != is_named_by_mail(other)


def bought_at(order: OrderEvent, at: datetime) -> datetime:
    """When an order was made, as far as its version says: as of then its lines are marked (ORD-008)."""
    return order.placed_at or order.deposit_paid_at or order.paid_at or at


def units_of(lines: Iterable[Mapping[str, Any]]) -> int:
    """Pieces of goods sold in an order; gifts and samples are no units (ORD-007, ORD-010). Lines as they are stored."""
    return sum(line["quantity"] for line in lines if line.get("kind", "goods") == "goods")
