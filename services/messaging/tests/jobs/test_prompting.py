"""What is woken by something to decide."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from common.storage.database import Transaction
from common.work.sweeps import Job, Sweeper
from messaging.decisions.store import lock_due_customers
from messaging.main import decide_promptly

from ..sending import until


async def test_a_notice_waits_for_no_round_of_the_sweep_that_is_under_way(messaging: Any) -> None:
    """P4: a round goes through all jobs, and one of them may take long; offers alone give cause for one."""
    began, goes_on, rounds = asyncio.Event(), asyncio.Event(), 0

    async def long(_tx: Transaction, _now: datetime, _limit: int) -> int:
        nonlocal rounds
        rounds += 1
        began.set()
        await goes_on.wait()
        return 0

    runtime = messaging.runtime()
    runtime.sweeper = Sweeper(messaging.database, [Job("long", long)])
    await messaging.feed(*messaging.known("c1"), *messaging.known("c2"))
    deciding = asyncio.create_task(decide_promptly(runtime))
    try:
        heard = "select from pg_stat_activity where datname = current_database() and query ~* '^listen'"
        await until(lambda: messaging.rows(f"select 1 where not exists ({heard})"))
        await messaging.feed(messaging.tier_up(1, customer="c1"))
        await asyncio.wait_for(began.wait(), 30)
        await messaging.feed(messaging.notice("o1", customer="c2"))
        await until(
            lambda: messaging.rows("select 1 from candidates where purpose = 'transactional' and outcome is null")
        )
        assert await messaging.rows("select customer, purpose from messages") == [("c2", "transactional")]
        assert rounds == 1, "the offer waits for the round under way"
    finally:
        goes_on.set()
        runtime.stop()
        await deciding


async def test_the_look_for_notices_reads_no_backlog_of_offers(messaging: Any) -> None:
    """A morning's window opens, and hundreds of thousands of offers are due."""
    await messaging.feed(*messaging.known("c1"), *messaging.known("n1"), messaging.tier_up(1))
    copied = """
        insert into candidates select (jsonb_populate_record(c, jsonb_build_object('message_id', 'm' || n))).*
        from candidates c, generate_series(1, 3000) n where c.purpose <> 'transactional' returning 1
    """
    assert len(await messaging.rows(copied)) == 3_000
    await messaging.feed(messaging.notice("o1", customer="n1"))
    read = "select seq_tup_read + idx_tup_fetch from pg_stat_xact_user_tables where relname = 'candidates'"
    async with messaging.database.transaction() as tx:
        await tx.execute("analyze candidates")
        before = await tx.value(read)
        found = await lock_due_customers(tx, messaging.clock.now(), 100, notices=True)
        assert found == [("s", "n1")]
        assert await tx.value(read) - before < 100
