"""An import goes on where it stood, whatever is repeated, killed or held back by the clock (ORD-005)."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from common.bus.broker import BrokerUnavailable
from common.events import Event
from common.process.runtime import Runtime
from common.process.settling import due
from common.storage.database import Database
from common.time.clock import FixedClock
from orders_ingest.archive.vault import Vault
from orders_ingest.imports import store
from orders_ingest.jobs import imports as job
from orders_ingest.main import counters

Published = Callable[[], Awaitable[list[Event[Any]]]]


async def everything(db: Database) -> list[Any]:
    """All that an import changes, but for insertion times, sequence numbers, keys, nonces, and its start and end."""
    async with db.transaction() as tx:
        found = [
            await tx.fetch("select key, hash from inbox order by key"),
            await tx.fetch(
                "select shop, customer, order_id, revision, cast(body as text) from orders order by 1, 2, 3"
            ),
            await tx.fetch("select * from refunds order by shop, customer, refund_id"),
            await tx.fetch("select shop, order_id, source, id, at from archive order by source, id"),
            await tx.fetch(
                "select payload from outbox where aggregatetype not in ('customer-keys', 'shops') order by seq"
            ),
        ]
    return [[tuple(row) for row in rows] for rows in found]


async def test_the_same_file_twice_changes_nothing_and_a_longer_one_adds_its_new_rows(
    importing: Any, db: Database
) -> None:
    """ORD-005: importing the same file twice gives the same totals, be it packed or in white space columns."""
    text = "\n".join(importing.cdnow.splitlines()[:6])
    await importing.upload(text)
    await importing.run()
    before, totals = await everything(db), await importing.get("/report")
    white = "\r\n".join(" " + line.replace("-", "").replace(",", "  ") for line in text.splitlines())
    for again in (text, gzip.compress(text.encode()), white.replace("number_of_cds", "number_of_cds ")):
        id_ = await importing.upload(again)
        await importing.run()
        report = await importing.get(f"/imports/{id_}")
        assert (report["state"], report["accepted"], report["duplicates"]) == ("done", 0, 5)
    assert (await everything(db), await importing.get("/report")) == (before, totals)
    id_ = await importing.upload(text + "\n00009,1997-02-01,1,10.00")
    await importing.run()
    report = await importing.get(f"/imports/{id_}")
    assert (report["accepted"], report["duplicates"]) == (1, 5)


async def test_rows_wait_until_the_clock_has_passed_them(
    importing: Any, db: Database, clock: FixedClock, published: Published, runtime: Runtime
) -> None:
    runtime.settings = runtime.settings.model_copy(update={"set_clock": True})
    clock.set(datetime(1997, 1, 5, tzinfo=UTC))
    id_ = await importing.upload("\n".join(importing.cdnow.splitlines()[:6]), zone="UTC")
    async with db.transaction() as tx:
        assert await counters(tx) == {"leases": 2}
    assert await importing.run() == 2
    assert (await importing.get(f"/imports/{id_}"))["state"] == "running"
    async with db.transaction() as tx:
        assert await due(runtime, tx) == 0
    clock.set(datetime(1997, 1, 12, 12, tzinfo=UTC))
    assert await importing.run() == 3
    assert [e.id for e in await published()] == [
        "line-000000001",
        "line-000000005",
        "line-000000002",
        "line-000000003",
        "line-000000004",
    ]
    assert (await importing.get(f"/imports/{id_}"))["state"] == "done"


async def test_that_history_is_on_its_way_is_announced_before_it_and_when_it_is_in(
    importing: Any, db: Database, clock: FixedClock, runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A21: around each stretch of rows that have fallen due, however it is cut into chunks."""
    monkeypatch.setattr(job, "CHUNK", 1)
    runtime.settings = runtime.settings.model_copy(update={"set_clock": True})
    clock.set(datetime(1997, 1, 5, tzinfo=UTC))
    await importing.upload("\n".join(importing.cdnow.splitlines()[:6]), zone="UTC")
    for day in (5, 6, 12, 13):
        clock.set(datetime(1997, 1, day, 12, tzinfo=UTC))
        await importing.run()
    async with db.transaction() as tx:
        rows = await tx.fetch(
            "select id, type, cast(payload as json) ->> 'time' as at from outbox "
            "where aggregatetype in ('shops', 'orders') order by seq"
        )
    assert [(row.type, row.at[:10]) for row in rows if row.type.startswith("import")] == [
        ("import.started", "1997-01-05"),
        ("import.ended", "1997-01-05"),
        ("import.started", "1997-01-12"),
        ("import.ended", "1997-01-12"),
    ]
    assert len({row.id for row in rows}) == len(rows) == 9
    kinds = "".join({"import.started": "<", "import.ended": ">"}.get(row.type, "o") for row in rows)
    assert kinds == "<oo><ooo>"


@pytest.mark.parametrize("chunk", [1, 2, 500])
async def test_killed_in_the_middle_it_goes_on_where_it_stood(
    importing: Any, chunk: Any, db: Database, vault: Vault, monkeypatch: pytest.MonkeyPatch, published: Published
) -> None:
    """A runner cancelled inside its transaction, again and again, ends with what an undisturbed one ends with."""
    monkeypatch.setattr(job, "CHUNK", chunk)
    await importing.upload(importing.retail, layout="online_retail")
    save, kills = store.save_progress, iter([True, False, True, False, False, True])

    async def save_or_die(*args: Any) -> None:
        await save(*args)
        if next(kills, False):
            raise asyncio.CancelledError

    monkeypatch.setattr(store, "save_progress", save_or_die)
    died = 0
    while True:
        try:
            async with db.transaction() as tx:
                if not await job.take_chunk(tx, vault, chunk):
                    break
        except asyncio.CancelledError:
            died += 1
    assert died
    report = await importing.get("/imports/online_retail-1")
    assert (report["state"], report["accepted"], report["staged"]) == ("done", 9, 9)
    assert len(await published()) == 9


async def test_imports_wait_while_live_events_queue_up(
    importing: Any, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await importing.upload(importing.cdnow)
    monkeypatch.setattr(job, "FULL", 0)
    async with db.transaction() as tx:
        await tx.execute(
            "insert into outbox (id, aggregatetype, aggregateid, type, shop, payload) "
            "values ('x', 'orders', 'k', 't', 'demo', '{}')"
        )
    assert await importing.step() == 0
    async with db.transaction() as tx:
        await tx.execute("update outbox set published_at = now()")
    assert await importing.step() == 5


async def test_a_lost_database_is_not_a_bad_row(importing: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    await importing.upload(importing.cdnow)

    async def fail(*_: Any) -> None:
        raise BrokerUnavailable("gone")

    with monkeypatch.context() as patched:
        patched.setattr(job, "take_events", fail)
        with pytest.raises(BrokerUnavailable):
            await importing.step()
    assert await importing.step() == 5
