"""The churn warning of a customer, and the customers who are warned of."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import httpx

from common.process.runtime import Runtime

from ..conftest import NOW
from ..shop_life import feed


async def test_who_is_warned_of_is_shown_with_the_reason_and_listed(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    days = [NOW - timedelta(days=n) for n in (60, 50, 40, 30)]
    await feed(runtime.database, [events.completed("w1", day, order=f"w{day:%m%d}") for day in days])
    await runtime.sweeper.sweep()
    body = (await client.get("/v1/shops/tea/customers/w1")).json()
    assert body["churn_risk"] == {
        "strength": "strong",
        "signals": ["silence"],
        "usual_gap_days": 10.0,
        "why": "30 days without an order, against 10.0 days between the last 4 buying days",
    }
    # 60 days after the last order it is no warning any more.
    assert datetime.fromisoformat(body["next_change_at"]) > NOW
    listed = {
        value: (await client.get(f"/v1/shops/tea/segments/churn_risk/{value}/customers")).json()["customers"]
        for value in ("weak", "strong")
    }
    assert listed == {"weak": [], "strong": ["w1"]}
    other = (await client.get("/v1/shops/tea/customers/c1")).json()["churn_risk"]
    assert (other["strength"], other["usual_gap_days"]) == (None, None)
    assert "no habit to compare with" in other["why"]
    assert (await client.get("/v1/shops/tea/customers/p1")).json()["churn_risk"] is None


async def test_a_preview_counts_whom_other_borders_would_warn_of(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    days = [NOW - timedelta(days=n) for n in (45, 35, 25, 15)]
    await feed(runtime.database, [events.completed("w2", day, order=f"w{day:%m%d}") for day in days])
    body = {"thresholds": {"churn": {"gap_percent": 150}}}
    found = (await client.post("/v1/shops/tea/thresholds/preview", json=body)).json()
    assert found["churn_risk"] == [{"before": None, "after": "weak", "customers": 1}]
