"""The start of a service: what waiting does not mend ends it with a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from common.process.runtime import Service, build_runtime
from common.process.settings import Settings
from common.service.starting import CannotStart, await_database
from regulars.testing import EmptyDatabase

TOY = Service("toy", Path("nowhere"))


async def start(url: str, master_key: str) -> None:
    settings = Settings(
        database_url=url.replace("+asyncpg", ""),
        kafka_bootstrap_servers="127.0.0.1:1",
        master_key=master_key,  # type: ignore[arg-type]
    )
    runtime = build_runtime(TOY, settings)
    try:
        await await_database(runtime, migrating=True)
    finally:
        await runtime.database.close()


async def test_another_master_key_than_that_of_the_first_start_is_refused(database: EmptyDatabase) -> None:
    """SEC-001: a process that can open nothing in its database must not look ready."""
    url, key = await database(), "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    await start(url, key)
    await start(url, key)
    with pytest.raises(CannotStart, match="MASTER_KEY is not the key"):
        await start(url, key.replace("A", "B"))
