"""Concurrent writers of the same customers wait for each other, and never in a circle."""

import asyncio
import random

import pytest_asyncio
from sqlalchemy import text

from common.events import CustomerKey
from common.storage.database import Database, Transaction
from regulars.testing import MigratedDatabase

CONNECTIONS = 8


@pytest_asyncio.fixture
async def db(database_from: MigratedDatabase) -> Database:
    return Database(await database_from(), service="toy", pool_size=CONNECTIONS)


async def test_eight_connections_lock_many_new_customers_without_a_deadlock(db: Database) -> None:
    """Each batch holds new customers between known ones, and every other batch wants them too."""
    rng = random.Random(1)
    names = [("shop", f"c{n:04}") for n in range(600)]
    batches = [rng.sample(names, 50) for _ in range(200)]

    async def work() -> None:
        while batches:
            batch = batches.pop()
            async with db.transaction() as tx:
                assert set(await tx.lock_customers(batch)) == set(batch)
                # A statement later, as every unit of work has one while it holds the locks.
                await tx.value("select pg_sleep(0.001)")

    await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
    async with db.transaction() as tx:
        known = await tx.fetch("select shop, customer from customers")
    assert {tuple(row) for row in known} <= set(names)
    await db.close()


async def test_a_unit_of_work_that_lost_a_deadlock_is_done_again(db: Database) -> None:
    """Two writers lock two customers crosswise; PostgreSQL ends one, and both count."""
    one, other = ("shop", "a"), ("shop", "b")
    async with db.transaction() as tx:
        await tx.lock_customers([one, other])
    both = asyncio.Barrier(2)
    tries: list[CustomerKey] = []

    async def crosswise(first: CustomerKey, second: CustomerKey) -> None:
        async def work(tx: Transaction) -> None:
            tries.append(first)
            await tx.lock_customers([first])
            if len(tries) <= 2:
                await both.wait()
            await tx.lock_customers([second])
            await tx.execute("update customers set revision = revision + 1")

        await db.run(work)

    await asyncio.gather(crosswise(one, other), crosswise(other, one))
    async with db.engine.connect() as connection:
        assert (await connection.execute(text("select sum(revision) from customers"))).scalar() == 4
    assert len(tries) == 3
    await db.close()


async def test_a_shops_first_customers_are_not_read_through_for_each_batch(db: Database) -> None:
    """A plan made while the table was empty, and not analysed since, reads those alone who are to be locked."""
    read = (
        "select coalesce(sum(coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)), 0)"
        " from pg_stat_xact_user_tables where relname = 'customers'"
    )
    size = 50
    for batch in range(20):
        async with db.transaction() as tx:
            await tx.lock_customers(("shop", f"c{batch}-{n}") for n in range(size))
    async with db.transaction() as tx:
        before = await tx.value(read)
        await tx.lock_customers(("shop", f"c7-{n}") for n in range(size))
        assert len(tx.locked) == size
        assert await tx.value(read) - before <= 5 * size
