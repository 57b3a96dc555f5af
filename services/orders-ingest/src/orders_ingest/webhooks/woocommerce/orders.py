"""WooCommerce's order, with the refunds that stand in it, in our words."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator

from orders_ingest.webhooks.state import Said, SentOrder, SentRefund
from orders_ingest.webhooks.vendor import Amount, Payload, minor, parsed, present
from orders_ingest.webhooks.woocommerce.customers import Address, GmtTime, Title

ZERO = Decimal(0)
STATES = {
    "pending": "placed",
    "on-hold": "placed",
    "failed": "placed",
    "processing": "paid",
    "completed": "completed",
    "cancelled": "closed",
}
"""`refunded` is judged by what came before it; drafts and what is in the bin are no orders."""


OptionalAmount = Annotated[Amount | None, BeforeValidator(lambda text: None if text == "" else text)]
"""WooCommerce writes "" for no amount."""


class _Line(Payload):
    name: Title | None = None
    sku: str | None = None
    product_id: str | None = None
    variation_id: str | None = None
    quantity: int
    total: Amount = ZERO
    total_tax: Amount = ZERO
    price: Amount | None = None


class _Coupon(Payload):
    code: str
    discount: Amount = ZERO


class _Refund(Payload):
    id: str
    reason: str | None = None
    total: Amount


class Order(Payload):
    """What we read of it (REST API v3, webhooks of the topics order.…)."""

    id: str
    status: str
    currency: str
    date_created_gmt: GmtTime
    date_modified_gmt: GmtTime
    date_paid_gmt: GmtTime | None = None
    date_completed_gmt: GmtTime | None = None
    discount_total: Amount = ZERO
    shipping_total: Amount = ZERO
    shipping_tax: Amount = ZERO
    total: Amount
    customer_id: str = "0"
    customer_note: str | None = None
    created_via: str | None = None
    billing: Address = Address()
    shipping: Address = Address()
    line_items: tuple[_Line, ...] = ()
    coupon_lines: tuple[_Coupon, ...] = ()
    refunds: tuple[_Refund, ...] = ()


def order_said(body: bytes) -> list[Said]:
    """The order and its refunds; a guest's order (customer 0) is nobody's."""
    order = parsed(Order, body)
    state = _state(order)
    if state is None:
        return []
    currency = order.currency
    freight = order.shipping_total + order.shipping_tax
    address = order.shipping if order.shipping.line else order.billing
    customer = order.customer_id if order.customer_id != "0" else None
    fields = {
        "customer": customer,
        "time": order.date_modified_gmt,
        "state": state,
        "currency": currency,
        "goods_paid": max(0, minor(order.total - freight, currency)),
        "freight": minor(freight, currency),
        "list_total": max(0, minor(order.total - freight + order.discount_total, currency)),
        "lines": [_line(line, currency) for line in order.line_items],
        "promotions": [
            {"kind": "coupon", "code": coupon.code, "amount": minor(coupon.discount, currency)}
            for coupon in order.coupon_lines
        ],
        "placed_at": order.date_created_gmt,
        "paid_at": order.date_paid_gmt,
        "completed_at": order.date_completed_gmt if state == "completed" else None,
        "closed_at": order.date_modified_gmt if state == "closed" else None,
        "platform": "woocommerce",
        "traffic_source": order.created_via,
        "region": address.state,
        "city": address.city,
        "remark": order.customer_note,
        "recipient": address.person,
        "recipient_phone": address.phone or order.billing.phone,
        "address": address.line,
    }
    sent = SentOrder(order.id, present(fields), frozenset({"closed_at"}), order.billing.email)
    return [sent, *_refunds(order, customer)]


def _state(order: Order) -> str | None:
    if order.status == "refunded":
        # What was paid back had been paid, also where no date says so.
        return "completed" if order.date_completed_gmt else "paid"
    return STATES.get(order.status)


def _line(line: _Line, currency: str) -> dict[str, Any]:
    variation = line.variation_id if line.variation_id != "0" else None
    price = line.price if line.price is not None and line.quantity else None
    return present(
        {
            "sku": line.sku or variation or line.product_id or line.name or "?",
            "name": line.name,
            "kind": "gift" if not line.total and not line.price else "goods",
            "quantity": line.quantity,
            "unit_price": None if price is None else max(0, minor(price, currency)),
            "paid": max(0, minor(line.total + line.total_tax, currency)),
        }
    )


def _refunds(order: Order, customer: str | None) -> list[SentRefund]:
    """WooCommerce says one sum a refund: of goods while any are left, then of postage."""
    left = max(ZERO, order.total - order.shipping_total - order.shipping_tax)
    found = []
    for refund in sorted(order.refunds, key=lambda one: int(one.id) if one.id.isdecimal() else 0):
        total = abs(refund.total)
        goods = min(total, left)
        left -= goods
        data = {
            "order_id": order.id,
            "amount": minor(goods, order.currency),
            "freight": minor(total - goods, order.currency),
            "currency": order.currency,
        }
        reason = present({"reason": refund.reason})
        found.append(SentRefund(refund.id, order.date_modified_gmt, data | reason, customer))
    return found
