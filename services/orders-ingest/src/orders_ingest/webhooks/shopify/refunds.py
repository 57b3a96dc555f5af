"""Shopify's refund in our words: what was paid back, of goods and of postage."""

from __future__ import annotations

from decimal import Decimal

from pydantic import AwareDatetime

from orders_ingest.webhooks.state import Said, SentRefund
from orders_ingest.webhooks.vendor import Payload, minor, parsed, present

ZERO = Decimal(0)


class _Transaction(Payload):
    kind: str
    status: str | None = None
    amount: Decimal = ZERO
    currency: str | None = None


class _Adjustment(Payload):
    kind: str | None = None
    amount: Decimal = ZERO
    tax_amount: Decimal = ZERO


class _Line(Payload):
    sku: str | None = None
    variant_id: str | None = None
    product_id: str | None = None
    title: str | None = None


class _RefundLine(Payload):
    quantity: int
    subtotal: Decimal = ZERO
    total_tax: Decimal = ZERO
    line_item: _Line = _Line()


class Refund(Payload):
    """What we read of it (webhooks of the topic refunds/create)."""

    id: str
    order_id: str
    created_at: AwareDatetime
    note: str | None = None
    transactions: tuple[_Transaction, ...] = ()
    order_adjustments: tuple[_Adjustment, ...] = ()
    refund_line_items: tuple[_RefundLine, ...] = ()


def refund_said(body: bytes, currency: str) -> list[Said]:
    """The refund; nothing where goods went back to the shelf and no money to the customer."""
    refund = parsed(Refund, body)
    paid = [t for t in refund.transactions if t.kind == "refund" and t.status in (None, "success", "pending")]
    total = sum((t.amount for t in paid), ZERO)
    if total <= 0:
        return []
    currency = next((t.currency for t in paid if t.currency), currency)
    postage = -sum((a.amount + a.tax_amount for a in refund.order_adjustments if a.kind == "shipping_refund"), ZERO)
    postage = min(max(postage, ZERO), total)
    data = {
        "order_id": refund.order_id,
        "amount": minor(total - postage, currency),
        "freight": minor(postage, currency),
        "currency": currency,
        "reason": refund.note,
        "lines": [
            {
                "sku": one.line_item.sku or one.line_item.variant_id or one.line_item.title or "?",
                "quantity": one.quantity,
                "paid": minor(max(ZERO, one.subtotal), currency),
            }
            for one in refund.refund_line_items
        ],
    }
    return [SentRefund(refund.id, refund.created_at, present(data) | {"amount": data["amount"]})]
