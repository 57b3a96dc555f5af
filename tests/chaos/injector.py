"""Carries out a plan of faults against a running stack."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path

from chaos.connections import cut
from chaos.faults import PAUSE_S, Done, Fault
from chaos.processes import send, stand_still
from chaos.targets import Targets
from regulars.stack.services import SERVICES
from regulars.stack.state import ProcessId

_ROLES = {service.name: service.database for service in SERVICES}


class Injector:
    """Carries a plan out against the stack of one folder, whose supervisor starts again what it kills."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._targets = Targets(folder)
        self.progress = 0.0
        self._say = say
        self._sleepers: set[asyncio.Task[None]] = set()
        self.done = Done()

    async def run(self, faults: list[Fault]) -> None:
        """Until the last fault is over, and every process put to sleep is awake again."""
        began = time.monotonic()
        try:
            for number, fault in enumerate(faults):
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                self.progress = number / len(faults)
                process = await self._targets.find(fault.target)
                if process is None:
                    self.done.missed.append(f"{fault.kind} {fault.target}")
                elif fault.kind == "kill":
                    self._kill(fault.target, process)
                elif fault.kind == "cut":
                    # More load than before is let in: where all is done, nothing would ever be cut in mid-work.
                    self.progress = (number + 1) / len(faults)
                    await self._cut(fault.target)
                else:
                    task = asyncio.create_task(self._pause(fault.target, process))
                    self._sleepers.add(task)
        finally:
            self.progress = 1.0
            await asyncio.gather(*self._sleepers, return_exceptions=True)

    def _kill(self, target: str, process: ProcessId) -> None:
        # All at once: a database whose children outlive it, and end their transactions, would be no crash.
        send(stand_still(process.pid), signal.SIGKILL)
        self.done.kills[target] += 1
        self.done.instants.append((time.time(), target))
        self._say(f"killed {target}")

    async def _pause(self, target: str, process: ProcessId) -> None:
        self._targets.asleep.add(target)
        stopped = stand_still(process.pid)
        self._say(f"paused {target} ({len(stopped)} processes) for {PAUSE_S:.0f} s")
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            send(stopped, signal.SIGCONT)
            self._targets.asleep.discard(target)
        self.done.pauses[target] += 1

    async def _cut(self, target: str) -> None:
        sessions = await cut(self._targets.state().postgres, _ROLES[target])
        if sessions:
            self.done.cuts[target] += 1
            self._say(f"cut {sessions} database sessions of {target} in mid-work")
        else:
            self.done.missed.append(f"cut {target}: it wrote nothing")
