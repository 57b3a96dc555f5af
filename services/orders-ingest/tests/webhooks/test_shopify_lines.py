"""A line is known by the same name in an order and in a refund of it, whatever of it the shop fills in."""

from __future__ import annotations

import orjson
import pytest

from orders_ingest.webhooks.shopify.refunds import refund_said
from orders_ingest.webhooks.state import SentRefund


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ({"sku": "T-1", "variant_id": "5", "product_id": "7", "title": "Tea"}, "T-1"),
        ({"sku": "", "variant_id": "5", "product_id": "7", "title": "Tea"}, "5"),
        ({"sku": "", "variant_id": None, "product_id": "7", "title": "Gift card"}, "7"),
        ({"sku": None, "variant_id": None, "product_id": None, "title": "Gift card"}, "Gift card"),
    ],
)
def test_a_refunded_line_has_the_name_of_the_ordered_one(line: dict[str, object], name: str) -> None:
    body = {
        "id": "1",
        "order_id": "2",
        "created_at": "2026-03-01T10:00:00Z",
        "transactions": [{"kind": "refund", "status": "success", "amount": "45.00", "currency": "EUR"}],
        "refund_line_items": [{"quantity": 1, "subtotal": "50.00", "line_item": line}],
    }
    (said,) = refund_said(orjson.dumps(body), "EUR")
    assert isinstance(said, SentRefund)
    assert said.data["lines"][0]["sku"] == name
