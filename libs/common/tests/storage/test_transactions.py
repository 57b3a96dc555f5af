"""A transaction that reads as of one instant, and the next one on the same connection, which does not."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from common.storage.database import Database


async def test_what_stands_still_neither_sees_nor_makes_changes_and_the_next_transaction_does(db: Database) -> None:
    await _stands_still(db)
    for _ in range(db.engine.pool.size()):  # type: ignore[attr-defined]
        async with db.transaction() as tx:
            assert await tx.value("show transaction_isolation") == "read committed"
            assert await tx.value("show transaction_read_only") == "off"
            await tx.execute("insert into customers (shop, customer) values ('tea', 'c') on conflict do nothing")


async def _stands_still(db: Database) -> None:
    async with db.transaction() as reading:
        await reading.stand_still()
        await reading.stand_still()
        assert await reading.value("select count(*) from customers") == 0
        async with db.transaction() as writing:
            await writing.execute("insert into customers (shop, customer) values ('tea', 'b')")
        assert await reading.value("select count(*) from customers") == 0
        assert await reading.value("show transaction_isolation") == "repeatable read"
    with pytest.raises(DBAPIError, match="read-only"):
        await _write(db, still=True)


async def _write(db: Database, *, still: bool = False, fail: bool = False) -> None:
    async with db.transaction() as tx:
        if still:
            await tx.stand_still()
        await tx.execute("insert into customers (shop, customer) values ('tea', 'd')")
        if fail:
            raise ZeroDivisionError


async def test_who_has_read_already_cannot_stand_still(db: Database) -> None:
    async with db.transaction() as tx:
        await tx.fetch("select 1")
        with pytest.raises(InvalidRequestError):
            await tx.stand_still()


async def test_what_a_block_that_fails_has_written_is_undone(db: Database) -> None:
    with pytest.raises(ZeroDivisionError):
        await _write(db, fail=True)
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from customers") == 0
