"""Routes of operation that every service has: clock, sweep, settled check, dead events, tasks set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Query, Request
from pydantic import BaseModel, Field

from common.bus.broker import Position as Place
from common.bus.consumer import NotStoppedThere
from common.bus.halving import HANDLER_FAILED
from common.events.fields import Cursor, PlannedTime, Position, Text
from common.http.api import Body, Router, Tx, require, runtime_of
from common.http.problems import Problem
from common.process.resending import take_again
from common.process.runtime import Runtime
from common.process.settling import settled as settled_now
from common.refusals import Refusal
from common.storage.database import Transaction
from common.storage.failures import passes, where
from common.work import set_aside

router = Router(tags=["operation"])


class NotAReplay(Problem):
    def __init__(self) -> None:
        super().__init__(
            409, "not_a_replay", "This stack runs on the wall clock: only one started with SET_CLOCK=1 takes this."
        )


class ClockIn(Body):
    now: PlannedTime


class ClockOut(BaseModel):
    now: datetime


class SweepOut(BaseModel):
    done: int


class DeadOut(BaseModel):
    """A dead event without its body; `slug` and `detail` say why, `resent_at` when it was taken again."""

    dead_id: int
    topic: str
    partition: int
    offset: int
    shop: str | None
    source: str | None
    event_id: str | None
    type: str | None
    slug: str
    detail: str
    recorded_at: datetime
    resent_at: datetime | None


class StoppedAtIn(Body):
    """The place that readiness names: topic/partition@offset."""

    topic: Text
    partition: Position
    offset: Position


class BuriedOut(BaseModel):
    """`next`: what to do now."""

    next: str = "Restart the processes of this service; they pass over the event."


class DeadBodyOut(BaseModel):
    dead_id: int
    slug: str
    detail: str
    body: str


class TaskOut(BaseModel):
    """`what` tells tasks of one customer apart; often empty."""

    shop: str
    customer: str
    job: str
    what: str
    tries: int
    retry_at: datetime
    since: datetime
    detail: str


class RetriedOut(BaseModel):
    tasks: int


class ResentOut(BaseModel):
    dead_id: int
    outcome: str


@router.put("/ops/clock", dependencies=[Depends(require("ops"))])
async def set_clock(body: ClockIn, request: Request) -> ClockOut:
    """Move a replay's clock forward; it never goes back."""
    runtime = runtime_of(request)
    if not runtime.settings.set_clock:
        raise NotAReplay
    return ClockOut(now=await runtime.set_clock(body.now))


@router.post("/ops/sweep", dependencies=[Depends(require("ops"))])
async def sweep(request: Request) -> SweepOut:
    """Do what is due now, once round all jobs; returns the rows done. On the wall clock sweeps run by themselves."""
    runtime = runtime_of(request)
    return SweepOut(done=await runtime.sweeper.sweep())


@router.get("/ops/settled", dependencies=[Depends(require("ops"))])
async def settled(
    request: Request,
    due: Annotated[bool, Query()] = False,
    wait_s: Annotated[float, Query(ge=0, le=30)] = 0,
) -> dict[str, int]:
    """Counters and what is open: lag, outbox, leases; `due=true` also counts due rows; `wait_s` lets the answer wait
    until nothing is open here. Settled when two passes over all services see equal counters and nothing open."""
    return await settled_now(runtime_of(request), due, wait_s)


@router.get("/ops/dead", dependencies=[Depends(require("ops", recorded=True))])
async def list_dead(
    tx: Tx,
    after: Position = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    shop: Annotated[Text | None, Query(description="those of this shop alone")] = None,
    slug: Annotated[Text | None, Query(description="those with this reason alone")] = None,
    resent: Annotated[bool | None, Query(description="true: those sent again; false: the others; absent: all")] = None,
) -> list[DeadOut]:
    """Dead events, oldest first; bodies are not shown here."""
    # Along the primary key: dead events are few.
    rows = await tx.fetch(
        """
        select dead_id, topic, partition, "offset", shop, source, event_id, type, slug, detail, recorded_at, resent_at
        from dead_events
        where dead_id > :after
          and (cast(:shop as text) is null or shop = :shop)
          and (cast(:slug as text) is null or slug = :slug)
          and (cast(:resent as boolean) is null or (resent_at is not null) = :resent)
        order by dead_id limit :limit
        """,
        after=after,
        limit=limit,
        shop=shop,
        slug=slug,
        resent=resent,
    )
    return [DeadOut.model_validate(dict(r._mapping)) for r in rows]


@router.post("/ops/dead", dependencies=[Depends(require("ops", recorded=True))])
async def bury_newer(body: StoppedAtIn, request: Request, tx: Tx) -> BuriedOut:
    """Bury the event of a version newer than this release that reading stopped at, as `unknown_version`: for a record
    that no release wrote. A release that reads the version takes it by `resend`."""
    consumer = runtime_of(request).consumer
    if consumer is None:
        raise NotStoppedThere(None)
    await consumer.bury_newer(tx, Place(body.topic, body.partition), body.offset)
    return BuriedOut()


class UnknownDeadEvent(Problem):
    def __init__(self, dead_id: int) -> None:
        super().__init__(404, "unknown_dead_event", f"There is no dead event {dead_id}; GET /ops/dead lists them.")


class BodyGone(Problem):
    def __init__(self) -> None:
        super().__init__(
            410,
            "body_gone",
            "The body of this dead event is not kept any more: its customer was erased, or it was sent again long ago.",
        )


@router.get("/ops/dead/{dead_id:int}", dependencies=[Depends(require("ops", recorded=True))])
async def get_dead(dead_id: Position, request: Request, tx: Tx) -> DeadBodyOut:
    """One dead event with its body, as it was read; 410 `body_gone` where it is kept no longer."""
    row = await tx.fetch_one("select slug, detail, body from dead_events where dead_id = :id", id=dead_id)
    if row is None:
        raise UnknownDeadEvent(dead_id)
    if row.body is None:
        raise BodyGone
    body = runtime_of(request).open_dead(bytes(row.body)) if row.body else b""
    return DeadBodyOut(dead_id=dead_id, slug=row.slug, detail=row.detail, body=body.decode("utf-8", "replace"))


@router.get("/ops/set-aside", dependencies=[Depends(require("ops"))])
async def list_set_aside(
    tx: Tx,
    shop: Cursor = "",
    customer: Cursor = "",
    job: Cursor = "",
    what: Cursor = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> list[TaskOut]:
    """Customers whose due work failed, with the failure and when it is tried again; a page after the one named."""
    return [TaskOut(**task) for task in await set_aside.list_tasks(tx, (shop, customer, job, what), limit)]


@router.post("/ops/set-aside/retry", dependencies=[Depends(require("ops"))])
async def retry_set_aside(tx: Tx, job: Text | None = None) -> RetriedOut:
    """Have the next sweep try again all that is set aside, of one job or of all."""
    return RetriedOut(tasks=await set_aside.retry_now(tx, job, tx.clock.now()))


class SealedOut(BaseModel):
    """`what`: table and column; `key`: the id of the master key that sealed so many rows, '' of the founding one.

    Of tables that may be long no more than 10,000 rows of a key are counted.
    """

    what: str
    key: str
    rows: int


class MasterKeysOut(BaseModel):
    """`current`: the id of the key that this process seals with."""

    current: str
    sealed: list[SealedOut]


@router.get("/ops/master-keys", dependencies=[Depends(require("ops"))])
async def count_sealed(request: Request) -> MasterKeysOut:
    """How much of this service is sealed with which master key: one may go when no service names it any more."""
    database, keys = runtime_of(request).database, runtime_of(request).keys
    async with database.transaction() as tx:
        found = {"customer_keys.wrapped": await keys.count_wrapped(tx)}
    for kind in runtime_of(request).sealed:
        async with database.transaction() as tx:
            found[kind.name] = await kind.count(tx)
    sealed = [SealedOut(what=w, key=k, rows=n) for w, each in found.items() for k, n in sorted(each.items())]
    return MasterKeysOut(current=keys.master.current, sealed=sealed)


class ResendIn(Body):
    """`body`: the mended event as JSON text; absent: the body as it was read."""

    body: str | None = None


@router.post("/ops/dead/{dead_id:int}/resend", dependencies=[Depends(require("ops", recorded=True))])
async def resend_dead(dead_id: Position, body: ResendIn, request: Request, tx: Tx) -> ResentOut:
    """Take the event again, mended or as it was: it counts as if it had come in time, and once."""
    return ResentOut(dead_id=dead_id, outcome=await resend(runtime_of(request), tx, dead_id, body.body))


class ResendManyIn(Body):
    """Which dead events: those after `after` that nobody has sent again, of one `slug` or of any, `limit` at most."""

    after: Position = 0
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    slug: Text | None = None


class RefusedOut(BaseModel):
    dead_id: int
    slug: str
    detail: str


class ResentManyOut(BaseModel):
    """`after`: where the next page begins; null when there is none."""

    new: int
    duplicate: int
    refused: list[RefusedOut]
    after: int | None


@router.post("/ops/dead/resend", dependencies=[Depends(require("ops", recorded=True))])
async def resend_many(body: ResendManyIn, request: Request) -> ResentManyOut:
    """Take a page of dead events again as they were, each in a transaction of its own; what still cannot be taken is
    named and stays. Asked again from the start, it goes on with what is left."""
    runtime = runtime_of(request)
    async with runtime.database.transaction() as tx:
        # By primary key.
        rows = await tx.fetch(
            """
            select dead_id from dead_events
            where dead_id > :after and resent_at is null and body is not null
              and (cast(:slug as text) is null or slug = :slug)
            order by dead_id limit :limit
            """,
            after=body.after,
            slug=body.slug,
            limit=body.limit,
        )
    return await resend_each(runtime, [row.dead_id for row in rows], body.limit)


async def resend_each(runtime: Runtime, dead_ids: Sequence[int], limit: int) -> ResentManyOut:
    """Take these, a page of at most `limit`, as they were; each in a transaction of its own."""
    outcomes: Counter[str] = Counter()
    refused = []
    for dead_id in dead_ids:
        try:
            async with runtime.database.transaction() as tx:
                outcomes[await resend(runtime, tx, dead_id, None)] += 1
        except Exception as error:
            if passes(error):
                raise
            slug, detail = (error.slug, error.detail) if isinstance(error, Refusal) else (HANDLER_FAILED, where(error))
            refused.append(RefusedOut(dead_id=dead_id, slug=slug, detail=detail))
    after = dead_ids[-1] if len(dead_ids) == limit else None
    return ResentManyOut(new=outcomes["new"], duplicate=outcomes["duplicate"], refused=refused, after=after)


async def resend(runtime: Runtime, tx: Transaction, dead_id: int, mended: str | None) -> str:
    """Take it again, mended or as it was: new|duplicate. Raises a Refusal or Problem that says what is still wrong."""
    row = await tx.fetch_one("select body, topic from dead_events where dead_id = :id for update", id=dead_id)
    if row is None:
        raise UnknownDeadEvent(dead_id)
    if row.body is None:
        raise BodyGone
    raw = mended.encode() if mended is not None else runtime.open_dead(bytes(row.body))
    outcome = await take_again(runtime, tx, str(row.topic), raw)
    await tx.execute("update dead_events set resent_at = now() where dead_id = :id", id=dead_id)
    return outcome
