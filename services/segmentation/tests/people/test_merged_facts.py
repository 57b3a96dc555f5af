"""Facts that stand beside the fold are the person's: merged, undone, and merged the other way round (ORD-040)."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from common.bus.subscriptions import Batch
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.events.membership import TierChanged
from common.process.runtime import Runtime
from common.verification import Verification
from segmentation.handlers import on_members, on_merges
from segmentation.jobs.verifying import verify_people, verify_segments
from segmentation.people.store import list_flat
from segmentation.recommendations import store as recommendations
from segmentation.segments import store_sheet as sheet

from ..api.test_segments import inside, save, take
from ..api.test_traits import known
from ..conftest import NOW
from ..shop_life import _no_topic, differences_into

BASE = "/v1/shops/tea"
SEGMENTS = {
    "women": "gender = female",
    "tea": "bought category tea >= 4",
    "voices": "reviews >= 1 and complaints >= 1",
    "vip": "tag vip",
    "viewers": "views >= 2",
    "buyers": "orders >= 1",
}


async def merge(runtime: Runtime, events: Any, *told: tuple[type[Any], str, str, int]) -> None:
    for kind, survivor, absorbed, sequence in told:
        event = events.make(survivor, NOW, kind(survivor=survivor, absorbed=absorbed, sequence=sequence))
        async with runtime.database.transaction() as tx:
            await on_merges(tx, Batch([event]))
    await runtime.sweeper.sweep()


async def differences(runtime: Runtime) -> list[str]:
    lines: list[str] = []
    run = Verification("segmentation", runtime.database, _no_topic, b"", differences_into(lines))
    await verify_people(run)
    await verify_segments(run)
    return lines


async def everything(client: httpx.AsyncClient, customer: str) -> dict[str, Any]:
    """All that is read by person, without whose it is."""
    paths = ("traits", "buyer-type", "tags", "activity")
    found = {path: (await client.get(f"{BASE}/customers/{customer}/{path}")).json() for path in paths}
    for each in found.values():
        each.pop("customer", None)
    return found


async def test_facts_and_segments_are_those_of_the_person_and_an_undone_merge_never_was(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """c1 bought, reviewed and complained; c2 absorbs them and n1, and each is again who they were."""
    await known(runtime, events)
    await take(runtime, events.viewed("n1", "2025-03-18T10:00"))
    for segment, expression in SEGMENTS.items():
        await save(client, segment, {"name": segment, "expression": expression})
    await client.post(f"{BASE}/tags/vip/customers", json={"customers": ["c1"]})
    await runtime.sweeper.sweep()
    before = {customer: await everything(client, customer) for customer in ("c1", "c2", "n1")}
    stays = {segment: await inside(client, segment) for segment in SEGMENTS}
    assert (stays["women"], stays["buyers"], stays["viewers"]) == (["c1"], ["c1", "c2", "c3"], ["n1"])
    quality = {kpi: (await client.get(f"{BASE}/kpis/{kpi}")).json() for kpi in ("service", "rhythm", "profiles")}

    await merge(runtime, events, (CustomerMerged, "c2", "c1", 1), (CustomerMerged, "c2", "n1", 1))
    merged = await everything(client, "c2")
    assert merged["traits"]["profile"] == before["c1"]["traits"]["profile"]
    assert merged["traits"]["categories"] == before["c1"]["traits"]["categories"]
    assert merged["traits"]["tags"] == ["vip"]
    assert merged["traits"]["orders_in_year"] == sum(before[c]["traits"]["orders_in_year"] for c in ("c1", "c2"))
    assert await everything(client, "c1") == merged, "what is shown of an absorbed customer is the survivor's"
    assert {s: await inside(client, s) for s in SEGMENTS} == {
        **{segment: ["c2"] for segment in ("women", "tea", "voices", "vip", "viewers")},
        "buyers": ["c2", "c3"],
    }
    left = (await client.get(f"{BASE}/customers/c2/segments/vip")).json()
    assert left["inside"] is True
    for kpi, was in quality.items():
        assert (await client.get(f"{BASE}/kpis/{kpi}")).json() == was, f"{kpi}: the shop's are as they were"
    assert await differences(runtime) == []

    await merge(runtime, events, (CustomerUnmerged, "c2", "c1", 2), (CustomerUnmerged, "c2", "n1", 2))
    assert {customer: await everything(client, customer) for customer in ("c1", "c2", "n1")} == before
    assert {segment: await inside(client, segment) for segment in SEGMENTS} == stays
    assert await differences(runtime) == []


async def test_a_tag_is_taken_from_a_person_by_any_of_the_identifiers_and_a_tier_of_the_absorbed_counts_no_more(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    await save(client, "vip", {"name": "VIP", "expression": "tag vip"})
    await client.post(f"{BASE}/tags/vip/customers", json={"customers": ["c1"]})
    gold = TierChanged(old="Regular", new="Gold", direction="up", reason="upgrade", revision=2)
    async with runtime.database.transaction() as tx:
        await on_members(tx, Batch([events.make("c1", NOW, gold)]))
    await merge(runtime, events, (CustomerMerged, "c2", "c1", 1))
    assert await inside(client, "vip") == ["c2"]
    assert (await client.get(f"{BASE}/tags/vip/customers")).json()["customers"] == ["c2"]
    tiers = (await client.get(f"{BASE}/kpis/tiers")).json()["tiers"]
    assert [each for each in tiers if each["tier"] == "Gold"] == []
    given = await client.post(f"{BASE}/tags/vip/customers", json={"customers": ["c2"]})
    assert given.json()["changed"] == 0, "the person bears it already"
    taken = await client.post(f"{BASE}/tags/vip/customers/remove", json={"customers": ["c2"]})
    assert taken.json()["changed"] == 1
    await runtime.sweeper.sweep()
    assert await inside(client, "vip") == []
    # Undone, each bears what was said under their own identifier.
    await merge(runtime, events, (CustomerUnmerged, "c2", "c1", 2))
    assert await inside(client, "vip") == ["c1"]
    assert await differences(runtime) == []


async def test_baskets_and_the_sheet_of_a_segment_are_of_the_person(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEG-060, SEG-061, ORD-040: what absorbed customers bought, bear and answered, though rows keep their names."""
    await known(runtime, events)
    await save(client, "buyers", {"name": "Buyers", "expression": "orders >= 1"})
    for tag, customer in (("gold", "c1"), ("silver", "c2"), ("silver", "c3")):
        await client.post(f"{BASE}/tags/{tag}/customers", json={"customers": [customer]})
    await runtime.sweeper.sweep()

    async def found() -> tuple[Any, ...]:
        days, hours = (date(2025, 1, 1), date(2025, 4, 1)), (NOW - timedelta(days=30), NOW + timedelta(days=1))
        async with runtime.database.transaction() as tx:
            baskets = await recommendations.get_baskets(tx, "tea", *days, "CNY")
            whose = await recommendations.get_bought_baskets(tx, "tea", *days, "CNY")
            answers = await sheet.count_answers(tx, "tea", "early", *hours, 30, "Asia/Shanghai")
        tags = (await client.get(f"{BASE}/segments/buyers/sheet")).json()["tags"]
        borne = {each["tag"]: each["customers"] for each in tags}
        return [basket.goods for basket in baskets], sorted({basket.customer for basket in whose}), answers, borne

    async with runtime.database.transaction() as tx:
        await tx.execute(
            """
            insert into segment_stays (shop, customer, segment, episode, entered_at, left_at)
            values ('tea', 'c1', 'early', 'e', :at, :at)
            """,
            at=NOW - timedelta(days=15),
        )
    goods, whose, answers, borne = await found()
    assert (len(goods), whose, answers, borne) == (4, ["c1"], (1, 1), {"gold": 1, "silver": 2})
    await merge(runtime, events, (CustomerMerged, "c2", "c1", 1))
    assert await found() == (goods, ["c2"], (1, 1), {"gold": 1, "silver": 2})
    await merge(runtime, events, (CustomerUnmerged, "c2", "c1", 2))
    assert await found() == (goods, ["c1"], answers, borne)


async def test_verify_finds_a_person_who_stands_otherwise_than_the_merges_say(runtime: Runtime, events: Any) -> None:
    await merge(runtime, events, (CustomerMerged, "c2", "c1", 1))
    async with runtime.database.transaction() as tx:
        await tx.execute("update people set person = 'c3' where customer = 'c1'")
    assert await differences(runtime) == [
        "segmentation: tea/c1: is one person with c2, by a merge, and no row keeps it",
        "segmentation: tea/c1: is one person with c3, and no merge says so",
    ]


@pytest.mark.parametrize(
    ("edges", "people"),
    [
        ([], set()),
        ([("b", "a")], {("b", "a"), ("a", "a")}),
        ([("b", "a"), ("a", "c")], {("a", "c"), ("b", "c"), ("c", "c")}),
        ([("b", "a"), ("a", "b")], {("a", "a"), ("b", "a")}),
    ],
)
def test_edges_are_laid_flat_chains_and_circles_too(edges: list[tuple[str, str]], people: set[tuple[str, str]]) -> None:
    rows: Any = [SimpleNamespace(shop="tea", customer=customer, merged_into=into) for customer, into in edges]
    assert set(list_flat(rows)) == {("tea", *each) for each in people}
