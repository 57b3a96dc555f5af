"""What need not be kept goes, and nothing else: facts by days, claims by age, bodies of dead events."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from prometheus_client import REGISTRY
from sqlalchemy.exc import DBAPIError

from common import metrics
from common.bus import retention
from common.bus.inbox import claim_each, key_of
from common.process import pruning
from common.process.pruning import Pruner
from common.process.settings import Settings
from common.storage.database import Database

from .toy import tick

DAY = 86_400
SETTINGS = Settings(
    database_url="postgresql://nobody@nowhere/none",
    kafka_bootstrap_servers="nowhere:1",
    master_key="AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  # type: ignore[arg-type]
)


async def put(
    db: Database, id_: str, days_ago: float, *, published: float | None = 0, refused: str | None = None
) -> None:
    """A fact as one of so many days ago stands there, published so many days after; None: never."""
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into outbox (slot, id, aggregatetype, aggregateid, type, shop, payload, recorded_at, published_at,
                                refused)
            select cast(floor(extract(epoch from at) / 86400) as bigint) % 16, :id, 'toy', 's/c', 'toy.ticked', 's',
                   '{}', at, at + cast(:published as interval), :refused
            from (select now() - cast(:ago as interval) as at) as told
            """,
            id=id_,
            ago=timedelta(days=days_ago),
            published=None if published is None else timedelta(days=published),
            refused=refused,
        )


async def left(db: Database, sql: str = "select id from outbox order by id") -> list[Any]:
    async with db.transaction() as tx:
        return [row[0] for row in await tx.fetch(sql)]


async def prune(db: Database, **more: Any) -> None:
    await Pruner(db, SETTINGS, **more).prune()


async def test_days_of_published_facts_go_whole_and_the_last_ones_stay(db: Database) -> None:
    for days in (0, 1, 2, 4, 5, 9):
        await put(db, f"{days}", days)
    async with db.transaction() as tx:
        await tx.announce([tick(1)])
        before = await tx.value("select pg_relation_size(tableoid) from outbox where id = '9'")
    assert before > 0
    await prune(db)
    assert await left(db) == ["0", "1", "2", "e1"]
    async with db.transaction() as tx:
        sizes = await tx.value(
            "select sum(pg_relation_size(inhrelid)) from pg_inherits where inhparent = cast('outbox' as regclass)"
        )
    assert sizes <= 4 * 8192, "what is gone takes no room"


@pytest.mark.parametrize("kept", [{"published": None}, {"published": None, "refused": "too large"}])
async def test_what_was_not_published_keeps_its_partition_and_what_was_goes_row_by_row(
    db: Database, kept: dict[str, Any]
) -> None:
    """Whatever its place among the others is."""
    await put(db, "first", 8)
    await put(db, "kept", 8, **kept)
    await put(db, "last", 8)
    await prune(db)
    assert await left(db) == ["kept"]
    async with db.transaction() as tx:
        await tx.execute("update outbox set published_at = now() - interval '4 days', refused = null")
    await prune(db)
    assert await left(db) == []


async def test_a_fact_that_was_published_late_stays_its_days_from_then(db: Database) -> None:
    """Kafka was away for six days."""
    await put(db, "old", 8, published=6)
    await prune(db)
    assert await left(db) == ["old"]


async def test_weeks_without_the_job_lose_nothing_and_insertion_never_lacks_a_partition(db: Database) -> None:
    """The ring has turned: today's partition holds facts of sixteen and of thirty-two days ago."""
    for days in (16, 32):
        await put(db, f"{days}", days)
    await put(db, "today", 0)
    for days in (17, 33):
        await put(db, f"{days}", days)
    await prune(db)
    assert await left(db) == ["16", "32", "today"], "they go when today's have been published for so long"
    async with db.transaction() as tx:
        await tx.execute("update outbox set published_at = published_at - interval '4 days' where id = 'today'")
    await prune(db)
    assert await left(db) == []


async def test_emptying_a_partition_holds_up_no_writer_and_waits_for_no_reader(db: Database) -> None:
    await put(db, "old", 8)
    (slot,) = await left(db, "select slot from outbox")
    async with db.transaction() as reader:
        await reader.fetch("select * from outbox")
        emptying = asyncio.create_task(prune(db))
        async with db.transaction() as tx:
            await tx.announce([tick(1)])
        with pytest.raises(DBAPIError, match="lock timeout"):
            await emptying
    assert await left(db) == ["e1", "old"]
    async with db.transaction() as emptier:
        assert await retention.empty_slot(emptier, slot, timedelta(days=3))
        async with db.transaction() as tx:
            await tx.announce([tick(2)])
    assert await left(db) == ["e1", "e2"]


async def test_a_fact_that_came_before_the_lock_was_had_stays(db: Database) -> None:
    await put(db, "old", 8)
    async with db.transaction() as tx:
        (slot,) = await retention.slots_to_empty(tx, timedelta(days=3))
        await tx.execute("update outbox set published_at = null")
    async with db.transaction() as tx:
        assert not await retention.empty_slot(tx, slot, timedelta(days=3))
    assert await left(db) == ["old"]


async def test_nothing_goes_while_facts_are_sent_again(db: Database) -> None:
    await put(db, "old", 8)
    async with db.transaction() as tx:
        await tx.execute("insert into republishing (first, done, upto) values (1, 0, 1)")
    await prune(db)
    assert await left(db) == ["old"]


async def test_a_claim_goes_when_no_repeat_can_come_and_not_before(db: Database) -> None:
    async with db.transaction() as tx:
        await claim_each(tx, [(tick(n), b"body") for n in range(3)])
        for n, days in ((0, 59), (1, 61)):
            await tx.execute(
                "update inbox set recorded_at = now() - cast(:ago as interval) where key = :key",
                ago=timedelta(days=days),
                key=key_of(("shop", "/shops/shop/toy", f"e{n}")),
            )
    await prune(db, keeps_claims=True)
    assert len(await left(db, "select key from inbox")) == 3
    assert await left(db, "select before from forgotten") == []
    await prune(db)
    async with db.transaction() as tx:
        assert await claim_each(tx, [(tick(n), b"body") for n in range(3)]) == ["duplicate", "new", "duplicate"]
        assert await tx.value("select extract(day from now() - before) from forgotten") == 60


async def test_offsets_are_not_cleared_once_claims_are_gone(db: Database) -> None:
    """Whoever reads everything again would count it again."""
    async with db.transaction() as tx:
        await tx.execute("insert into offsets values ('orders', 0, 7, 'c')")
        await tx.execute("delete from offsets where topic = 'orders'")
        await tx.execute("insert into forgotten (before) values (now())")
    for sql in ("delete from offsets", "truncate offsets"):
        with pytest.raises(DBAPIError, match="rebuild the service into an empty one"):
            async with db.transaction() as tx:
                await tx.execute(sql)


async def test_the_body_of_a_dead_event_goes_when_it_was_sent_again_long_ago_and_its_place_stays(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into dead_events (topic, partition, "offset", cluster, slug, detail, body, recorded_at, resent_at)
            select 'orders', 0, number, 'c', 'handler_failed', '', 'body', now() - interval '90 days',
                   now() - cast(nullif(number, 0) || ' days' as interval)
            from generate_series(0, 40, 20) as number
            """
        )
    await prune(db)
    assert await left(db, 'select body from dead_events order by "offset"') == [b"body", b"body", None]


async def test_pages_end_and_one_process_at_a_time_prunes(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "ROWS", 2)
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into inbox select gen_random_uuid(), gen_random_uuid(), now() - interval '70 days'
            from generate_series(1, 5)
            """
        )
    await put(db, "old", 8)
    async with db.transaction() as other:
        assert await retention.hold(other)
        await prune(db)
    assert len(await left(db, "select key from inbox")) == 5
    assert await left(db) == ["old"]
    await prune(db)
    assert await left(db, "select key from inbox") == await left(db) == []


def removed_at() -> float:
    return REGISTRY.get_sample_value("pruning_last_success_timestamp_seconds") or 0.0


async def test_a_round_while_another_process_prunes_is_no_success(db: Database) -> None:
    metrics.PRUNED_AT.set(1)
    async with db.transaction() as other:
        assert await retention.hold(other)
        await prune(db)
    assert removed_at() == 1
    await prune(db)
    assert removed_at() > 1


async def test_retention_that_fails_from_the_first_round_on_ends_nothing_and_is_seen(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XCT-006: whatever fails, the service goes on; the age of the last success, if any, tells of it."""
    monkeypatch.setattr(pruning, "AGAIN_S", 0.05)
    metrics.PRUNED_AT.set(0)
    async with db.transaction() as tx:
        await tx.execute("alter table traces rename to traces_away")
    pruner = Pruner(db, SETTINGS)
    running = asyncio.create_task(pruner.run())
    await asyncio.sleep(0.5)
    assert not running.done()
    assert removed_at() == 0, "a start is no success: a service that is started again and again is seen"
    async with db.transaction() as tx:
        await tx.execute("alter table traces_away rename to traces")
    failed_until = time.time()
    while removed_at() < failed_until:
        await asyncio.sleep(0.05)
    await pruner.stop()
    await running
