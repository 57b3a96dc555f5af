"""Kills a service at a named step of the protocol (R4): a trigger stands in its way, a lock holds it there."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass

import asyncpg
import psutil

from chaos.harm import Harm, Setting
from chaos.harm.leaders import Pace
from chaos.harm.plan import SERVICE_NAMES
from chaos.harm.processes import send, stand_still
from chaos.harm.targets import Targets
from chaos.holdings import Holdings
from common.storage.migrate import driver_url
from regulars.stack.databases import in_database
from regulars.stack.services import SERVICES

_READERS = SERVICE_NAMES[1:]
"""Those that read the bus during a run; orders-ingest takes its events over HTTP."""
_TELLERS = ("orders-ingest", "membership", "segmentation", "messaging")


@dataclass(frozen=True, slots=True)
class Step:
    """Where a service is stopped, by `trigger` on each table; what `commits` is committed though nobody hears of it."""

    name: str
    trigger: str
    tables: tuple[str, ...]
    services: tuple[str, ...] = SERVICE_NAMES
    commits: bool = False


_AT_COMMIT = "constraint trigger {name} after update on {table} deferrable initially deferred for each row"
_BEFORE_MARKING = "trigger {name} before update on {table} for each statement"
_AFTER_MARKING = "trigger {name} after update on {table} for each statement"
_CLAIMS = ("inbox", "history")
"""What is not folded is claimed in the one, what is folded in the other."""
STEPS = (
    Step("offsets moved", "trigger {name} after update on {table} for each statement", ("offsets",), _READERS),
    Step("before the claim", "trigger {name} before insert on {table} for each statement", _CLAIMS),
    Step("claimed", "trigger {name} after insert on {table} for each statement", _CLAIMS),
    Step("before announcing", "trigger {name} before insert on {table} for each statement", ("outbox",), _TELLERS),
    Step("announced", "trigger {name} after insert on {table} for each statement", ("outbox",), _TELLERS),
    Step("commit sent, not done", _AT_COMMIT, ("offsets",), _READERS),
    Step("committed, no answer", _AT_COMMIT, ("offsets",), _READERS, commits=True),
    Step(
        "acknowledged by Kafka, not marked",
        "trigger {name} before update on {table} for each statement",
        ("outbox",),
        _TELLERS,
    ),
    Step(
        "marked, no answer",
        "trigger {name} after update on {table} for each statement",
        ("outbox",),
        _TELLERS,
        commits=True,
    ),
)
_LOCK = 0x7E57
_REACHED_WITHIN_S = 20.0
_TRIES = 3
_LOOK_EVERY_S = 0.002


class StepKiller(Harm):
    """Kills services at every step `times` times, in shuffled rounds; the supervisor starts them again."""

    def __init__(self, setting: Setting, times: int, duration_s: float) -> None:
        super().__init__(setting)
        self._times, self._duration_s = times, duration_s
        self._targets = Targets(setting.folder)
        self._rng = random.Random(setting.seed + 3)
        self._pace = Pace()

    @property
    def progress(self) -> float:
        return max(self.sent_share, self._pace.at(time.monotonic()))

    def enough(self) -> bool:
        return all(self.done.steps[step.name] >= self._times for step in STEPS)

    async def run(self, _holdings: Holdings) -> None:
        try:
            await self._kill_each(self._times, self._duration_s)
        finally:
            self.sent_share = 1.0

    async def _kill_each(self, times: int, duration_s: float) -> None:
        plan = [step for _ in range(times) for step in self._rng.sample(STEPS, len(STEPS))]
        share_s = duration_s / len(plan)
        for service in SERVICE_NAMES:
            connection = await self._connect(service)
            await set_triggers(connection)
            await connection.close()
        for number, step in enumerate(plan):
            self._pace.aim((number + 1) / len(plan), share_s, time.monotonic())
            for _ in range(_TRIES):
                if await self._kill_at(step, self._rng.choice(step.services)):
                    break

    async def _connect(self, service: str) -> asyncpg.Connection:
        database = next(each.database for each in SERVICES if each.name == service)
        return await asyncpg.connect(driver_url(in_database(self._targets.state().postgres, database)), timeout=10)

    async def _kill_at(self, step: Step, service: str) -> bool:
        await self._targets.find(service)
        connection = await self._connect(service)
        try:
            held = await hold(connection, step)
            # Any of the service's processes may have come there.
            process = await self._client_of(connection, service, held) if held is not None else None
            if process is None or held is None:
                self.done.missed.append(f"kill {service} at: {step.name}")
                return False
            family = stand_still(process.pid)
            await let_go(connection, step, held)
            send(family, signal.SIGKILL)
            self.done.kills[process.name] += 1
            self.done.steps[step.name] += 1
            self.setting.say(f"killed {process.name} at: {step.name}")
            return True
        finally:
            connection.terminate()

    async def _client_of(self, connection: asyncpg.Connection, service: str, session: int) -> Client | None:
        """The process whose session it is: the one that has the other end of its connection."""
        port: int | None = await connection.fetchval("select client_port from pg_stat_activity where pid = $1", session)
        state = self._targets.state()
        for name in state.of_service(service):
            process = state.processes.get(name)
            if process is not None and port in local_ports(process.pid):
                return Client(name, process.pid)
        return None


@dataclass(frozen=True, slots=True)
class Client:
    """A process of a service, by its name in the stack."""

    name: str
    pid: int


def local_ports(pid: int) -> set[int]:
    """Ports of the process's own ends of its TCP connections; none where there is no such process."""
    try:
        return {each.laddr.port for each in psutil.Process(pid).net_connections("tcp") if each.laddr}
    except psutil.Error:
        return set()


async def set_triggers(connection: asyncpg.Connection) -> None:
    """Whoever comes by a step waits while its lock is held, and else passes."""
    await connection.execute(
        f"""
        create function chaos_hold() returns trigger language plpgsql as $$ begin
            perform pg_advisory_xact_lock_shared({_LOCK}, cast(tg_argv[0] as integer));
            return null;
        end $$
        """
    )
    for number, step in enumerate(STEPS):
        for table in step.tables:
            trigger = step.trigger.format(name=f"chaos_step_{number}", table=table)
            await connection.execute(f"create {trigger} execute function chaos_hold('{number}')")


async def hold(connection: asyncpg.Connection, step: Step) -> int | None:
    """Wait until a session stands at the step, and give its process id; None when none came within 20 s."""
    deadline = time.monotonic() + _REACHED_WITHIN_S
    await connection.execute(f"select pg_advisory_lock({_LOCK}, {STEPS.index(step)})")
    while time.monotonic() < deadline:
        session: int | None = await connection.fetchval(_WAITING, _LOCK, STEPS.index(step))
        if session is not None:
            return session
        await asyncio.sleep(_LOOK_EVERY_S)
    return None


async def let_go(connection: asyncpg.Connection, step: Step, session: int) -> None:
    """Undo the session's transaction, or see it committed, while its service stands still and hears of neither."""
    if not step.commits:
        # Let go alone, a statement outside of a transaction would still come to its end.
        await connection.execute("select pg_terminate_backend($1, 5000)", session)
    await connection.execute(f"select pg_advisory_unlock({_LOCK}, {STEPS.index(step)})")
    while step.commits and await connection.fetchval(_BUSY, session):
        await asyncio.sleep(_LOOK_EVERY_S)


# The session that waits for the lock of a step; advisory locks are each database's own.
_WAITING = """
select pid from pg_locks
where locktype = 'advisory' and classid = $1 and objid = $2 and not granted
  and database = (select oid from pg_database where datname = current_database())
limit 1
"""
_BUSY = "select exists (select from pg_stat_activity where pid = $1 and state = 'active')"
