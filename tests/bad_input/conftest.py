"""Fixtures of the tests of bad input: a good event, in which each test spoils one thing, and the time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
SHOP = "teahouse"
OrderMaker = Callable[..., dict[str, Any]]


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def order() -> OrderMaker:
    """Makes an `order.completed` over 100.00 yuan. `data=` replaces fields of its data, anything else attributes."""

    def make(name: str, /, *, data: dict[str, Any] | None = None, **attributes: Any) -> dict[str, Any]:
        fields = {"order_id": f"o-{name}", "state": "completed", "currency": "CNY", "goods_paid": 100_00}
        event = {
            "specversion": "1.0",
            "id": name,
            "source": f"/shops/{SHOP}/backend",
            "shop": SHOP,
            "subject": "ann",
            "type": "order.completed",
            "time": "2025-03-04T09:00:00+08:00",
            "data": {**fields, **(data or {})},
            **attributes,
        }
        return {attribute: value for attribute, value in event.items() if value is not None}

    return make
