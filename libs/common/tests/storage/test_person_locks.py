"""Who counts what a person did waits for everybody who is that person, under whatever name (SEC-012)."""

from __future__ import annotations

import pytest
import pytest_asyncio
from sqlalchemy.exc import DBAPIError

from common.storage.database import Database, Transaction
from common.storage.person_locks import lock_person
from common.values.people import is_same_person, locked_as, said_by_key
from regulars.testing import MigratedDatabase

KEY, OTHER = "1a2b3c4d", "00000000"
NAMES = ["Mara", " mara", "Anna", *(said_by_key(name, key) for name in ("mara", "ANNA", "li") for key in (KEY, OTHER))]


@pytest_asyncio.fixture
async def db(database_from: MigratedDatabase) -> Database:
    return Database(await database_from(), service="toy", pool_size=2)


async def waits(tx: Transaction, name: str, shop: str = "tea", what: str = "by-hand") -> bool:
    await tx.execute("savepoint asked")
    await tx.execute("set local lock_timeout = '20ms'")
    try:
        await lock_person(tx, what, shop, name)
    except DBAPIError as error:
        if "lock timeout" not in str(error):
            raise
        return True
    finally:
        await tx.execute("rollback to savepoint asked")
    return False


@pytest.mark.parametrize("one", NAMES)
async def test_all_names_of_one_person_wait_for_each_other_and_nobody_else(db: Database, one: str) -> None:
    async with db.transaction() as tx, db.transaction() as another:
        await lock_person(tx, "by-hand", "tea", one)
        for name in NAMES:
            assert await waits(another, name) is is_same_person(one, name), name
            assert bool({*locked_as(one)} & {*locked_as(name)}) is is_same_person(one, name)
        assert not await waits(another, one, shop="silk")
        assert not await waits(another, one, what="paid-by")
    await db.close()
