"""Lists of customers by their values, the RFM map, the weeks: what stands behind a number is who is listed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.bus.subscriptions import Batch
from common.events.membership import TierChanged
from common.process.runtime import Runtime
from segmentation.handlers import on_members
from segmentation.report.store_listing import list_customers

from ..conftest import NOW

BASE = "/v1/shops/tea"


async def names(client: httpx.AsyncClient, **asked: Any) -> list[str]:
    answer = await client.get(f"{BASE}/customers", params=asked)
    assert answer.status_code == 200, answer.text
    return [row["customer"] for row in answer.json()["customers"]]


async def test_customers_are_listed_with_all_values_that_are_asked_for(client: httpx.AsyncClient) -> None:
    """SEG-005."""
    assert await names(client) == ["c1", "c2", "c3", "n1", "p1"]
    assert await names(client, stage="returning") == ["c1", "c2", "c3"]
    assert await names(client, stage="prospect") == ["p1"]
    assert await names(client, stage="prospect", life_cycle="active") == []


async def test_customers_are_listed_by_the_tier_that_was_announced_last(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """C-4: by the tier's id, whichever way its announcements came; with every other filter."""
    gold = TierChanged(old="Regular", new="Gold", new_id="gold", direction="up", reason="upgrade", revision=3)
    silver = TierChanged(old="Regular", new="Silver", new_id="silver", direction="up", reason="upgrade", revision=2)
    async with runtime.database.transaction() as tx:
        await on_members(tx, Batch([events.make("c2", "2025-03-02T10:00", gold)]))
        told = [events.make(name, "2025-03-01T10:00", silver) for name in ("c2", "c3", "n1")]
        await on_members(tx, Batch(told))
    assert await names(client, tier="gold") == ["c2"]
    assert await names(client, tier="silver") == ["c3", "n1"]
    assert await names(client, tier="silver", stage="returning") == ["c3"]
    assert await names(client, tier="silver", after="c3") == ["n1"]
    assert await names(client, tier="platinum") == []
    rows = (await client.get(f"{BASE}/customers")).json()["customers"]
    tiers = {"c1": "regular", "c2": "gold", "c3": "silver", "n1": "silver", "p1": None}
    assert {row["customer"]: row["tier_id"] for row in rows} == tiers
    async with runtime.database.transaction() as tx:
        page = await list_customers(tx, "tea", {"tier": "silver", "stage": "prospect"}, "", 50, 1)
        assert ([row.customer for row in page.rows], page.upto) == ([], "c3"), "a page looks through so many members"


async def test_pages_hold_everybody_once(client: httpx.AsyncClient) -> None:
    found, after = [], ""
    while True:
        answer = (await client.get(f"{BASE}/customers", params={"after": after, "limit": 2})).json()
        found += [row["customer"] for row in answer["customers"]]
        after = answer["next_after"]
        if after is None:
            break
    assert found == ["c1", "c2", "c3", "n1", "p1"]


async def test_a_rare_value_costs_pages_and_not_one_long_answer(runtime: Runtime) -> None:
    """A page ends after so many customers, says up to whom, and the next one goes on from there."""
    found: list[str] = []
    after: str | None = ""
    pages = 0
    async with runtime.database.transaction() as tx:
        while after is not None:
            page = await list_customers(tx, "tea", {"stage": "prospect"}, after or "", 50, 2)
            found += [row.customer for row in page.rows]
            after, pages = page.upto, pages + 1
    assert (found, pages) == (["p1"], 3)


async def test_each_cell_of_the_map_counts_those_whom_its_list_holds(client: httpx.AsyncClient) -> None:
    cells = (await client.get(f"{BASE}/report/rfm")).json()["cells"]
    assert len(cells) == 8
    assert sum(cell["customers"] for cell in cells) == 3
    for cell in cells:
        assert cell["customers"] == len(await names(client, cell=cell["cell"]))


async def test_grades_stand_in_the_map_and_in_lists(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """SEG-020: of a shop that grades from 1 to 5 the map counts everybody, and each number has its list."""
    thresholds = {"rfm": {"method": "fixed", "groups": "shopify"}}
    await client.put(f"{BASE}/thresholds", json={"thresholds": thresholds})
    await runtime.set_clock(NOW + timedelta(minutes=6))
    await runtime.sweeper.sweep()
    found = (await client.get(f"{BASE}/report/rfm")).json()
    assert sum(cell["customers"] for cell in found["cells"]) == 3
    for cell in found["cells"]:
        assert cell["customers"] == len(await names(client, cell=cell["cell"])), cell
        assert cell["customers"] <= len(await names(client, rfm=cell["rfm_class"]))
    assert sum(grades["customers"] for grades in found["grades"]) == 3
    for grades in found["grades"]:
        rows = await names(client, grades=grades["cell"], group=grades["rfm_group"])
        assert len(rows) == grades["customers"]


async def test_weeks_hold_orders_buyers_and_net_revenue(client: httpx.AsyncClient) -> None:
    answer = (await client.get(f"{BASE}/report/weeks")).json()
    assert answer["since"] == "2024-12-30"
    assert [tuple(week.values()) for week in answer["weeks"]] == [
        ("2025-01-13", "CNY", 2, 2, 30_000),
        ("2025-02-10", "CNY", 1, 1, 7_000),
        ("2025-02-24", "CNY", 1, 1, 500),
    ]
    total = (await client.get(f"{BASE}/report")).json()["revenue"]
    assert sum(week["net"] for week in answer["weeks"]) == total[0]["net"], "one number, asked for in two ways"


@pytest.mark.parametrize("asked", [{"cell": "2"}, {"stage": "lost"}, {"rfm": "x"}, {"limit": 0}, {"grades": "6"}])
async def test_a_value_that_there_is_not_is_refused(client: httpx.AsyncClient, asked: dict[str, Any]) -> None:
    assert (await client.get(f"{BASE}/customers", params=asked)).status_code == 422
