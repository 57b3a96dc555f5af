"""Key figures by group over HTTP: each group's beside the whole shop's, which are those of the other routes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.bus.subscriptions import Batch
from common.events.customers import CustomerUpdated
from common.process.runtime import Runtime
from segmentation.handlers import on_profiles

from ..conftest import NOW
from .test_kpis import BASE, ask
from .test_segments import save
from .test_traits import known

PERIOD = {"since": "2025-02-01", "until": "2025-03-21"}


def shown(found: dict[str, Any]) -> dict[str | None, tuple[Any, ...]]:
    """Of each group: customers, buyers, returning, orders, net, base, retained."""
    names = ("customers", "buyers", "returning", "orders", "net", "base", "retained")
    return {each["id"]: tuple(each[name] for name in names) for each in found["groups"]}


async def test_figures_of_each_tier_segment_source_platform_and_way_beside_the_shops(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """ANA-005 to 008, 018, 019, 021: c1 ordered in January and four times in March, c2 in both, c3 in March alone."""
    await known(runtime, events)
    async with runtime.database.transaction() as tx:
        await tx.lock_customers([("tea", "c2")])
        told = CustomerUpdated(source="friends", revision=1)
        await on_profiles(tx, Batch([events.make("c2", NOW, told)]))
    await save(client, "often", {"name": "Often", "expression": "orders >= 2"})
    await save(client, "anybody", {"name": "Anybody", "expression": "orders >= 1"})
    await runtime.sweeper.sweep()
    tiers = await ask(client, "groups", by="tier", **PERIOD)
    assert [(each["name"], each["repurchase_percent"]) for each in tiers["groups"]] == [
        ("Regular", "100.00"),
        (None, "0.00"),
    ]
    assert shown(tiers) == {"regular": (1, 1, 1, 4, 12_000, 1, 1), None: (None, 2, 1, 2, 22_500 - 15_000, 1, 1)}
    segments = await ask(client, "groups", by="segment", **PERIOD)
    assert [(each["id"], each["name"]) for each in segments["groups"]] == [("anybody", "Anybody"), ("often", "Often")]
    assert shown(segments)["often"] == (2, 2, 2, 5, 19_000, 2, 2)
    sources = await ask(client, "groups", by="source", **PERIOD)
    assert (shown(sources)["friends"], shown(sources)[None][:3]) == ((1, 1, 1, 1, 7_000, 1, 1), (None, 2, 1))
    ways = await ask(client, "groups", by="way", **PERIOD)
    assert shown(ways)["search"] == (None, 1, 1, 3, 9_000, 0, 0)
    assert shown(ways)["recommendation"] == (None, 1, 1, 1, 3_000, 0, 0)
    platforms = await ask(client, "groups", by="platform", **PERIOD)
    assert [each["name"] for each in platforms["groups"]] == ["tmall", "Douyin", None]
    assert shown(platforms)["tmall"] == (None, 1, 1, 2, 6_000, 0, 0), "written in two ways, with blanks: one platform"
    assert shown(platforms)["douyin"] == (None, 1, 1, 1, 3_000, 0, 0)
    assert shown(platforms)[None][:3] == (None, 3, 2)
    for found in (tiers, sources, platforms, ways):
        assert sum(each["net"] for each in found["groups"]) == found["whole"]["net"]
        assert sum(each["orders"] for each in found["groups"]) == found["whole"]["orders"]


@pytest.mark.parametrize("by", ["tier", "segment", "source", "platform", "way"])
async def test_the_whole_shop_has_the_figures_that_stand_elsewhere(client: httpx.AsyncClient, by: str) -> None:
    """One definition each (ANA-005, ANA-007, ANA-021); n/a where nobody is."""
    found = await ask(client, "groups", by=by, **PERIOD)
    repurchase, kept = await ask(client, "repurchase", **PERIOD), await ask(client, "retention", **PERIOD)
    spent = await ask(client, "spending", **PERIOD)
    whole = found["whole"]
    assert (whole["buyers"], whole["repurchase_percent"]) == (repurchase["buyers"], repurchase["percent"])
    assert (whole["base"], whole["retained"], whole["retention_percent"]) == (
        kept["base"],
        kept["retained"],
        kept["percent"],
    )
    assert [whole[name] for name in ("net", "orders", "per_order", "per_buyer")] == [
        spent[name] for name in ("net", "orders", "per_order", "per_buyer")
    ]
    nobody = await ask(client, "groups", by=by, since="2020-01-01", until="2020-02-01")
    assert (nobody["whole"]["repurchase_percent"], nobody["whole"]["per_order"]) == (None, None)
    assert all((each["buyers"], each["repurchase_percent"]) == (0, None) for each in nobody["groups"])
    assert (await client.get(f"{BASE}/groups", params={"by": "weather"})).status_code == 422
