"""Redemptions that are asked for over HTTP, for the tests of this folder."""

from __future__ import annotations

from typing import Any


def redemption(**more: Any) -> dict[str, Any]:
    return {"redemption_id": "r1", "customer": "c1", "points": 200, "order_total": 50_000, "currency": "CNY", **more}
