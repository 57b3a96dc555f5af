"""Work that falls due: small SKIP LOCKED batches of every job in turn, never a scan of every customer.

A job that fails waits, longer each time, while the others go on. Of a work list the customers that fail are found one
by one, set aside (`common.work.set_aside`) and tried again later; the rest of the batch is done.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog

from common import tracing
from common.storage.database import Database, Transaction
from common.storage.failures import is_temporary, is_too_slow, where
from common.work import set_aside
from common.work.asking import ask
from common.work.set_aside import Task

log = structlog.get_logger()
BATCH = 200
RETRIED = 10
"""So many tasks that were set aside are tried again in a turn."""
LONGEST_PAUSE_S = 60.0
_NO_LIMIT = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """`batch(tx, now, limit)` does one batch of due work in its transaction and returns how many rows it did."""

    name: str
    batch: Callable[[Transaction, datetime, int], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class WorkList:
    """A job whose work is one customer's each, so that none of them can stop the others.

    `take(tx, now, limit)` locks at most so many due tasks that are not set aside, moves on what cursor it has, and
    returns them; None when nothing is due. `do(tx, now, tasks)` does them, one or many, and returns how many rows.
    `most`: so many tasks at most are taken at a time. `share`: of the time, the most that it may take in the long run;
    patient sweeps keep to it. `ahead_s`: so much work is done at once where it has rested, and rested for afterwards,
    so that a little is soon done and a lot keeps to the share. `rebuilds`: what it does follows from the inputs alone,
    so it is done in a rebuild too. `asks`: an SQL condition that holds wherever something is due
    (`common.work.asking`); a list without one is always asked itself.
    """

    name: str
    take: Callable[[Transaction, datetime, int], Awaitable[Sequence[Task] | None]]
    do: Callable[[Transaction, datetime, Sequence[Task]], Awaitable[int]]
    most: int = BATCH
    share: float = 1.0
    ahead_s: float = 0.0
    rebuilds: bool = False
    asks: str | None = None


@dataclass(slots=True)
class _Standing:
    """How a job fares: its batch, smaller after one that took too long, and its pause (failure, share).

    `paid_until`: when its share of the time will have paid for all it did.
    """

    most: int
    limit: int
    pause_s: float = 0.0
    until: float = 0.0
    paid_until: float = 0.0

    def failed(self) -> None:
        self.pause_s = min(max(1.0, 2 * self.pause_s), LONGEST_PAUSE_S)
        self.until = time.monotonic() + self.pause_s

    def went_well(self) -> None:
        self.limit, self.pause_s, self.until = min(2 * self.limit, self.most), 0.0, 0.0

    def rest(self, began: float, share: float, ahead_s: float) -> None:
        """Pause until no more than `ahead_s` of what was done is yet to be paid for by the share."""
        self.paid_until = max(self.paid_until, began) + (time.monotonic() - began) / share
        self.until = self.paid_until - ahead_s / share


class Sweeper:
    """Runs the jobs in turns: on the wall clock every second, on a set clock only when asked.

    `read_until` says up to which instant all that was in the log is in the database, and None where nothing may be
    swept; absent where there is no log to wait for.
    """

    def __init__(
        self,
        database: Database,
        jobs: Sequence[Job | WorkList],
        *,
        read_until: Callable[[], Awaitable[datetime | None]] | None = None,
        before: Callable[[Transaction], Awaitable[None]] | None = None,
        held: bool = False,
        every_s: float = 1.0,
    ) -> None:
        self._database = database
        self.jobs = tuple(jobs)
        most = {job.name: job.most if isinstance(job, WorkList) else BATCH for job in jobs}
        self._standing = {name: _Standing(limit, limit) for name, limit in most.items()}
        self._read_until = read_until
        self._before = before
        self._every_s = every_s
        self._stopping = asyncio.Event()
        self.held = held
        self.waiting = False
        self.done = 0

    async def run(self) -> None:
        while not self._stopping.is_set():
            if not self.held:
                await self.sweep(patiently=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._every_s)

    async def stop(self) -> None:
        self._stopping.set()

    async def sweep(self, *, patiently: bool = False, until: datetime = _NO_LIMIT) -> int:
        """One round: a batch of every job in turn, until nothing is due anywhere; returns the rows done.

        `patiently`: what fell due after the log was read stays due, jobs in a pause are left out, and the round ends
        early where the consumer falls behind meanwhile. Otherwise all that is due by `until` is done, and the first
        failure of a job is raised, after the others had their turns.
        """
        total, failure = 0, None
        limit = await self._limit() if patiently else until
        if limit is None:
            return 0
        now = time.monotonic()
        jobs = [job for job in self.jobs if not patiently or self._standing[job.name].until <= now]
        active, worked = await self._asked(jobs, limit), False
        while active and not self._stopping.is_set():
            for job in tuple(active):
                try:
                    done = await self._turn(job, limit)
                except Exception as error:
                    # What the turn did was rolled back whole; a later round finds the same rows due.
                    self._standing[job.name].failed()
                    log.warning("job_failed", job=job.name, temporary=is_temporary(error), detail=where(error))
                    failure, done = failure or error, None
                    jobs.remove(job)
                if done is None:
                    active.remove(job)
                    continue
                worked = True
                if patiently and self._standing[job.name].until > time.monotonic():
                    active.remove(job)
                    jobs.remove(job)
                total += done
                self.done += done
                if patiently and (limit := await self._limit()) is None:
                    return total
                if self._stopping.is_set():
                    break
            if not active and worked:
                # What one job did may have made work for another.
                active, worked = await self._asked(jobs, limit), False
        if failure is not None and not patiently:
            raise failure
        return total

    async def _asked(self, jobs: Sequence[Job | WorkList], until: datetime) -> list[Job | WorkList]:
        """The jobs without those that say by one statement for all of them that nothing of theirs is due."""
        asking = {job.name: job.asks for job in jobs if isinstance(job, WorkList) and job.asks is not None}
        try:
            async with self._database.transaction() as tx:
                if self._before is not None:
                    await self._before(tx)
                due = await ask(tx, asking, min(tx.clock.now(), until))
        except Exception as error:
            # Each has its turn then, and fails by itself if it has to.
            log.warning("not_asked", temporary=is_temporary(error), detail=where(error))
            return list(jobs)
        return [job for job in jobs if job.name not in asking or job.name in due]

    async def _turn(self, job: Job | WorkList, until: datetime) -> int | None:
        """One batch of what was due by then, in the job; the rows done, None when it had nothing to do."""
        standing, tasks, began = self._standing[job.name], list[Task](), time.monotonic()
        service = self._database.service
        try:
            async with self._database.transaction() as tx:
                if self._before is not None:
                    await self._before(tx)
                now = min(tx.clock.now(), until)
                if isinstance(job, Job):
                    done = await job.batch(tx, now, standing.limit) or None
                else:
                    done = await work(tx, job, now, standing.limit, tasks)
        except Exception as error:
            tracing.swept(service, job.name, time.monotonic() - began, 0, error)
            if not isinstance(job, WorkList) or not tasks or not is_too_slow(error):
                raise
            if len(tasks) > 1:
                standing.limit = max(1, len(tasks) // 2)
                log.warning("smaller_batch", job=job.name, limit=standing.limit)
                return 0
            async with self._database.transaction() as tx:
                await set_aside.put(tx, job.name, tasks[0], tx.clock.now(), where(error))
            return 1
        if done:
            tracing.swept(service, job.name, time.monotonic() - began, done)
        standing.went_well()
        if done and isinstance(job, WorkList) and job.share < 1:
            standing.rest(began, job.share, job.ahead_s)
        return done

    async def _limit(self) -> datetime | None:
        try:
            limit = await self._read_until() if self._read_until is not None else _NO_LIMIT
        except Exception:
            limit = None  # nobody is downgraded while we cannot know what is in the log
        self.waiting = limit is None
        return limit


async def work(
    tx: Transaction, job: WorkList, now: datetime, limit: int, tasks: list[Task] | None = None
) -> int | None:
    """Try again what is due of the tasks set aside, then do a batch of the list; the rows done, None without any due.

    `tasks` is filled with what is at work, for who has to know it when the transaction fails.
    """
    retried, tasks = 0, [] if tasks is None else tasks
    for task in await set_aside.lock_due(tx, job.name, now, RETRIED):
        tasks[:] = [task]
        if await _one(tx, job, now, task):
            await set_aside.remove(tx, job.name, task)
            retried += 1
    tasks.clear()
    taken = await job.take(tx, now, limit)
    if taken is None:
        return retried or None
    tasks[:] = taken
    if not tasks:
        return retried
    try:
        async with tx.savepoint():
            return retried + max(1, await job.do(tx, now, tasks))
    except Exception as error:
        if is_temporary(error) or is_too_slow(error):
            raise
        log.warning("one_by_one", job=job.name, tasks=len(tasks), detail=where(error))
    for task in taken:
        await _one(tx, job, now, task)
    return retried + len(taken)


async def _one(tx: Transaction, job: WorkList, now: datetime, task: Task) -> bool:
    """Do one task; False when it failed and was set aside."""
    try:
        async with tx.savepoint():
            await job.do(tx, now, [task])
        return True
    except Exception as error:
        if is_temporary(error):
            raise
        log.error("set_aside", job=job.name, shop=task.shop, detail=where(error))
        await set_aside.put(tx, job.name, task, now, where(error))
        return False
