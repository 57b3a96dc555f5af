"""The movements of a customer's RFM score, and the customers of a named group."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx

from common.process.runtime import Runtime

from ..conftest import NOW
from ..shop_life import feed

SHOPIFY = {"thresholds": {"rfm": {"method": "fixed", "groups": "shopify"}}}


async def test_movements_newest_first_in_pages_and_late_news_moves_the_past(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    path = "/v1/shops/tea/customers/c2/rfm/movements"
    whole = (await client.get(path)).json()
    assert [(m["at"], m["old"], m["cell"], m["method"]) for m in whole["movements"]] == [
        ("2025-02-14T02:00:00Z", "100", "111", "fixed"),
        ("2025-01-15T02:00:00Z", None, "100", "fixed"),
    ]
    assert whole["next_after"] is None
    one = (await client.get(path, params={"limit": 1})).json()
    rest = (await client.get(path, params={"limit": 1, "after": one["next_after"]})).json()
    assert one["movements"] + rest["movements"] == whole["movements"]
    assert rest["next_after"] is None
    path_of_changes = "/v1/shops/tea/customers/c2/changes"
    changes = (await client.get(path_of_changes)).json()["changes"]
    assert changes == sorted(changes, key=lambda c: c["at"], reverse=True)
    stages = [(c["old"], c["new"]) for c in changes if c["kind"] == "stage"]
    assert stages[0][1] == "returning"
    cycles = [(c["old"], c["new"]) for c in changes if c["kind"] == "life_cycle"][::-1]
    assert cycles[0] == (None, "active")
    assert all(old == before[1] for (old, _), before in zip(cycles[1:], cycles, strict=False)), (
        "each from the one before"
    )
    first = (await client.get(path_of_changes, params={"limit": 1})).json()
    assert first == {"changes": changes[:1], "next_after": 1}
    await feed(runtime.database, [events.completed("c2", "2025-01-02T10:00", 20_000, order="late")])
    moved = (await client.get(path)).json()["movements"]
    assert [(m["at"], m["cell"]) for m in moved] == [
        ("2025-01-15T02:00:00Z", "111"),
        ("2025-01-02T02:00:00Z", "101"),
    ]


async def test_of_somebody_unknown_there_are_no_movements_and_of_a_prospect_none_yet(client: httpx.AsyncClient) -> None:
    unknown = await client.get("/v1/shops/tea/customers/nobody/rfm/movements")
    assert (unknown.status_code, "unknown_customer" in unknown.text) == (404, True)
    prospect = (await client.get("/v1/shops/tea/customers/p1/rfm/movements")).json()
    assert prospect == {"movements": [], "next_after": None}
    assert (await client.get("/v1/shops/tea/customers/nobody/changes")).status_code == 404


async def test_a_shop_that_names_grades_has_groups_to_list_and_count(
    client: httpx.AsyncClient, runtime: Runtime
) -> None:
    assert (await client.put("/v1/shops/tea/thresholds", json=SHOPIFY)).status_code == 200
    await runtime.set_clock(NOW + timedelta(hours=1))
    for _ in range(3):
        await runtime.sweeper.sweep()
    score = (await client.get("/v1/shops/tea/customers/c2")).json()["rfm"]
    assert (score["cell"], score["group"], score["method"]) == ("423", "active", "fixed")
    listed = {
        group: (await client.get(f"/v1/shops/tea/segments/rfm_group/{group}/customers")).json()["customers"]
        for group in ("active", "prospects")
    }
    assert listed == {"active": ["c2"], "prospects": ["n1", "p1"]}
    report = (await client.get("/v1/shops/tea/report")).json()
    assert sum(report["rfm_group"].values()) == 3
    assert report["rfm_group"]["active"] == 1


async def test_means_cannot_be_named_and_the_refusal_says_what_to_do(client: httpx.AsyncClient) -> None:
    refused = await client.put("/v1/shops/tea/thresholds", json={"thresholds": {"rfm": {"groups": "shopify"}}})
    assert refused.status_code == 422
    assert "ask for the method quantile, equal_groups or fixed" in refused.text
