"""One customer's failing work stops nobody else's: it is set aside, shown, and tried again."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from common.events.kept import Kept
from common.fold.customers import fold_due, lock_due
from common.fold.folding import Due, Effect, Folding
from common.fold.items import State
from common.fold.store_customers import LOCK_DUE
from common.storage.database import Database, Transaction
from common.time.clock import FixedClock
from common.work import set_aside
from common.work.set_aside import Task
from common.work.sweeps import BATCH, Job, Sweeper, WorkList

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Marked(State):
    done: bool = False
    bad: bool = False


class Marking(Folding[Marked]):
    """Everybody is due once, a day ago; who is bad cannot be done while the rules are broken."""

    state = Marked
    kept = Kept({})
    broken = True

    def empty(self) -> Marked:
        return Marked()

    def next_due(self, state: Marked) -> Due | None:
        return None if state.done else Due(NOW - timedelta(days=1), "mark")

    def fall_due(self, state: Marked, due: Due) -> list[Effect]:
        state.done = True
        if state.bad and self.broken:
            raise ZeroDivisionError("a fault of the rules")
        return []

    def apply(self, state: Marked, event: object) -> list[Effect]:
        return []

    def difference(self, before: Marked, posted: None, after: Marked, at: datetime) -> list[Effect]:
        return []


@pytest.fixture
def marking() -> Marking:
    return Marking()


@pytest.fixture
def marks(marking: Marking) -> WorkList:
    async def take(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
        return await lock_due(tx, "marks", now, limit)

    async def do(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        return len((await fold_due(tx, marking, [(t.shop, t.customer) for t in tasks], now)).states)

    return WorkList("marks", take, do)


async def fill(db: Database, good: int, bad: int) -> None:
    """Customers who are all due, the bad ones before the others."""
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into customers (shop, customer, state, due_at)
            select 's', case when n <= cast(:bad as integer) then 'bad' else 'c' end || n,
                   cast(case when n <= cast(:bad as integer) then '{"bad": true}' else '{}' end as jsonb),
                   cast(:now as timestamptz) - interval '2 days' + n * interval '1 second'
            from generate_series(1, cast(:all as integer)) n
            """,
            all=good + bad,
            bad=bad,
            now=NOW,
        )


async def left(db: Database) -> list[str]:
    async with db.transaction() as tx:
        return [
            r.customer
            for r in await tx.fetch("select customer from customers where due_at <= :now order by 1", now=NOW)
        ]


async def test_who_cannot_be_folded_is_set_aside_and_everybody_else_is_done(db: Database, marks: WorkList) -> None:
    await fill(db, good=BATCH + 30, bad=2)
    ran: list[int] = []

    async def other(tx: Transaction, now: datetime, limit: int) -> int:
        ran.append(limit)
        return 0

    await Sweeper(db, [marks, Job("other", other)]).sweep()
    assert await left(db) == ["bad1", "bad2"]
    assert ran
    async with db.transaction() as tx:
        assert await set_aside.count_by_job(tx) == {"marks": 2}
        first, _ = await set_aside.list_tasks(tx, ("", "", "", ""), 9)
    assert (first["customer"], first["tries"], first["retry_at"]) == ("bad1", 1, NOW + timedelta(minutes=1))
    assert "ZeroDivisionError" in first["detail"]


async def test_it_is_tried_again_with_growing_pauses_until_it_works(
    db: Database, marks: WorkList, marking: Marking
) -> None:
    await fill(db, good=1, bad=1)
    sweeper, clock, pauses = Sweeper(db, [marks]), db.clock, []
    assert isinstance(clock, FixedClock)
    for _ in range(14):
        await sweeper.sweep()
        async with db.transaction() as tx:
            (task,) = await set_aside.list_tasks(tx, ("", "", "", ""), 9)
        pauses.append((task["retry_at"] - clock.now()) // timedelta(minutes=1))
        clock.set(task["retry_at"])
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440]
    marking.broken = False
    await sweeper.sweep()
    assert await left(db) == []
    async with db.transaction() as tx:
        assert await set_aside.count_by_job(tx) == {}


async def test_a_retry_can_be_ordered_before_its_time(db: Database, marks: WorkList, marking: Marking) -> None:
    await fill(db, good=0, bad=3)
    sweeper = Sweeper(db, [marks])
    await sweeper.sweep()
    marking.broken = False
    assert await sweeper.sweep() == 0, "their pause is not over"
    async with db.transaction() as tx:
        assert await set_aside.retry_now(tx, "other", NOW) == 0
        assert await set_aside.retry_now(tx, None, NOW) == 3
    assert await sweeper.sweep() == 3
    assert await left(db) == []


async def test_what_a_failed_task_wrote_and_remembered_is_undone(db: Database) -> None:
    """Rows locked by the transaction are as they were: a fold after the failure starts from the stored state."""
    async with db.transaction() as tx:
        row = (await tx.lock_customers([("s", "a")]))["s", "a"]
        with contextlib.suppress(ZeroDivisionError):
            async with tx.savepoint():
                row.revision = 9
                await tx.lock_customers([("s", "b")])
                raise ZeroDivisionError
        assert list(tx.locked) == [("s", "a")]
        assert tx.locked["s", "a"].revision == 0
        assert await tx.value("select count(*) from customers") == 1


async def test_a_job_that_fails_or_never_ends_keeps_no_other_from_its_turn(db: Database) -> None:
    order: list[str] = []

    def job(name: str, batches: int) -> Job:
        state = {"left": batches}

        async def batch(tx: Transaction, now: datetime, limit: int) -> int:
            order.append(name)
            if batches < 0:
                raise ZeroDivisionError
            state["left"] -= 1
            return max(0, state["left"])

        return Job(name, batch)

    sweeper = Sweeper(db, [job("failing", -1), job("busy", 4), job("small", 2)])
    with pytest.raises(ZeroDivisionError):
        await sweeper.sweep()
    assert order[:7] == ["failing", "busy", "small", "busy", "small", "busy", "busy"]
    assert order.count("failing") == 1
    await sweeper.sweep(patiently=True)
    assert order.count("failing") == 1, "a job that failed waits a while"
    assert order[-2:] == ["busy", "small"]


async def test_what_one_job_makes_due_for_another_is_done_in_the_same_round(db: Database) -> None:
    waiting = {"first": 0, "second": 1}

    async def first(tx: Transaction, now: datetime, limit: int) -> int:
        taken, waiting["first"] = waiting["first"], 0
        return taken

    async def second(tx: Transaction, now: datetime, limit: int) -> int:
        taken, waiting["second"] = waiting["second"], 0
        waiting["first"] += taken
        return taken

    assert await Sweeper(db, [Job("first", first), Job("second", second)]).sweep() == 2


async def test_a_bite_that_takes_too_long_is_halved_and_the_last_one_is_set_aside(db: Database) -> None:
    await fill(db, good=5, bad=0)
    tried: list[int] = []

    async def take(tx: Transaction, now: datetime, limit: int) -> Sequence[Task] | None:
        return await lock_due(tx, "slow", now, limit)

    async def do(tx: Transaction, now: datetime, tasks: Sequence[Task]) -> int:
        tried.append(len(tasks))
        if any(task.customer == "c3" for task in tasks):
            await tx.execute("set local statement_timeout = 1")
            await tx.fetch("select pg_sleep(5)")
        for task in tasks:
            await tx.execute("update customers set due_at = null where customer = :c", c=task.customer)
        return len(tasks)

    await Sweeper(db, [WorkList("slow", take, do)]).sweep()
    assert await left(db) == ["c3"]
    assert tried[:2] == [5, 2]
    async with db.transaction() as tx:
        assert await set_aside.count_by_job(tx) == {"slow": 1}


async def test_many_due_at_one_midnight_are_found_by_the_index_and_not_sorted(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.execute(
            """
            insert into customers (shop, customer, due_at)
            select 's', md5(cast(n as text)), cast(:now as timestamptz) from generate_series(1, 20000) n
            """,
            now=NOW,
        )
        await tx.execute("analyze customers")
        given = {"jobs": ["marks", "others"], "now": NOW, "limit": 200, "without": []}
        plan = [row[0] for row in await tx.fetch(f"explain {LOCK_DUE}", **given)]
    assert any("customers_due" in line for line in plan), plan
    assert not any("Sort" in line for line in plan), plan
