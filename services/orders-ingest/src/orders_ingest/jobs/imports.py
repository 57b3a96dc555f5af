"""The loop that takes staged imports."""

from __future__ import annotations

import structlog

from common.process.runtime import Runtime
from common.storage.failures import passes
from orders_ingest.archive.vault import Vault
from orders_ingest.imports.job import step

log = structlog.get_logger()
IDLE_S = 0.5


async def run_imports(runtime: Runtime) -> None:
    """For the process's life: take what is staged and due; a lost database is waited for."""
    vault = Vault(runtime.keys, runtime.master)
    while not runtime.stopping.is_set():
        try:
            done = await step(runtime.database, vault)
        except Exception as error:
            if not passes(error):
                raise
            log.warning("imports_paused", reason=type(error).__name__, detail=str(error)[:300])
            done = 0
        if done == 0:
            await runtime.idle(IDLE_S)
