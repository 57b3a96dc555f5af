"""Parts of the app that its routes share: the runtime, the vault, the collector of single requests, and the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import orjson
import structlog
from fastapi import FastAPI, Response
from pydantic import BaseModel

from common.process.runtime import Runtime
from common.refusals import NotNow
from common.storage.database import Database
from common.storage.failures import is_temporary
from orders_ingest.archive.vault import Vault
from orders_ingest.commands.take_events import take_events
from orders_ingest.intake.state import Offered, Outcome, Status

log = structlog.get_logger()
MOST = 500
WAITING = 5_000
WITHIN_S = 10.0


def vault_of(app: FastAPI) -> Vault:
    """The app's vault, made from the runtime at first use."""
    found: Vault | None = getattr(app.state, "vault", None)
    if found is None:
        runtime: Runtime = app.state.runtime
        found = app.state.vault = Vault(runtime.keys)
    return found


def collector_of(app: FastAPI) -> Collector:
    """The app's one collector, made from the runtime at first use."""
    found: Collector | None = getattr(app.state, "collector", None)
    if found is None:
        runtime: Runtime = app.state.runtime
        found = app.state.collector = Collector(runtime.database, vault_of(app))
    return found


class NotStored(NotNow):
    """Never 2xx for what is not durable. The event may still have been stored: sending it again is safe."""

    def __init__(self, detail: str = "The event could not be stored now; send it again with the same id.") -> None:
        super().__init__("not_stored", detail)


@dataclass(slots=True)
class _Waiting:
    offered: Offered
    answer: asyncio.Future[Outcome]


class Collector:
    """Group commit: single requests are collected while the transaction before commits, and share the next one.

    One worker; each waiter gets its own outcome once the transaction that holds its event has committed.
    """

    def __init__(self, database: Database, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue(WAITING)
        self._worker: asyncio.Task[None] | None = None

    async def submit(self, offered: Offered) -> Outcome:
        """Take one event. Raises NotStored after 10 s, or at once when too many wait already."""
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work(), name="collector")
        waiting = _Waiting(offered, asyncio.get_running_loop().create_future())
        try:
            self._queue.put_nowait(waiting)
        except asyncio.QueueFull:
            raise NotStored("Too many events wait to be stored; slow down, or send batches.") from None
        try:
            async with asyncio.timeout(WITHIN_S):
                return await waiting.answer
        except TimeoutError:
            raise NotStored from None

    async def close(self) -> None:
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.gather(self._worker, return_exceptions=True)

    async def _work(self) -> None:
        while True:
            group = [await self._queue.get()]
            while len(group) < MOST and not self._queue.empty():
                group.append(self._queue.get_nowait())
            # A caller who gave up (a deadline, a closed connection) knows that nothing is sure: the event is left out.
            await self._store([w for w in group if not w.answer.done()])

    async def _store(self, group: list[_Waiting]) -> None:
        try:
            outcomes = await self._database.run(lambda tx: take_events(tx, self._vault, [w.offered for w in group]))
        except Exception as error:
            await self._failed(group, error)
            return
        for waiting, outcome in zip(group, outcomes, strict=True):
            if not waiting.answer.done():
                waiting.answer.set_result(outcome)

    async def _failed(self, group: list[_Waiting], error: Exception) -> None:
        log.warning("group_failed", events=len(group), temporary=is_temporary(error), detail=repr(error)[:500])
        if len(group) > 1 and not is_temporary(error):
            # One event's fault is not the others': each stands alone now.
            for waiting in group:
                await self._store([waiting])
            return
        for waiting in group:
            if not waiting.answer.done():
                waiting.answer.set_exception(NotStored())


class LeftOutOut(BaseModel):
    """A field of a profile that cannot be used; the rest of the profile was taken without it."""

    field: str
    slug: str
    detail: str


class OutcomeOut(BaseModel):
    """What became of one event. Send a refused one again once it is mended, with the same id."""

    id: str | None = None
    status: Status
    slug: str | None = None
    detail: str | None = None
    left_out: list[LeftOutOut] | None = None


class ResultsOut(BaseModel):
    """One result for each event of a batch, in its order."""

    results: list[OutcomeOut]


def said_by(body: BaseModel) -> bytes:
    """What a body says, however it is spelt: a default that is written out, null, or another offset say nothing new."""
    return orjson.dumps(body.model_dump(mode="json", exclude_defaults=True), option=orjson.OPT_SORT_KEYS)


def answer_one(outcome: Outcome) -> Response:
    """202 with the outcome. Raises the refusal of what was not taken."""
    if outcome.refusal is not None:
        raise outcome.refusal
    return _accepted(outcome.as_dict())


def answer_each(outcomes: Iterable[Outcome]) -> Response:
    """202 with an outcome for each, in order; the refused ones among them."""
    return _accepted({"results": [outcome.as_dict() for outcome in outcomes]})


def _accepted(body: object) -> Response:
    return Response(orjson.dumps(body), 202, media_type="application/json")
