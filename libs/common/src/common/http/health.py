"""Liveness and readiness. Live: the event loop turns. Ready: every part says so in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel

from common.bus.consumer import EventConsumer
from common.bus.relay import Relay
from common.http.api import public
from common.refusals import Refusal
from common.shops.following import Follower
from common.storage.database import Database, Transaction
from common.work.sweeps import Sweeper

WITHIN_S = 2.0
SILENT_S = 8.0

Check = Callable[[], Awaitable[str | None]]
"""None, or a note for the operator, when ready. Raises NotReady otherwise."""


class NotReady(Exception):
    """A part cannot work; the message says why."""


class LiveOut(BaseModel):
    status: Literal["alive"] = "alive"


class ReadinessOut(BaseModel):
    """`parts`: what of the service this process runs. `checks`: `ok`, a note, or why it is not ready."""

    ready: bool
    parts: list[str]
    checks: dict[str, str]


class Readiness:
    """Named checks, asked together, each within two seconds."""

    def __init__(self, parts: Collection[str] = (), within_s: float = WITHIN_S) -> None:
        self._parts = parts
        self._checks: dict[str, Check] = {}
        self._within_s = within_s

    def add(self, name: str, check: Check) -> None:
        self._checks[name] = check

    async def ask(self) -> ReadinessOut:
        answers = await asyncio.gather(*(self._ask(check) for check in self._checks.values()))
        checks = {name: said for name, (_, said) in zip(self._checks, answers, strict=True)}
        return ReadinessOut(ready=all(ok for ok, _ in answers), parts=[*self._parts], checks=checks)

    async def _ask(self, check: Check) -> tuple[bool, str]:
        try:
            async with asyncio.timeout(self._within_s):
                return True, await check() or "ok"
        except NotReady as error:
            return False, str(error)
        except TimeoutError:
            return False, f"no answer within {self._within_s:g} s"
        except Exception as error:
            # The class says enough; the message may name hosts and users.
            return False, type(error).__name__


async def check_database(database: Database, refuses: Refusal | None = None) -> None:
    """Reachable, and a connection was free in time; and nothing keeps the process from serving it (a rebuild)."""
    async with database.transaction() as tx:
        await tx.value("select 1")
    if refuses is not None:
        raise NotReady(f"{refuses.slug}: {refuses.detail}")


async def note(database: Database, ask: Callable[[Transaction], Awaitable[str | None]]) -> str | None:
    """What a part has to say; None when all is well."""
    async with database.transaction() as tx:
        return await ask(tx)


async def check_consumer(consumer: EventConsumer | None) -> str | None:
    """Its fuse whole, and no event of a newer version met.

    All else is noted: the API takes what the outbox keeps, also while the group is shared out, or where other processes
    hold all partitions.
    """
    if consumer is None:
        return "none here"
    match consumer.state:
        case "stopped":
            raise NotReady(consumer.stopped)
        case "paused":
            return f"paused: {consumer.paused}"
        case "joining":
            return "joining: the partitions are being shared out"
        case "spare":
            return "spare: other processes hold all partitions"
        case "reading":
            silent = consumer.broker.seconds_since_progress
            if silent > SILENT_S and consumer.at_hand:
                return f"at work on {consumer.at_hand:,} records for {silent:.0f} s"
            if silent > SILENT_S:
                return f"nothing read, nor heard from Kafka, for {silent:.0f} s"
            return f"reading: {len(consumer.broker.assigned)} partitions"


async def check_relay(relay: Relay) -> str | None:
    """Which of the processes publishes; whether Kafka takes it shows in the age of the outbox."""
    return "holder: this process publishes" if relay.holder else "waiting: another process publishes, or none yet"


async def check_sweeps(sweeper: Sweeper) -> str | None:
    """What it has done here."""
    if sweeper.held:
        return "held: sweeps come when they are asked for"
    return f"{'waiting: the log is not read' if sweeper.waiting else 'sweeping'}, {sweeper.done} rows done"


async def check_follower(follower: Follower | None) -> str | None:
    """The settings of all shops were read once. A pause later is noted: what was read goes on to hold."""
    if follower is None:
        return "none here"
    if not follower.reached.is_set():
        raise NotReady(f"shops' settings and API keys are not read yet{_why(follower.paused)}")
    return f"paused: {follower.paused}" if follower.paused is not None else None


def _why(paused: str | None) -> str:
    return f": {paused}" if paused is not None else ""


def router(readiness: Readiness) -> APIRouter:
    """GET /health/live and /health/ready."""
    routes = APIRouter(prefix="/health", tags=["health"])
    anybody = [public("probes ask without a key; nothing but states is shown")]

    @routes.head("/live", include_in_schema=False, dependencies=anybody)
    @routes.get("/live", dependencies=anybody)
    async def live() -> LiveOut:
        """Answered as long as the event loop turns: a restart mends nothing when the database or Kafka is away.

        While a batch keeps the loop busy it is late; `LIVE_PORT` has one of a thread's own, for probes that kill.
        """
        return LiveOut()

    @routes.head("/ready", include_in_schema=False, dependencies=anybody)
    @routes.get("/ready", dependencies=anybody, responses={503: {"model": ReadinessOut}})
    async def ready(response: Response) -> ReadinessOut:
        """503 while a part cannot work; `checks` says which and why."""
        found = await readiness.ask()
        response.status_code = 200 if found.ready else 503
        return found

    return routes
