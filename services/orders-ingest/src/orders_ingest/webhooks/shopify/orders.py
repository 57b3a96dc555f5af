"""Shopify's order, as it stands, in our words."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from orders_ingest.webhooks.shopify.refunds import LineItem, Refund, said_of
from orders_ingest.webhooks.state import Said, SentOrder
from orders_ingest.webhooks.vendor import Amount, Payload, Time, joined, minor, parsed, present

ZERO = Decimal(0)
_PAID = frozenset({"paid", "partially_refunded", "refunded"})
_UNDER_WAY = frozenset({"in_transit", "out_for_delivery", "attempted_delivery", "ready_for_pickup"})


class _Money(Payload):
    amount: Amount = ZERO


class _Set(Payload):
    shop_money: _Money = _Money()


class _Allocation(Payload):
    amount: Amount = ZERO


class _TaxLine(Payload):
    price: Amount = ZERO


class _Line(LineItem):
    name: str | None = None
    vendor: str | None = None
    quantity: int
    price: Amount
    discount_allocations: tuple[_Allocation, ...] = ()
    tax_lines: tuple[_TaxLine, ...] = ()


class _ShippingLine(Payload):
    tax_lines: tuple[_TaxLine, ...] = ()


class _Fulfillment(Payload):
    created_at: Time | None = None
    status: str | None = None
    shipment_status: str | None = None
    tracking_company: str | None = None
    tracking_number: str | None = None


class _Code(Payload):
    code: str
    amount: Amount = ZERO


class _Customer(Payload):
    id: str
    email: str | None = None


class _Address(Payload):
    name: str | None = None
    phone: str | None = None
    address1: str | None = None
    address2: str | None = None
    zip: str | None = None
    city: str | None = None
    province: str | None = None
    country: str | None = None


class Order(Payload):
    """What we read of it (REST Admin API, webhooks of the topics orders/…)."""

    id: str
    test: bool = False
    currency: str
    created_at: Time
    updated_at: Time
    processed_at: Time | None = None
    cancelled_at: Time | None = None
    closed_at: Time | None = None
    financial_status: str | None = None
    fulfillment_status: str | None = None
    total_price: Amount
    total_line_items_price: Amount | None = None
    total_shipping_price_set: _Set = _Set()
    taxes_included: bool = False
    line_items: tuple[_Line, ...] = ()
    shipping_lines: tuple[_ShippingLine, ...] = ()
    discount_codes: tuple[_Code, ...] = ()
    fulfillments: tuple[_Fulfillment, ...] = ()
    customer: _Customer | None = None
    shipping_address: _Address | None = None
    note: str | None = None
    source_name: str | None = None
    refunds: tuple[Refund, ...] = ()


def order_said(body: bytes, paid_now: bool) -> list[Said]:
    """The order and the refunds in it, of which one may have succeeded since; nothing of a test order.

    `paid_now`: the delivery itself says that it was paid just then.
    """
    order = parsed(Order, body)
    if order.test:
        return []
    currency = order.currency
    freight = order.total_shipping_price_set.shop_money.amount
    if not order.taxes_included:
        freight += sum((tax.price for line in order.shipping_lines for tax in line.tax_lines), ZERO)
    sent = [f for f in order.fulfillments if f.status in (None, "success", "open", "pending")]
    last = sent[-1] if sent else _Fulfillment()
    address = order.shipping_address or _Address()
    paid_at = (order.updated_at if paid_now else order.processed_at or order.created_at) if _is_paid(order) else None
    fields = {
        "customer": order.customer.id if order.customer else None,
        "time": order.updated_at,
        "state": _state(order, sent),
        "currency": currency,
        "goods_paid": max(0, minor(order.total_price - freight, currency)),
        "freight": minor(freight, currency),
        "list_total": None if order.total_line_items_price is None else minor(order.total_line_items_price, currency),
        "lines": [_line(line, order.taxes_included, currency) for line in order.line_items],
        "promotions": [
            {"kind": "secret_code", "code": code.code, "amount": minor(code.amount, currency)}
            for code in order.discount_codes
        ],
        "placed_at": order.created_at,
        "paid_at": paid_at,
        "shipped_at": _first(sent),
        "completed_at": order.closed_at if _state(order, sent) == "completed" else None,
        "closed_at": order.cancelled_at,
        "carrier": last.tracking_company,
        "tracking": last.tracking_number,
        "platform": "shopify",
        "traffic_source": order.source_name,
        "region": address.province,
        "city": address.city,
        "remark": order.note,
        "recipient": address.name,
        "recipient_phone": address.phone,
        "address": joined(address.address1, address.address2, address.zip, address.city, address.country),
    }
    email = order.customer.email if order.customer else None
    sent_order = SentOrder(order.id, present(fields), frozenset() if paid_now else frozenset({"paid_at"}), email)
    refunds = [said for refund in order.refunds for said in said_of(refund, currency)]
    return [sent_order, *refunds]


def _is_paid(order: Order) -> bool:
    return order.financial_status in _PAID


def _state(order: Order, sent: list[_Fulfillment]) -> str:
    if order.cancelled_at is not None:
        return "closed"
    if order.fulfillment_status != "fulfilled":
        return "paid" if _is_paid(order) else "placed"
    # An order is archived (closed) when nothing is left to do with it.
    if order.closed_at is not None and _is_paid(order):
        return "completed"
    reported = [f.shipment_status for f in sent]
    if reported and all(status == "delivered" for status in reported):
        return "delivered"
    return "in_transit" if any(status in _UNDER_WAY for status in reported) else "shipped"


def _first(sent: list[_Fulfillment]) -> datetime | None:
    return min((f.created_at for f in sent if f.created_at is not None), default=None)


def _line(line: _Line, taxes_included: bool, currency: str) -> dict[str, Any]:
    paid = line.price * line.quantity - sum((part.amount for part in line.discount_allocations), ZERO)
    if not taxes_included:
        paid += sum((tax.price for tax in line.tax_lines), ZERO)
    return present(
        {
            "sku": line.sold_as,
            "name": line.name or line.title,
            "brand": line.vendor,
            "kind": "gift" if line.price == 0 else "goods",
            "quantity": line.quantity,
            "unit_price": minor(line.price, currency),
            "paid": max(0, minor(paid, currency)),
        }
    )
