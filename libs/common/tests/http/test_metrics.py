"""Metrics say what the tables and the parts of the process hold."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from common import metrics
from common.process.observing import Observer, ahead_of, observe
from common.process.runtime import PARTS, Runtime
from common.refusals import NotNow
from common.storage.backup_slots import PREFIX
from common.storage.database import Database

from .conftest import METRICS_KEY


async def test_the_backlog_and_the_dead_are_counted(client: httpx.AsyncClient, runtime: Runtime) -> None:
    """XCT-006: metrics."""
    async with runtime.database.transaction() as tx:
        await tx.execute(
            """
            insert into outbox (id, aggregatetype, aggregateid, type, shop, payload, recorded_at, published_at, refused)
            select n::text, 'orders', 'demo/c1', 'order.paid', 'demo', '{}', now() - interval '1 minute' * n,
                   case when n = 3 then now() end, case when n = 4 then 'too large' end
            from generate_series(1, 4) n
            """
        )
        await tx.execute(
            """
            insert into dead_events (topic, partition, "offset", cluster, slug, detail, resent_at)
            values ('orders', 0, 1, 'k', 's', 'd', null), ('orders', 0, 2, 'k', 's', 'd', now())
            """
        )
    await Observer(runtime).observe()
    text = (await client.get("/metrics", headers=WATCHING)).text
    assert "outbox_unpublished_rows 2.0" in text
    assert "outbox_dead_rows 1.0" in text, "the broker refuses it for good: it waits for nobody"
    assert 'dead_events{consumer="toy"} 1.0' in text
    assert 115 < (REGISTRY.get_sample_value("outbox_oldest_unpublished_seconds") or 0) < 180


WATCHING = {"authorization": f"Bearer {METRICS_KEY}"}


async def test_they_name_shops_and_are_for_the_scraper_alone(
    app: FastAPI, client: httpx.AsyncClient, runtime: Runtime
) -> None:
    """SEC-001: nobody learns which shops there are. The scraper's key counts while the database is away, being
    rebuilt too, and opens nothing else; a shop's own key opens nothing of all shops."""
    assert (await client.get("/metrics", headers={"authorization": ""})).status_code == 401
    made = {"name": "watcher", "scopes": ["metrics:read", "things:read"]}
    for shop, status in (("demo", 403), ("*", 200)):
        key = (await client.post("/v1/keys", json=made | {"shop": shop})).json()["key"]
        assert (await client.get("/metrics", headers={"authorization": f"Bearer {key}"})).status_code == status, shop
    assert (await client.get("/v1/shops/demo/things", headers=WATCHING)).status_code == 403
    assert (await client.get("/ops/settled", headers=WATCHING)).status_code == 403
    true_database, away = runtime.database, Database("postgresql+asyncpg://u@127.0.0.1:1/d")
    runtime.database = app.state.api_keys._database = away
    runtime.refuses = NotNow("database_rebuilding", "It is being rebuilt.")
    try:
        assert (await client.get("/metrics", headers=WATCHING)).status_code == 200
        assert (await client.get("/ops/settled", headers=WATCHING)).status_code == 503
    finally:
        runtime.database, runtime.refuses = true_database, None


async def test_a_process_s_counts_are_carried_over_once(runtime: Runtime) -> None:
    observer, counter = Observer(runtime), metrics.INBOX_DUPLICATES.labels("carried")
    for count in (3, 3, 5):
        observer._raise(counter, count, "duplicates")
    assert REGISTRY.get_sample_value("inbox_duplicates_total", {"consumer": "carried"}) == 5


async def test_observing_outlives_a_database_that_is_away_and_ends_with_the_process(runtime: Runtime) -> None:
    true_database = runtime.database
    runtime.database = Database("postgresql+asyncpg://u@127.0.0.1:1/d")
    stopping = asyncio.Event()
    metrics.EVENT_LOOP_LAG.set(-1)
    task = asyncio.create_task(observe(runtime, stopping))
    await asyncio.sleep(0.3)
    assert not task.done()
    stopping.set()
    await task
    runtime.database = true_database
    lag = REGISTRY.get_sample_value("event_loop_lag_seconds")
    assert lag is not None
    assert lag >= 0


async def test_every_part_of_the_service_is_told_of_and_what_may_be_used_of_the_database(runtime: Runtime) -> None:
    """A part that runs nowhere is one that every process says it does not run."""
    runtime.parts = PARTS[:1]
    await Observer(runtime).observe()
    assert {part: REGISTRY.get_sample_value("part_runs", {"part": part}) for part in runtime.service.parts} == {
        part: float(part == "api") for part in runtime.service.parts
    }
    assert len(runtime.service.parts) > 1
    limit = REGISTRY.get_sample_value("db_pool_limit")
    assert limit == 2 * runtime.settings.pool_size
    assert abs(REGISTRY.get_sample_value("clock_ahead_of_database_seconds") or 0) < 1


async def test_a_continuous_backup_that_nobody_runs_is_seen_by_the_log_that_is_kept_for_it(runtime: Runtime) -> None:
    """RPO: an archive that stands still is told by the service, since a dead command tells nothing."""

    async def seen() -> tuple[float | None, float | None]:
        await Observer(runtime).observe()
        return REGISTRY.get_sample_value("backups_incomplete"), REGISTRY.get_sample_value("backup_log_kept_bytes")

    incomplete, _ = await seen()
    slot, others = f"{PREFIX}{uuid4().hex[:8]}", f"standby_{uuid4().hex[:8]}"
    async with runtime.database.transaction() as tx:
        for name in (slot, others):
            await tx.execute("select pg_create_physical_replication_slot(:name, true)", name=name)
    try:
        async with runtime.database.transaction() as tx:
            await tx.execute("select pg_logical_emit_message(false, 'test', repeat('x', 100000))")
        now, kept = await seen()
        assert now == (incomplete or 0) + 1, "another tool's slot is no backup of ours"
        assert kept is not None
        assert kept >= 100_000
    finally:
        async with runtime.database.transaction() as tx:
            for name in (slot, others):
                await tx.execute("select pg_drop_replication_slot(:name)", name=name)


@pytest.mark.parametrize(
    ("there", "ahead"),
    [(100.0, 0.0), (100.4, 0.0), (97.0, 3.0), (104.0, -3.5)],
    ids=["equal", "asked in between", "it is behind, so ours is ahead", "it is ahead, so ours is behind"],
)
def test_a_clock_is_wrong_by_what_the_time_of_asking_does_not_explain(there: float, ahead: float) -> None:
    assert ahead_of(there, 100.0, 100.5) == pytest.approx(ahead)


async def test_a_hold_of_the_event_loop_is_seen_whenever_it_came(runtime: Runtime) -> None:
    """Not only where it meets the moment of looking."""
    stopping = asyncio.Event()
    task = asyncio.create_task(observe(runtime, stopping))
    await asyncio.sleep(1)
    time.sleep(2)  # noqa: ASYNC251 # what holds the loop
    await asyncio.sleep(0.5)
    stopping.set()
    await task
    assert (REGISTRY.get_sample_value("event_loop_lag_seconds") or 0) > 1
