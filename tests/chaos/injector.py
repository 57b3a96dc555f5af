"""How is a plan of faults carried out against a running stack?"""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from chaos.connections import cut
from chaos.faults import BENEATH, PAUSE_S, Done, Fault
from chaos.processes import send, stand_still
from regulars.stack.kafka_probe import live_brokers
from regulars.stack.services import SERVICES
from regulars.stack.state import ProcessId, StackState, state_file

_OLD_ENOUGH_S = 4.0
_WAIT_FOR_TARGET_S = 30.0
_ROLES = {service.name: service.database for service in SERVICES}


class Injector:
    """Carries a plan out against the stack of one folder, whose supervisor starts again what it kills."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._file = state_file(folder)
        self.progress = 0.0
        self._say = say
        self._asleep: set[str] = set()
        self._sleepers: set[asyncio.Task[None]] = set()
        self.done = Done()

    async def run(self, faults: list[Fault]) -> None:
        """Until the last fault is over, and whoever was put to sleep is awake again."""
        began = time.monotonic()
        try:
            for number, fault in enumerate(faults):
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                self.progress = number / len(faults)
                process = await self._find(fault.target)
                if process is None:
                    self.done.missed.append(f"{fault.kind} {fault.target}")
                elif fault.kind == "kill":
                    self._kill(fault.target, process)
                elif fault.kind == "cut":
                    await self._cut(fault.target)
                else:
                    task = asyncio.create_task(self._pause(fault.target, process))
                    self._sleepers.add(task)
        finally:
            self.progress = 1.0
            await asyncio.gather(*self._sleepers, return_exceptions=True)

    async def _find(self, target: str) -> ProcessId | None:
        """The process, once it is awake and at work, and so are Kafka and PostgreSQL: killing what only just starts,
        or waits for a dead database, shows little. When time is up, as it is; None when there is no process."""
        deadline = time.monotonic() + _WAIT_FOR_TARGET_S
        while time.monotonic() < deadline:
            state = StackState.load(self._file)
            if state is not None and target not in self._asleep:
                process = self._aged(state, target)
                if process is not None and await self._at_work(state, target):
                    return process
            await asyncio.sleep(0.3)
        state = StackState.load(self._file)
        return self._aged(state, target) if state is not None and target not in self._asleep else None

    @staticmethod
    def _aged(state: StackState, target: str) -> ProcessId | None:
        process = state.processes.get(target)
        old = process is not None and process.is_alive() and time.time() - process.started > _OLD_ENOUGH_S
        return process if old else None

    async def _at_work(self, state: StackState, target: str) -> bool:
        host, _, port = state.kafka.partition(":")
        # A broker that stands still holds its port open, a database that does answers nobody: neither is at work.
        if self._asleep.intersection(BENEATH) or self._aged(state, "postgres") is None:
            return False
        if not await asyncio.to_thread(live_brokers, host, int(port)):
            return False
        if target not in state.services:
            return True
        try:
            async with httpx.AsyncClient(timeout=3) as client:
                return (await client.get(f"{state.services[target]['PUBLIC_URL']}/health/ready")).is_success
        except httpx.HTTPError:
            return False

    def _kill(self, target: str, process: ProcessId) -> None:
        # All at once: a database whose children outlive it, and end their transactions, would be no crash.
        send(stand_still(process.pid), signal.SIGKILL)
        self.done.kills[target] += 1
        self.done.instants.append((time.time(), target))
        self._say(f"killed {target}")

    async def _pause(self, target: str, process: ProcessId) -> None:
        self._asleep.add(target)
        stopped = stand_still(process.pid)
        self._say(f"paused {target} ({len(stopped)} processes) for {PAUSE_S:.0f} s")
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            send(stopped, signal.SIGCONT)
            self._asleep.discard(target)
        self.done.pauses[target] += 1

    async def _cut(self, target: str) -> None:
        state = StackState.load(self._file)
        sessions = await cut(state.postgres, _ROLES[target]) if state is not None else 0
        if sessions:
            self.done.cuts[target] += 1
            self._say(f"cut {sessions} database sessions of {target} in mid-work")
        else:
            self.done.missed.append(f"cut {target}: it wrote nothing")
