"""Staged files are taken in chunks, each in one transaction with its job's progress, never ahead of the clock."""

from __future__ import annotations

from dataclasses import replace

import orjson
import structlog

from common.events.orders import OrderEvent
from common.process.runtime import Runtime
from common.refusals import Conflict, Invalid, Refusal
from common.storage.database import Database, Transaction
from common.storage.failures import is_temporary, passes
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.announce_import import announce_end, announce_start
from orders_ingest.commands.take_events import take_events
from orders_ingest.imports import store, store_refusals
from orders_ingest.imports.staging import refused_row
from orders_ingest.imports.store import Job, Progress, StagedRow
from orders_ingest.intake.checks import check
from orders_ingest.intake.state import Offered, Outcome, refused
from orders_ingest.orders.store_reading import get_event_ids

log = structlog.get_logger()
CHUNK = 500
IDLE_S = 0.5
ERASED = "customer_erased"
FULL = 5_000
"""Unpublished facts above which imports wait."""


class NotHandled(Invalid):
    """An event of a file that cannot be handled, which is a mistake of this code; the rest of the file goes on."""

    def __init__(self, error: Exception) -> None:
        super().__init__("handler_failed", f"this event could not be handled: {type(error).__name__}")


class OrderTaken(Conflict):
    """A mended line belongs to an order that was taken without it."""

    def __init__(self, order_id: str) -> None:
        super().__init__(
            "order_taken",
            f"order {order_id} was taken without this line: send it as it should be by PUT .../orders/{order_id}",
        )


ANOTHER_FILE = (
    "this line of another file came under the same `name` before: give each file a name of its own (`name`, --name),"
    " and the same one to the same file alone"
)
"""Of the slug `same_id_other_body`: a line is named by its file's name and its number."""


async def take_chunk(tx: Transaction, vault: Vault, limit: int = CHUNK) -> int:
    """Take the next rows of the oldest open job; returns how many. 0: nothing is due, or the outbox is full.

    A kill before the commit leaves rows, counts and events as they were; so the next run goes on from there.
    """
    job = await _lock_job(tx)
    return await _take(tx, vault, job, limit) if job is not None else 0


async def take_one(tx: Transaction, vault: Vault) -> int:
    """Take the next row alone; one that cannot be handled goes to the job's refusals. The rows done, 0 or 1.

    In one transaction, which keeps the job: another process that took it between the failure and the refusal would
    have dealt with the row, and the one behind it would be refused.
    """
    job = await _lock_job(tx)
    if job is None:
        return 0
    try:
        async with tx.savepoint():
            return await _take(tx, vault, job, 1)
    except Exception as error:
        if is_temporary(error):
            raise
        rows = await store.take_rows(tx, job, tx.clock.now(), 1)
        bodies = [vault.open_line(row.place, row.body) for row in rows]
        await _save(tx, vault, job, rows, bodies, [refused(None, NotHandled(error))] * len(rows))
        return len(rows)


async def _lock_job(tx: Transaction) -> Job | None:
    return None if await store.outbox_is_full(tx, FULL) else await store.lock_next_job(tx, tx.clock.now())


async def _take(tx: Transaction, vault: Vault, job: Job, limit: int) -> int:
    now = tx.clock.now()
    rows = await store.take_rows(tx, job, now, limit)
    if rows:
        await announce_start(tx, job)
    bodies = [vault.open_line(row.place, row.body) for row in rows]
    checked = [check(orjson.loads(body), job.shop, now) for body in bodies]
    checked = [
        replace(c, original=r.original) if isinstance(c, Offered) else c for c, r in zip(checked, rows, strict=True)
    ]
    if (name := await store.get_mending(tx, job)) is not None:
        checked = await _without_taken(tx, job, f"/shops/{job.shop}/import/{name}", checked)
    taken = iter(await take_events(tx, vault, [c for c in checked if isinstance(c, Offered)]))
    outcomes = [c if isinstance(c, Outcome) else next(taken) for c in checked]
    await _save(tx, vault, job, rows, bodies, outcomes)
    return len(rows)


async def _without_taken(
    tx: Transaction, job: Job, source: str, checked: list[Offered | Outcome]
) -> list[Offered | Outcome]:
    """Refuses mended lines of an order that the import took without them: the lines alone would replace it."""
    ids = {c.event.data.order_id for c in checked if isinstance(c, Offered) and isinstance(c.event.data, OrderEvent)}
    taken = await get_event_ids(tx, job.shop, source, ids)
    return [
        refused(c.event.id, OrderTaken(c.event.data.order_id))
        if isinstance(c, Offered)
        and isinstance(c.event.data, OrderEvent)
        and taken.get(c.event.data.order_id, c.event.id) != c.event.id
        else c
        for c in checked
    ]


def _said(refusal: Refusal) -> str:
    """Why a line was refused, as who has a file and no events reads it."""
    return ANOTHER_FILE if refusal.slug == "same_id_other_body" else refusal.detail


async def _save(
    tx: Transaction, vault: Vault, job: Job, rows: list[StagedRow], bodies: list[bytes], outcomes: list[Outcome]
) -> None:
    refusals = [
        # Of an erased customer nothing is kept.
        refused_row(vault, job, row.line, o.refusal.slug, _said(o.refusal), b"" if o.refusal.slug == ERASED else body)
        for row, body, o in zip(rows, bodies, outcomes, strict=True)
        if o.refusal is not None
    ]
    await store_refusals.insert_refusals(tx, refusals)
    statuses = [o.status for o in outcomes]
    await store.save_progress(
        tx, job, Progress(statuses.count("accepted"), statuses.count("duplicate"), statuses.count("refused"))
    )
    await announce_end(tx, job)


async def step(database: Database, vault: Vault) -> int:
    """One chunk in its transaction; a row that cannot be handled is found by taking rows one by one."""
    try:
        async with database.transaction() as tx:
            return await take_chunk(tx, vault)
    except Exception as error:
        if is_temporary(error):
            raise
        log.warning("import_one_by_one", detail=repr(error)[:500])
    done = 0
    for _ in range(CHUNK):
        async with database.transaction() as tx:
            one = await take_one(tx, vault)
        done += one
        if one == 0:
            break
    return done


async def run_imports(runtime: Runtime) -> None:
    """For the process's life: take what is staged and due; a lost database is waited for."""
    vault = Vault(runtime.keys)
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
