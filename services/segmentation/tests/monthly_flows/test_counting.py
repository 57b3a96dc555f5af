"""The counts by month are those that every customer's fold comes to, late news and merges included. On PostgreSQL."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from common.bus.subscriptions import Batch
from common.events.customers import CustomerMerged, CustomerUnmerged
from common.events.segments import LifeCycleChanged, RfmChanged
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.verification import Verification
from segmentation.api.customers import UnknownCustomer
from segmentation.api.monthly_flows import get_rfm_flow, list_flow_customers, list_rfm_flow_customers
from segmentation.api.movements import announced_anew
from segmentation.fold import read_shops
from segmentation.handlers import on_merges
from segmentation.jobs.verifying_flows import verify_flows
from segmentation.monthly_flows import correcting, store
from segmentation.monthly_flows.rules import Flow, Kind, borders

from ..shop_life import START, differences_into, feed, live, shop_life, sweep_all

UNTIL = START + timedelta(days=130)
HALF_AN_HOUR = timedelta(minutes=30)


def _no_topic(topic: str) -> Any:
    raise AssertionError(f"{topic} is not read here")


async def wrong(db: Database) -> list[str]:
    lines: list[str] = []
    await verify_flows(Verification("segmentation", db, _no_topic, b"", differences_into(lines)))
    return lines


async def kept(db: Database) -> dict[Flow, int]:
    async with db.transaction() as tx:
        walk = await store.get_walk(tx, "tea")
        assert walk is not None
        assert walk.upto is None
        return await store.get_flows(tx, "tea", walk.since)


def coarse(counts: Mapping[Flow, int]) -> Counter[Flow]:
    """Of cells R and F alone: a fold knows of a partial refund from its time on, the counts from its order's day on."""
    found = Counter[Flow]()
    for flow, number in counts.items():
        cut = 2 if flow.kind == "rfm" else None
        found[flow._replace(old=flow.old and flow.old[:cut], new=flow.new and flow.new[:cut])] += number
    return found


async def by_folding(db: Database) -> tuple[Counter[Flow], dict[Flow, list[str]]]:
    """What each customer's inputs come to when they are folded anew, step by step; and who went each way."""
    who = dict[Flow, list[str]]()
    async with db.transaction() as tx:
        shop, walk = (await read_shops(tx, ["tea"]))["tea"], await store.get_walk(tx, "tea")
        assert walk is not None
        at = [(each.day, shop.settings.start_of(each.day)) for each in borders(shop, walk.since, walk.counted)]
        names = [row.customer for row in await tx.fetch("select customer from customers order by customer")]
    for name in names:
        async with db.transaction() as tx:
            try:
                found = await announced_anew(tx, ("tea", name))
            except UnknownCustomer:
                continue  # absorbed
        kinds: tuple[tuple[Kind, type[object]], ...] = (("life_cycle", LifeCycleChanged), ("rfm", RfmChanged))
        for kind, said in kinds:
            changes = [
                (moment, data.new if isinstance(data, LifeCycleChanged) else data.cell)
                for moment, data in found
                if isinstance(data, LifeCycleChanged | RfmChanged) and isinstance(data, said)
            ]
            values = []
            for _, instant in at:
                known = bisect_right([moment for moment, _ in changes], instant)
                values.append(changes[known - 1][1] if known else None)
            for (day, _), (old, new) in zip(at, pairwise(values), strict=False):
                if old or new:
                    who.setdefault(Flow(kind, day, old, new), []).append(name)
    return Counter({flow: len(names) for flow, names in who.items()}), who


async def test_seg_013_counts_follow_the_folds_with_late_orders_refunds_and_merges(
    new_db: Callable[[], Any], clock: FixedClock, events: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing happens at the very instant at which a month begins.
    history = [replace(e, time=e.time + HALF_AN_HOUR) for e in shop_life(events, seed=81, customers=25, days=129)]
    db = await new_db()
    late = history[5::6]
    await live(db, clock, [event for event in history if event not in late], timedelta(days=14), UNTIL)
    before = await kept(db)
    assert len({flow.month for flow in before}) == 3, "February, in which the first ones came, to April"
    assert coarse(before) == coarse((await by_folding(db))[0])
    assert len({flow.new for flow in before if flow.kind == "rfm"}) > 4, "customers of many cells"
    await feed(db, late, 7)
    corrected = await kept(db)
    assert corrected != before
    assert await wrong(db) == [], "at once, and not by the next walk"
    await sweep_all(db, clock, UNTIL)
    told, who = await by_folding(db)
    assert await kept(db) == corrected
    assert coarse(corrected) == coarse(told)
    assert {flow: told[flow] for flow in told if flow.kind == "life_cycle"} == {
        flow: corrected[flow] for flow in corrected if flow.kind == "life_cycle"
    }
    async with db.transaction() as tx:
        (_, month, old, new), names = max(
            ((flow, names) for flow, names in who.items() if flow.kind == "life_cycle"), key=lambda one: len(one[1])
        )
        way: dict[str, Any] = {"month": f"{month:%Y-%m}", "old": old or "none", "new": new or "none"}
        page = await list_flow_customers("tea", tx=tx, limit=2, **way)
        rest = await list_flow_customers("tea", tx=tx, after=page.next_after or "", **way)
        shown = {flow.month: flow for flow in corrected if flow.kind == "rfm" and corrected[flow] > 1}
        assert shown
        for flow in shown.values():
            way = {"month": f"{flow.month:%Y-%m}", "old": flow.old or "none", "new": flow.new or "none"}
            behind = await list_rfm_flow_customers("tea", tx=tx, limit=500, **way)
            assert len(behind.customers) == corrected[flow], "the number is that of the list behind it"
        months = (await get_rfm_flow("tea", tx)).months
    assert [*page.customers, *rest.customers] == names
    assert (len(page.customers), rest.next_after) == (2, None)
    told_months = {(each.month, flow.old, flow.new): flow.customers for each in months for flow in each.flows}
    assert told_months == {(f"{f.month:%Y-%m}", f.old, f.new): n for f, n in corrected.items() if f.kind == "rfm"}

    for kind in (CustomerMerged, CustomerUnmerged):
        merge = kind(survivor="c001", absorbed="c002", sequence=1 + (kind is CustomerUnmerged))
        async with db.transaction() as tx:
            await on_merges(tx, Batch([events.make("c001", UNTIL - timedelta(minutes=5), merge)]))
        assert await wrong(db) == []
    assert await kept(db) == corrected, "a merge that was undone never was"

    monkeypatch.setattr(correcting, "MOST", 2)
    old_orders = [events.completed(f"n{n}", START + timedelta(days=40 + n), 900, order=f"n{n}") for n in range(6)]
    await feed(db, old_orders)
    async with db.transaction() as tx:
        assert await store.get_flows(tx, "tea", START.date()) == {}, "too many at once: counted anew, in ten minutes"
    await sweep_all(db, clock, UNTIL)
    assert (await wrong(db), await store_counted(db)) == ([], None)
    await sweep_all(db, clock, UNTIL + correcting.AGAIN)
    anew = await kept(db)
    assert coarse(anew) == coarse((await by_folding(db))[0]) != coarse(corrected)
    async with db.transaction() as tx:
        await tx.execute("update monthly_flows set customers = customers + 1 where kind = 'rfm' and old = ''")
    spoilt = await wrong(db)
    assert spoilt
    assert all("(rfm), and by their orders" in line for line in spoilt)


async def store_counted(db: Database) -> Any:
    async with db.transaction() as tx:
        walk = await store.get_walk(tx, "tea")
    assert walk is not None
    return walk.counted


async def _until_waiting(tx: Transaction, task: asyncio.Task[None]) -> None:
    """Until the task waits for an advisory lock of this database, or has ended."""
    waits = """
        select exists (select from pg_locks where locktype = 'advisory' and not granted
            and database = (select oid from pg_database where datname = current_database()))
    """
    while not task.done() and not await tx.value(waits):
        await asyncio.sleep(0.01)


async def test_a_walk_begins_when_whoever_found_none_has_committed(new_db: Callable[[], Any]) -> None:
    """SEG-013: the first count sees the orders that were stored meanwhile, since nobody corrected it by them."""
    db = await new_db()
    key = ("tea", "c001")

    async def begin() -> None:
        async with db.transaction() as tx:
            await store.begin_walk(tx, "tea", date(2025, 1, 1), date(2025, 3, 1))

    async with db.transaction() as handler:
        assert await store.share_walks(handler, [key]) == {}
        beginning = asyncio.create_task(begin())
        await _until_waiting(handler, beginning)
        assert not beginning.done()
    await beginning
    async with db.transaction() as tx:
        found = await store.share_walks(tx, [key])
        assert (found[key].counted, found[key].passed) == (None, False), "who comes later holds the walk itself"
    async with db.transaction() as tx:
        await store.forget_counts(tx, ["tea"], None)
    async with db.transaction() as handler:
        assert await store.share_walks(handler, [key]) == {}
        beginning = asyncio.create_task(begin())
        await _until_waiting(handler, beginning)
        assert not beginning.done(), "nor after the counts were forgotten"
    await beginning
