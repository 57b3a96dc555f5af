"""What the tests of libs/common share."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest_asyncio

from common.storage.database import Database
from common.time.clock import FixedClock
from regulars.testing import MigratedDatabase


@pytest_asyncio.fixture
async def db(database_from: MigratedDatabase) -> AsyncIterator[Database]:
    """A migrated database of the test's own, with a clock at 2026-01-01."""
    database = Database(await database_from(), clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)), service="toy")
    yield database
    await database.close()
