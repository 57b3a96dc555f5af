"""A merge of customers passes every service harmlessly: nobody folds it yet, and later inputs are the survivor's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest

NOW = datetime(2025, 3, 4, 2, tzinfo=UTC)
BASE = "/v1/shops/teahouse"
OTHERS = ("membership", "segmentation", "messaging", "feedback")


def order(number: int, customer: str) -> dict[str, Any]:
    return {
        "id": f"order-{number}",
        "source": "/shops/teahouse/backend",
        "subject": customer,
        "type": "order.completed",
        "time": (NOW - timedelta(hours=5 - number)).isoformat(),
        "data": {"order_id": str(number), "state": "completed", "currency": "CNY", "goods_paid": 100_00},
    }


@pytest.mark.slow
async def test_every_service_passes_over_a_merge_and_counts_what_comes_later_for_the_survivor(stack: Any) -> None:
    await stack.set_clock(NOW)

    async def send(number: int, customer: str) -> None:
        answer = await stack.call("orders-ingest", "POST", f"{BASE}/events", json=order(number, customer))
        assert answer.status_code == 202, answer.text

    await send(1, "ann")
    await send(2, "ann-at-the-counter")
    merged = await stack.call(
        "orders-ingest", "POST", f"{BASE}/customers/ann/merge", json={"absorbed": "ann-at-the-counter"}
    )
    assert merged.status_code == 200, merged.text
    await send(3, "ann-at-the-counter")
    stack.start("orders-ingest", "relay")
    await stack.published("orders-ingest")

    (merge,) = [r for r in await stack.records("customers") if dict(r.headers)["type"] == b"customer.merged"]
    assert merge.key == b"teahouse/ann"
    orders = [orjson.loads(r.value) for r in await stack.records("orders")]
    announced = {o["id"]: (o["subject"], o.get("alias"), o["data"]["sequence"]) for o in orders}
    assert announced == {
        "order-1": ("ann", None, 1),
        "order-2": ("ann-at-the-counter", None, 1),
        "order-3": ("ann", "ann-at-the-counter", 3),
    }

    for service in OTHERS:
        stack.start(service, "consumer", "relay")
    await stack.caught_up(*OTHERS)
    for service in OTHERS:
        assert await stack.rows(service, "select slug from dead_events") == [], service
    members = {name: await stack.get("membership", f"{BASE}/members/{name}") for name in ("ann", "ann-at-the-counter")}
    assert {name: member["orders"] for name, member in members.items()} == {"ann": 2, "ann-at-the-counter": 1}
