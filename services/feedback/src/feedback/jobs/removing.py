"""The bytes of photos of erased customers are removed from the store, outside of any transaction (SEC-006)."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from common.process.runtime import Runtime
from common.refusals import NotNow
from common.storage.database import Database
from common.storage.failures import passes
from feedback.metrics import PHOTOS_TO_REMOVE
from feedback.photos import store
from feedback.photos.keeping.protocol import Keeper

log = structlog.get_logger()
AT_ONCE = 100
EVERY_S = 5.0


async def remove_photos(database: Database, keeper: Keeper) -> int:
    """Remove what is noted as removed, as long as there is any; how many. A repetition, or two at once, do no harm."""
    removed = 0
    while True:
        async with database.transaction() as tx:
            names = await store.list_removed(tx, AT_ONCE)
        if not names:
            return removed
        for name in names:
            await keeper.remove(name)
        async with database.transaction() as tx:
            await store.note_removed(tx, names)
        removed += len(names)


def removing(keeper_of: Callable[[], Keeper | None]) -> Callable[[Runtime], Coroutine[Any, Any, None]]:
    """Runs for the process's life; a store or a database that is away is asked again."""

    async def run(runtime: Runtime) -> None:
        keeper = keeper_of()
        while not runtime.stopping.is_set():
            try:
                if keeper is not None:
                    await remove_photos(runtime.database, keeper)
                async with runtime.database.transaction() as tx:
                    PHOTOS_TO_REMOVE.set(await store.count_removed(tx))
            except NotNow:
                log.warning("photos_not_removed")
            except Exception as error:
                if not passes(error):
                    raise
            await runtime.idle(EVERY_S)

    return run
