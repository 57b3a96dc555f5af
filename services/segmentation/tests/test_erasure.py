"""An erasure removes what was said of a customer, in whatever order it is read; totals stay (SEC-006)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from common.bus.subscriptions import Batch
from common.events import Event
from common.events.customers import CustomerErased, CustomerRegistered
from common.events.segments import SegmentLeft, SegmentsErased, TagChanged
from common.process.runtime import Runtime
from common.storage.database import Database
from common.verification import Verification, list_erased, without_erased
from segmentation.handlers import SUBSCRIPTIONS, on_profiles, on_tags
from segmentation.jobs.verifying_said import ERASED, expectations

from .conftest import NOW
from .shop_life import _no_topic, announced, differences_into

BASE = "/v1/shops/tea"


async def erase(database: Database, erased: Event[CustomerErased]) -> None:
    """As a process does: every handler of the event, in order."""
    async with database.transaction() as tx:
        for each in SUBSCRIPTIONS:
            if CustomerErased in each.types:
                await each.handler(tx, Batch([erased]))


async def said_of(database: Database, customer: str) -> list[int]:
    """Rows of the profile, tags, and stays with a reason."""
    async with database.transaction() as tx:
        return [
            int(await tx.value(f"select count(*) from {rows} and shop = 'tea' and customer = :c", c=customer))
            for rows in (
                "profiles where true",
                "tags where true",
                "segment_stays where coalesce(entered_why, left_why) is not null",
            )
        ]


async def test_profile_tags_and_reasons_go_and_the_segments_that_asked_for_them_are_left(
    client: httpx.AsyncClient, runtime: Runtime, events: Any
) -> None:
    await client.put(f"{BASE}/segments/vip", json={"name": "VIP", "expression": "tag vip"})
    await client.post(f"{BASE}/tags/vip/customers", json={"customers": ["c1", "c2"]})
    profile = events.make("c1", NOW, CustomerRegistered(city="Hangzhou", revision=1))
    async with runtime.database.transaction() as tx:
        await on_profiles(tx, Batch([profile]))
    await runtime.sweeper.sweep()
    assert await said_of(runtime.database, "c1") == [1, 1, 1]
    kept = await said_of(runtime.database, "c2")
    await erase(runtime.database, events.make("c1", NOW, CustomerErased()))
    assert await said_of(runtime.database, "c1") == [0, 0, 0]
    assert await said_of(runtime.database, "c2") == kept, "nobody else's"
    answer = await client.post(f"{BASE}/tags/vip/customers", json={"customers": ["c1"]})
    assert answer.json() == {"changed": 0, "unknown": ["c1"]}
    await runtime.sweeper.sweep()
    facts = await announced(runtime.database)
    assert [e.customer[1] for e in facts if isinstance(e.data, SegmentLeft) and e.data.segment == "vip"] == ["c1"]
    (confirmed,) = [e for e in facts if isinstance(e.data, SegmentsErased)]
    assert not {"profiles", "tags"} & confirmed.data.kept.keys()
    assert confirmed.data.kept["sales"] > 0, "what counts in totals stays"


@pytest.mark.parametrize("erased_first", [True, False])
async def test_in_a_rebuild_it_is_forgotten_in_whatever_order_it_is_read_and_verify_misses_nothing(
    new_db: Callable[[], Any], events: Any, erased_first: bool
) -> None:
    database = await new_db()
    profile = events.make("c1", NOW, CustomerRegistered(city="Hangzhou", revision=1))
    tag = events.make("c1", NOW, TagChanged(tag="vip", borne=True, source="import"))
    erased = events.make("c1", NOW, CustomerErased())
    if erased_first:
        await erase(database, erased)
    async with database.transaction() as tx:
        await on_profiles(tx, Batch([profile]))
        await on_tags(tx, Batch([tag]))
    if not erased_first:
        await erase(database, erased)
    assert await said_of(database, "c1") == [0, 0, 0]
    run = Verification("segmentation", database, _no_topic, b"", differences_into([]))
    kept = without_erased(expectations, ERASED, await list_erased(run))
    for event in (profile, tag):
        body = event.as_dict()
        assert [each.name[0] for each in expectations(body) if each.name[0] in ("profile", "tag")]
        assert not [each for each in kept(body) if each.name[0] in ("profile", "tag")]
