"""Lifetime value over HTTP: the shop's fit, and what it predicts of a customer."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import httpx
import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import CustomerErased, CustomerMerged
from common.process.runtime import Runtime
from segmentation.commands.values import value_span
from segmentation.handlers import on_merges
from segmentation.lifetime_value import rules
from segmentation.lifetime_value.store import get_days, get_newest_fit
from segmentation.thresholds.state import ValueRules

from ..conftest import NOW
from ..shop_life import feed
from ..test_erasure import erase

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
    await _by_value(client, runtime, fit)


async def _by_value(client: httpx.AsyncClient, runtime: Runtime, fit: dict[str, Any]) -> None:
    """SEG-025, SEG-029: everybody is valued by the month's fit as one alone is; listed, graded, a fact of segments."""
    whole = (await client.get("/v1/shops/tea/lifetime-value/customers?limit=500")).json()
    assert (whole["month"], whole["currency"], whole["next_after"]) == (fit["month"], "CNY", None)
    values = {each["customer"]: each["value"] for each in whole["customers"]}
    assert len(values) == fit["buyers"]
    assert list(values.values()) == sorted(values.values(), reverse=True)
    async with runtime.database.transaction() as tx:
        stored, bought = (
            await get_newest_fit(tx, "tea"),
            rules.bought(await get_days(tx, "tea", "v03", "CNY"), date.fromisoformat(fit["month"])),
        )
    assert stored is not None
    assert bought is not None
    given = ValueRules(buyers_needed=10, repeat_needed=5)
    assert values["v03"] == pytest.approx(rules.value_of(stored, bought, 1.0, given), abs=1)
    pages, after = list[str](), ""
    while after is not None:
        page = (await client.get("/v1/shops/tea/lifetime-value/customers", params={"limit": 7, "after": after})).json()
        pages, after = pages + [each["customer"] for each in page["customers"]], page["next_after"]
    assert pages == list(values)
    grades = (await client.get("/v1/shops/tea/lifetime-value/grades")).json()["grades"]
    assert [each["grade"] for each in grades] == sorted(
        {rules.grade(stored, value) or 0 for value in values.values()}, reverse=True
    )
    assert sum(each["value"] for each in grades) == sum(values.values())
    best = (await client.get("/v1/shops/tea/lifetime-value/customers?grade=5&limit=500")).json()["customers"]
    assert len(best) == grades[0]["customers"]
    for place in ("x", "5", "-1 c", "5x c"):
        assert (await client.get("/v1/shops/tea/lifetime-value/customers", params={"after": place})).status_code == 422
    expression = {"expression": f"lifetime_value >= {best[0]['value'] / 100} and value_grade = 5"}
    preview = (await client.post("/v1/shops/tea/segments/preview", json=expression)).json()
    assert preview["sample"] == [best[0]["customer"]]
    # A merge values the survivor anew, and the absorbed one no more.
    merged = Event(
        "m1", "/shops/tea/orders-ingest", "tea", "v03", NOW, CustomerMerged(survivor="v03", absorbed="v07", sequence=1)
    )
    async with runtime.database.transaction() as tx:
        await on_merges(tx, Batch([merged]))
        rows = await tx.fetch("select customer from customer_values where customer in ('v03', 'v07')")
        assert [row.customer for row in rows] == ["v03"]
    # Of who is erased nothing is kept, nor found again.
    await erase(runtime.database, replace(merged, data=CustomerErased()))
    async with runtime.database.transaction() as tx:
        assert await tx.value("select count(*) from customer_values where customer = 'v03'") == 0
        await value_span(tx, "tea", "v", "w")
        assert await tx.value("select count(*) from customer_values where customer = 'v03'") == 0


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
