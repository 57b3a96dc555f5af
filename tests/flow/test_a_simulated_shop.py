"""A simulated shop is told at the public doors, twice and in batches that overtake each other: its truth is found."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import pytest

from regulars.simulation.catalogue import Catalogue
from regulars.simulation.life import Truth
from regulars.simulation.plan import Plan
from regulars.simulation.stream import simulated
from regulars.simulation.telling import Telling
from regulars.stack.errors import Refused

PLAN = Plan("teahouse", "tea", 60, datetime(2026, 3, 5, 4, tzinfo=UTC), 200, 3)
BASE = f"/v1/shops/{PLAN.shop}"


@pytest.mark.slow
async def test_every_service_comes_to_the_truth_of_a_simulated_shop(stack: Any) -> None:
    """ORD-001, ORD-002, ORD-031, ORD-035, FBK-011: orders, amounts, refunds and reviews; each once."""
    await stack.set_clock(PLAN.end)
    settings = {"zone": PLAN.kind.zone, "currency": PLAN.kind.currency}
    assert (await stack.call("orders-ingest", "PUT", f"{BASE}/settings", json=settings)).is_success
    for service in ("orders-ingest", "feedback", "membership"):
        stack.start(service, "consumer", "relay")
    await stack.published("orders-ingest")
    await stack.caught_up("feedback", "membership")

    async def call(service: str, method: str, path: str, **more: Any) -> Any:
        answer = await stack.call(service, method, path, **more)
        if not answer.is_success:
            raise Refused(answer.text, answer.json()["type"].rpartition("/")[2])
        return answer.json()

    truths: list[Truth] = []
    told = Telling(call, PLAN.shop)
    catalogue = Catalogue(PLAN)
    await told.products(catalogue.told())
    await told.all(simulated(PLAN, catalogue, truths.append))
    again = Telling(call, PLAN.shop)
    await again.all(simulated(PLAN, catalogue, lambda truth: None))
    assert not told.refusals
    assert {status for (door, status), _ in told.results.items()} <= {"accepted", "taken"}
    assert again.results["events", "accepted"] == again.results["reviews", "accepted"] == 0, "all of it was known"
    while await stack.sweep("orders-ingest"):
        pass  # what was not confirmed completes by itself

    report = await stack.get("orders-ingest", f"{BASE}/report")
    states = {line["state"]: line for line in report["orders"]}
    assert states["completed"]["orders"] == sum(truth.orders for truth in truths)
    assert states["completed"]["goods_paid"] == sum(truth.paid for truth in truths)
    assert states["closed"]["orders"] == sum(truth.closed for truth in truths)
    (refunds,) = report["refunds"]
    assert (refunds["amount"], refunds["unmatched"]) == (sum(truth.refunded for truth in truths), 0)
    numbered = await stack.rows(
        "orders-ingest", "select customer, max(sequence), count(*) from completed_orders group by 1"
    )
    assert {(customer, most) for customer, most, count in numbered if most == count} == {
        (truth.customer, truth.orders) for truth in truths if truth.orders
    }
    reviews = await stack.rows("feedback", "select customer, count(*) from reviews group by customer")
    assert Counter(dict(reviews)) == Counter({t.customer: t.reviews for t in truths if t.reviews})

    await stack.published("orders-ingest")
    await stack.caught_up("membership")
    for truth in truths[:10]:
        if truth.orders and not truth.refunded:
            member = await stack.get("membership", f"{BASE}/members/{truth.customer}")
            assert member["orders"] == truth.orders
