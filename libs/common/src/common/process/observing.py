"""Carries what the parts of a process have counted over to its metrics, every five seconds."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import get_args

import structlog
from prometheus_client import Counter

from common import metrics
from common.bus.consumer import State
from common.process.runtime import Runtime
from common.storage.backup_slots import look_at_backups
from common.storage.failures import passes
from common.work import set_aside

log = structlog.get_logger()
EVERY_S = 5.0
BEAT_S = 0.5
"""So often the event loop is looked at meanwhile: what holds it for longer is seen."""


class Observer:
    """Carries what the parts of one process have counted over to the metrics."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: dict[tuple[str, ...], int] = {}

    async def observe(self) -> None:
        """Set all metrics now. Raises what the database raises; those of the process itself are set first."""
        runtime = self._runtime
        name = runtime.name
        metrics.DB_POOL_IN_USE.set(getattr(runtime.database.engine.pool, "checkedout", lambda: 0)())
        metrics.DB_POOL_LIMIT.set(runtime.database.most_sessions)
        consumer = runtime.consumer
        if consumer is not None:
            self._raise(metrics.INBOX_DUPLICATES.labels(name), consumer.counts.duplicates, "duplicates")
            self._raise(metrics.LATE_INPUTS.labels(name), consumer.counts.late, "late")
            for kind, count in consumer.counts.by_type.items():
                self._raise(metrics.EVENTS_APPLIED.labels(name, kind), count, "applied", kind)
            for state in get_args(State):
                metrics.CONSUMER_STATE.labels(name, state).set(consumer.state == state)
            metrics.CONSUMER_ASSIGNED.set(len(consumer.broker.assigned))
            metrics.CONSUMER_STOPPED.labels(name, "fuse").set(consumer.blown is not None)
            metrics.CONSUMER_STOPPED.labels(name, "outdated").set(consumer.outdated is not None)
            metrics.CONSUMER_SINCE_PROGRESS.set(consumer.broker.seconds_since_progress)
            self._raise(metrics.CONSUMER_RECREATED, consumer.broker.recreated, "recreated")
        for part in runtime.service.parts:
            metrics.PART_RUNS.labels(part).set(part in runtime.parts)
        metrics.RELAY_HOLDER.set(runtime.relay is not None and runtime.relay.holder)
        self._raise(metrics.SWEEP_ROWS, runtime.sweeper.done, "sweeps")
        async with runtime.database.transaction() as tx:
            # Of a table without statistics PostgreSQL takes hardly any column for null, and would read all of today's
            # outbox, each time, for the few rows that a partial index has.
            await tx.execute("set local enable_seqscan = off")
            # The backlog of the relay; its age by the database's own clock, since a set clock may stand still.
            row = await tx.fetch_one(
                """
                select count(*) as rows, coalesce(extract(epoch from now() - min(recorded_at)), 0) as age
                from outbox where published_at is null and refused is null
                """
            )
            refused = await tx.value("select count(*) from outbox where refused is not null")
            dead = await tx.value("select count(*) from dead_events where resent_at is null")
            aside = await set_aside.count_by_job(tx)
            before = time.time()
            there = await tx.value("select extract(epoch from clock_timestamp())::float8")
            metrics.CLOCK_AHEAD.set(ahead_of(there, before, time.time()))
            backups = await look_at_backups(tx)
            metrics.BACKUPS_INCOMPLETE.set(backups.incomplete)
            metrics.BACKUP_KEPT.set(backups.bytes)
        if row is not None:
            metrics.OUTBOX_UNPUBLISHED.set(row.rows)
            metrics.OUTBOX_OLDEST.set(max(0.0, float(row.age)))
            metrics.OUTBOX_DEAD.set(refused)
        metrics.DEAD_EVENTS.labels(name).set(dead)
        for job in runtime.sweeper.jobs:
            metrics.SET_ASIDE.labels(job.name).set(aside.get(job.name, 0))

    def _raise(self, counter: Counter, now: int, *key: str) -> None:
        seen = self._seen.get(key, 0)
        self._seen[key] = now
        counter.inc(max(0, now - seen))


def ahead_of(there: float, before: float, after: float) -> float:
    """By how much a clock that said `before` and `after` is at least ahead of one that was asked in between; negative:
    behind. 0 where the answer lies within, so that a slow answer is no wrong clock."""
    return max(0.0, before - there) or min(0.0, after - there)


async def observe(runtime: Runtime, stopping: asyncio.Event) -> None:
    """Set all metrics every five seconds until the process stops; a database that is away only leaves some stale."""
    observer = Observer(runtime)
    while not stopping.is_set():
        try:
            await observer.observe()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("metrics_stale", reason=type(error).__name__)
        metrics.EVENT_LOOP_LAG.set(await _latest(stopping))


async def _latest(stopping: asyncio.Event) -> float:
    """Wait five seconds, or until the process stops; by how much the loop woke us late at the most, in seconds."""
    loop = asyncio.get_running_loop()
    until, latest = loop.time() + EVERY_S, 0.0
    while (now := loop.time()) < until and not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), BEAT_S)
        latest = max(latest, loop.time() - now - BEAT_S)
    return latest
