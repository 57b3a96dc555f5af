"""Shopify's refund in our words: what was paid back, of goods and of postage."""

from __future__ import annotations

from decimal import Decimal

from orders_ingest.webhooks.state import Said, SentRefund
from orders_ingest.webhooks.vendor import Amount, Payload, Time, minor, parsed, present

ZERO = Decimal(0)


class _Transaction(Payload):
    kind: str
    status: str | None = None
    amount: Amount = ZERO
    currency: str | None = None


class _Adjustment(Payload):
    kind: str | None = None
    amount: Amount = ZERO
    tax_amount: Amount = ZERO


class LineItem(Payload):
    """What a line of an order is of, in the order and in its refunds."""

    sku: str | None = None
    variant_id: str | None = None
    product_id: str | None = None
    title: str | None = None

    @property
    def sold_as(self) -> str:
        """The SKU, or what there is in its place: a refund's line finds the order's by it."""
        return self.sku or self.variant_id or self.product_id or self.title or "?"


class _RefundLine(Payload):
    quantity: int
    subtotal: Amount = ZERO
    total_tax: Amount = ZERO
    line_item: LineItem = LineItem()


class Refund(Payload):
    """What we read of it (webhooks of the topic refunds/create)."""

    id: str
    order_id: str
    created_at: Time
    note: str | None = None
    transactions: tuple[_Transaction, ...] = ()
    order_adjustments: tuple[_Adjustment, ...] = ()
    refund_line_items: tuple[_RefundLine, ...] = ()


def refund_said(body: bytes, currency: str) -> list[Said]:
    """The refund as a delivery of its own."""
    return list(said_of(parsed(Refund, body), currency))


def said_of(refund: Refund, currency: str) -> list[SentRefund]:
    """The refund, once its money is paid back: one that is pending is told by its order when it has succeeded.

    Goods that came back for store credit, or a gift, are a refund of 0 with their lines (ORD-035).
    """
    told = [t for t in refund.transactions if t.kind == "refund"]
    paid = [t for t in told if t.status in (None, "success")]
    total = sum((t.amount for t in paid), ZERO)
    if any(t.status == "pending" for t in told) or total < 0:
        return []
    if total == 0 and (told or not refund.refund_line_items):
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
                "sku": one.line_item.sold_as,
                "quantity": one.quantity,
                "paid": minor(max(ZERO, one.subtotal), currency),
            }
            for one in refund.refund_line_items
        ],
    }
    return [SentRefund(refund.id, refund.created_at, present(data) | {"amount": data["amount"]})]
