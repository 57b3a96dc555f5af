"""Lifetime value over HTTP: the shop's fit, and what it predicts of a customer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from common.process.runtime import Runtime

from ..conftest import NOW
from ..shop_life import feed

RULES: dict[str, Any] = {
    "thresholds": {
        "value": {"buyers_needed": 10, "repeat_needed": 5},
        "churn_model": {"horizon_days": 42, "buyers_needed": 20, "each_needed": 5},
    }
}


async def test_a_shop_is_fitted_with_its_month_and_customers_are_predicted(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    early = await client.get("/v1/shops/tea/lifetime-value")
    assert (early.status_code, early.json()["status"]) == (200, "too_few")
    never = await client.get("/v1/shops/other/lifetime-value")
    assert (never.status_code, never.json()["type"]) == (404, "/problems/not_fitted_yet")
    assert (await client.put("/v1/shops/tea/thresholds", json=RULES)).status_code == 200
    bought = [
        events.completed(f"v{n:02}", NOW - timedelta(days=40 - 3 * turn - n % 7), 5_000 + 900 * n, order=f"v{n}-{turn}")
        for n in range(40)
        for turn in range(n % 4 + 1)
    ]
    await feed(runtime.database, bought)
    await runtime.set_clock(NOW + timedelta(days=31))
    for _ in range(4):
        await runtime.sweeper.sweep()
    fit = (await client.get("/v1/shops/tea/lifetime-value")).json()
    assert fit["status"] in ("fitted", "degenerate")
    assert fit["buyers"] >= 40
    assert fit["repeating"]["r"] > 0
    path = "/v1/shops/tea/customers/v03/lifetime-value"
    found = (await client.get(path)).json()
    assert found["fitted_month"] == fit["month"]
    prediction = found["prediction"]
    assert prediction["horizon_days"] == 365
    assert 0 < prediction["alive"] <= 1
    assert prediction["low"] <= prediction["high"]
    near = (await client.get(path, params={"horizon_days": 30})).json()["prediction"]
    assert near["purchases"] < prediction["purchases"]
    assert 0 <= near["value"] <= prediction["value"]
    assert "bought on 4 days" in found["why"]
    model = (await client.get("/v1/shops/tea/churn")).json()
    assert (model["horizon_days"], model["weights"] is None) == (42, model["status"] == "too_few")
    assert model["status"] != "too_few"
    assert (model["held_out"] or {"customers": model["buyers"]})["customers"] == model["buyers"]
    leaving = (await client.get("/v1/shops/tea/customers/v03/churn")).json()["prediction"]
    assert 0 < leaving["probability"] < 1
    assert leaving["horizon_days"] == 42


async def test_who_never_bought_is_not_predicted_and_who_is_unknown_is_not_found(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    await runtime.set_clock(NOW + timedelta(days=31))
    for _ in range(3):
        await runtime.sweeper.sweep()
    prospect = (await client.get("/v1/shops/tea/customers/p1/lifetime-value")).json()
    assert prospect["prediction"] is None
    assert "no model was fitted" in prospect["why"]
    unknown = await client.get("/v1/shops/tea/customers/nobody/lifetime-value")
    assert unknown.status_code == 404
    assert (await client.get("/v1/shops/tea/customers/nobody/churn")).status_code == 404
    assert (await client.get("/v1/shops/tea/customers/p1/churn")).json()["prediction"] is None
    far = await client.get("/v1/shops/tea/customers/p1/lifetime-value", params={"horizon_days": 9_999})
    assert far.status_code == 422
