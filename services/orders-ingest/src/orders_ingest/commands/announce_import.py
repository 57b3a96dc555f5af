"""Whether an import is taking rows is announced, so that nobody draws a conclusion from half a history."""

from __future__ import annotations

from common.events import Event
from common.events.shops import ImportEnded, ImportStarted
from common.storage.database import Transaction
from orders_ingest.imports import store
from orders_ingest.imports.store import Job


async def announce_start(tx: Transaction, job: Job) -> None:
    """Rows of the job, which is locked, are taken from now on; not announced again before its end was."""
    taken = await store.begin(tx, job)
    if taken is not None:
        await _announce(tx, job, ImportStarted(job_id=job.job_id), f"import-{job.job_id}-started-after-{taken}")


async def announce_end(tx: Transaction, job: Job) -> None:
    """Nothing of the job, which is locked, is due any more; where its start was announced."""
    taken = await store.pause(tx, job)
    if taken is not None:
        await _announce(tx, job, ImportEnded(job_id=job.job_id), f"import-{job.job_id}-ended-after-{taken}")


async def _announce(tx: Transaction, job: Job, data: ImportStarted | ImportEnded, id_: str) -> None:
    await tx.announce([Event(id_, f"/shops/{job.shop}/orders-ingest", job.shop, None, tx.clock.now(), data, "imports")])
