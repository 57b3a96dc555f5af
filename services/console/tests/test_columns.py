"""Columns that a person corrects, as orders-ingest takes them."""

from __future__ import annotations

import pytest

from console.imports.columns import columns_in


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({}, ""),
        ({"layout": "orders", "column.order_id": " Order No ", "column.paid": ""}, "order_id:Order No"),
        ({"column.order_id": "单号", "column.remark": "-"}, "order_id:单号;remark:-"),
        ({"column.order_id": "a;b", "column.paid": "Paid: all", "column.sku": "SKU"}, "sku:SKU"),
    ],
)
def test_what_is_written_is_said_and_what_cannot_be_said_is_left_out(form: dict[str, str], said: str) -> None:
    assert columns_in(form) == said
