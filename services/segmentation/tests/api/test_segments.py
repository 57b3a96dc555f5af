"""Segments over HTTP: previewed, saved, kept current by events and by dates, explained, ended, and rebuilt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.bus.inbox import claim
from common.bus.subscriptions import Batch
from common.events.membership import TierChanged
from common.events.segments import SegmentDefined, SegmentEntered, SegmentLeft, TagChanged
from common.process.runtime import Runtime
from common.verification import Verification
from segmentation.commands.segments import written_out
from segmentation.expressions.parsing import parse
from segmentation.fold import CLAIMED
from segmentation.handlers import on_definitions, on_inputs, on_members, on_stays, on_tags
from segmentation.jobs.verifying import verify_segments

from ..conftest import NOW
from ..shop_life import _no_topic, announced, differences_into, of_the_shop

BASE = "/v1/shops/tea"
QUIET = {"name": "Quiet", "expression": "stage = returning and days_since_last_order >= 40"}


async def save(client: httpx.AsyncClient, segment: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await client.put(f"{BASE}/segments/{segment}", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def inside(client: httpx.AsyncClient, segment: str) -> list[str]:
    answer = (await client.get(f"{BASE}/segments/{segment}/customers")).json()
    return [each["customer"] for each in answer["customers"]]


async def moves(runtime: Runtime) -> list[tuple[str, str, str]]:
    return [
        (event.data.segment, "in" if isinstance(event.data, SegmentEntered) else "out", event.customer[1])
        for event in await announced(runtime.database)
        if isinstance(event.data, SegmentEntered | SegmentLeft) and event.data.segment != "lapsed"
    ]


async def take(runtime: Runtime, *events: Any) -> None:
    async with runtime.database.transaction() as tx:
        await tx.lock_customers(event.customer for event in events)
        await on_inputs(tx, Batch(await claim(tx, [(e, e.encode()) for e in events], CLAIMED)))


async def differences(runtime: Runtime) -> list[str]:
    lines: list[str] = []
    await verify_segments(Verification("segmentation", runtime.database, _no_topic, b"", differences_into(lines)))
    return lines


async def test_a_preview_counts_and_samples_and_saves_nothing(client: httpx.AsyncClient) -> None:
    """SEG-045."""
    answer = (await client.post(f"{BASE}/segments/preview", json={"expression": QUIET["expression"]})).json()
    assert (answer["customers"], answer["looked_at"], answer["sample"]) == (1, 5, ["c1"])
    assert answer["in_english"] == "stage is returning and days since the last order is at least 40"
    assert (await client.get(f"{BASE}/segments")).json() == {"segments": []}
    facts = (await client.get(f"{BASE}/segment-facts")).json()["facts"]
    assert {"orders", "tier", "views"} <= {fact["name"] for fact in facts}


async def test_a_segment_is_kept_current_by_events_and_by_dates_and_says_why(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEG-045, SEG-071: one moves without any event, another with an order; each is announced once, with the reason."""
    assert (await save(client, "quiet", QUIET))["compared"] is False
    await runtime.sweeper.sweep()
    assert await inside(client, "quiet") == ["c1"]
    assert (await client.get(f"{BASE}/segments/quiet")).json()["compared"] is True
    # c2 bought last on 14 February, so the fortieth day begins on 26 March in Shanghai.
    await runtime.set_clock(NOW + timedelta(days=6))
    await runtime.sweeper.sweep()
    assert await inside(client, "quiet") == ["c1", "c2"]
    await take(runtime, events.completed("c1", "2025-03-26T11:00", 9_000))
    await runtime.sweeper.sweep()
    assert await inside(client, "quiet") == ["c2"]
    assert await moves(runtime) == [("quiet", "in", "c1"), ("quiet", "in", "c2"), ("quiet", "out", "c1")]
    assert await differences(runtime) == []
    stays = (await client.get(f"{BASE}/customers/c2/segments")).json()["stays"]
    assert [(s["entered_at"], s["entered_why"]) for s in stays] == [
        (
            "2025-03-25T16:00:00Z",
            "stage is returning: returning; days since the last order is at least 40: 40",
        )
    ]
    left = (await client.get(f"{BASE}/customers/c1/segments")).json()["stays"][0]
    assert left["left_why"] == "not (days since the last order is at least 40): 0"
    why = (await client.get(f"{BASE}/customers/c1/segments/quiet")).json()
    assert (why["inside"], why["why_chinese"]) == (False, "并非（距最近购买天数不少于 40）：0")
    history = (await client.get(f"{BASE}/segments/quiet/history")).json()
    assert [(d["day"], d["entered"], d["left"]) for d in history["days"]] == [
        ("2025-03-20", 1, 0),
        ("2025-03-26", 1, 1),
    ]


async def test_tags_tiers_activity_and_other_segments_move_customers(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    """SEG-044, SEG-045: imported lists are tags; a segment that names another one follows it."""
    await save(client, "quiet", QUIET)
    await save(client, "vip", {"name": "VIP", "expression": 'tag "vip dinner" and tier = Gold'})
    await save(
        client, "any", {"name": "Any", "expression": "segment vip or views in 7 days >= 2 and not segment quiet"}
    )
    answer = await client.post(f"{BASE}/tags/vip dinner/customers", json={"customers": ["c1", "c2", "ghost"]})
    assert answer.json() == {"changed": 2, "unknown": ["ghost"]}
    again = await client.post(f"{BASE}/tags/vip dinner/customers", json={"customers": ["c1"]})
    assert again.json() == {"changed": 0, "unknown": []}
    assert (await client.get(f"{BASE}/tags/vip dinner/customers")).json()["customers"] == ["c1", "c2"]
    assert (await client.get(f"{BASE}/customers/c1/tags")).json()["tags"][0]["source"] == "import"
    gold = events.make("c1", NOW, TierChanged(old="Regular", new="Gold", direction="up", reason="upgrade", revision=2))
    async with runtime.database.transaction() as tx:
        await tx.lock_customers([gold.customer])
        await on_members(tx, Batch([gold]))
    await take(runtime, events.viewed("n1", "2025-03-19T10:00"), events.viewed("n1", "2025-03-19T11:00"))
    await runtime.sweeper.sweep()
    assert (await inside(client, "vip"), await inside(client, "any")) == (["c1"], ["c1", "n1"])
    path = (await client.get(f"{BASE}/segments/any/path", params={"days": 90})).json()
    went = {step["step"]: step["customers"] for step in path["steps"]}
    assert (path["counted"], path["by_lot"]) == (2, False)
    assert went == {"looked": 1, "asked": 0, "ordered": 1, "reviewed": 0, "again": 0}, "XCT-014: n1 looked, c1 bought"
    assert (await client.get(f"{BASE}/segments/none-such/path")).status_code == 404
    removed = await client.post(f"{BASE}/tags/vip dinner/customers/remove", json={"customers": ["c1"]})
    assert removed.json()["changed"] == 1
    # The views leave their week on 26 March.
    await runtime.set_clock(NOW + timedelta(days=6))
    await runtime.sweeper.sweep()
    assert (await inside(client, "vip"), await inside(client, "any")) == ([], [])
    assert await differences(runtime) == []
    needed = await client.delete(f"{BASE}/segments/vip")
    assert (needed.status_code, needed.json()["segments"]) == (409, ["any"])


async def test_a_new_version_and_an_end_move_everybody(client: httpx.AsyncClient, runtime: Runtime) -> None:
    first = await save(client, "buyers", {"name": "Buyers", "expression": "orders >= 1", "replaces": 0})
    await runtime.sweeper.sweep()
    assert await inside(client, "buyers") == ["c1", "c2", "c3"]
    sheet = (await client.get(f"{BASE}/segments/buyers/sheet")).json()
    assert (sheet["customers"], sheet["percent_of_shop"], sheet["bought"]["buyers"]) == (3, 60.0, 3)
    assert sheet["bought"] == {"buyers": 3, "orders": 4, "net": 37_500, "per_buyer": 12_500, "per_order": 9_375}
    assert {(t["trait"], t["value"], t["customers"]) for t in sheet["traits"]} >= {("stage", "returning", 3)}
    stale = await client.put(
        f"{BASE}/segments/buyers", json={"name": "Buyers", "expression": "orders >= 2", "replaces": 7}
    )
    assert stale.status_code == 409
    again = await save(client, "buyers", {"name": "Buyers", "expression": "orders >= 1"})
    assert again["version"] == first["version"] == 1
    await save(client, "buyers", {"name": "Buyers", "expression": "orders >= 2", "replaces": 1})
    await runtime.sweeper.sweep()
    assert await inside(client, "buyers") == ["c2"]
    assert (await client.delete(f"{BASE}/segments/buyers")).status_code == 204
    await runtime.sweeper.sweep()
    assert await inside(client, "buyers") == []
    assert (await client.get(f"{BASE}/segments")).json()["segments"] == []
    assert len((await client.get(f"{BASE}/segments/buyers")).json()["versions"]) == 3


async def test_every_template_can_be_previewed(client: httpx.AsyncClient) -> None:
    """SEG-058, SEG-059."""
    templates = (await client.get(f"{BASE}/segment-templates")).json()["templates"]
    assert len(templates) >= 10
    for each in templates:
        answer = await client.post(f"{BASE}/segments/preview", json={"expression": each["expression"]})
        assert (answer.status_code, answer.json()["in_english"]) == (200, each["in_english"]), answer.text


async def test_a_name_of_blanks_is_none(client: httpx.AsyncClient) -> None:
    for name in ("", "  ", "\t"):
        answer = await client.put(f"{BASE}/segments/blank", json={"name": name, "expression": "lapsed"})
        assert answer.status_code == 422, name


async def test_what_makes_no_segment_says_why(client: httpx.AsyncClient) -> None:
    path = f"{BASE}/segments/x"
    blank = await client.put(path, json={"name": "  ", "expression": "orders > 1"})
    assert blank.status_code == 422, "a name of blanks names nothing"
    bad = await client.put(path, json={"name": "X", "expression": "ordrs > 1"})
    assert (bad.status_code, bad.json()["column"], "Did you mean orders" in bad.text) == (422, 1, True)
    assert (await client.put(path, json={"name": "X", "expression": "segment y"})).json()["segment"] == "y"
    await save(client, "x", {"name": "X", "expression": "lapsed"})
    await save(client, "y", {"name": "Y", "expression": "segment x"})
    circle = await client.put(path, json={"name": "X", "expression": "not segment y"})
    assert (circle.status_code, "leads back to itself" in circle.text) == (422, True)
    assert (await client.put(f"{BASE}/segments/lapsed", json=QUIET)).status_code == 422
    assert (await client.get(f"{BASE}/segments/none/customers")).status_code == 404
    assert (await client.get(f"{BASE}/customers/ghost/segments")).status_code == 404


async def test_a_segment_is_not_made_too_large_by_one_that_it_names(client: httpx.AsyncClient) -> None:
    """Each is small as it stands; what they come to together is what a statement has to hold."""
    thirty = " or ".join(["segment base"] * 30)
    await save(client, "base", {"name": "Base", "expression": "orders >= 1"})
    await save(client, "some", {"name": "Some", "expression": thirty})
    await save(client, "all", {"name": "All", "expression": thirty.replace("base", "some")})
    path, body = f"{BASE}/segments/base", {"name": "Base", "expression": "orders >= 1 and reviews >= 1"}
    refused = await client.put(path, json=body)
    assert (refused.status_code, refused.json()["type"]) == (413, "/problems/too_large"), refused.text
    assert "'all'" in refused.json()["detail"]
    assert (await client.get(path)).json()["expression"] == "orders >= 1"
    twice = {"expression": "segment all or segment all"}
    assert (await client.post(f"{BASE}/segments/preview", json=twice)).status_code == 413
    odd = await client.get(f"{path}/history", params={"until": "0001-01-01"})
    assert odd.status_code == 422


def test_segments_that_name_each_other_are_counted_once_each() -> None:
    """Thirty steps that double: written out they come to 2^30 conditions."""
    trees = {"s0": parse("member"), **{f"s{n}": parse(f"segment s{n - 1} or segment s{n - 1}") for n in range(1, 31)}}
    assert written_out(parse("segment s30"), trees, {}) == 2**30


@pytest.mark.parametrize("size", [1, 100])
async def test_a_rebuild_reads_definitions_tags_and_stays_back_and_announces_nobody_anew(
    client: httpx.AsyncClient, runtime: Runtime, new_db: Callable[[], Any], events: Any, size: int
) -> None:
    await save(client, "buyers", {"name": "Buyers", "expression": "orders >= 1 and tag x"})
    await client.post(f"{BASE}/tags/x/customers", json={"customers": ["c1", "c2"]})
    await runtime.sweeper.sweep()
    await client.post(f"{BASE}/tags/x/customers/remove", json={"customers": ["c2"]})
    await runtime.sweeper.sweep()
    facts = [
        event
        for event in [*await of_the_shop(runtime.database), *await announced(runtime.database)]
        if isinstance(event.data, SegmentDefined | TagChanged | SegmentEntered | SegmentLeft)
    ]
    anew = await new_db()
    for start in range(0, len(facts), size):
        page = facts[start : start + size]
        async with anew.transaction() as tx:
            await tx.lock_customers(e.customer for e in page if e.subject is not None)
            for kinds, handler in (
                (TagChanged, on_tags),
                (SegmentDefined, on_definitions),
                (SegmentEntered | SegmentLeft, on_stays),
            ):
                if mine := [event for event in page if isinstance(event.data, kinds)]:
                    await handler(tx, Batch(mine))
                    await handler(tx, Batch(mine))
    query = """
        select customer, segment, episode, entered_at, entered_why, left_at, left_why
        from segment_stays order by 1, 2, 3
    """
    tagged = "select customer, tag, borne, source, at from tags order by 1"
    async with runtime.database.transaction() as tx:
        was = [tuple(r) for r in await tx.fetch(query)], [tuple(r) for r in await tx.fetch(tagged)]
    async with anew.transaction() as tx:
        again = [tuple(r) for r in await tx.fetch(query)], [tuple(r) for r in await tx.fetch(tagged)]
    assert len(was[0]) == 2
    assert again == was
