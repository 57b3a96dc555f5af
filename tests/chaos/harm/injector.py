"""Carries out a plan of faults against a running stack."""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import asdict, dataclass
from functools import partial
from itertools import zip_longest

import psutil

from chaos.harm import Harm, Setting
from chaos.harm.connections import cut
from chaos.harm.plan import BENEATH, PAUSE_S, Fault, plan, processes_of
from chaos.harm.processes import send, stand_still
from chaos.harm.targets import Targets
from chaos.holdings import Holdings
from regulars.stack.databases import role_of
from regulars.stack.services import SERVICES
from regulars.stack.state import ProcessId

_BACK_WITHIN_S = 60.0
_CUT_WITHIN_S = 40.0
_CUT_LOOKS = 3
_ROLES = {service.name: role_of(service.database) for service in SERVICES}


@dataclass(frozen=True, slots=True)
class Faults:
    """How many of each in how many seconds, over which services, of so many processes each."""

    duration_s: float
    kills: int
    pauses: int
    cuts: int
    rolls: int
    services: tuple[str, ...]
    processes: int


class Injector(Harm):
    """Carries a plan of kills, pauses, cuts and rolls out; the stack's supervisor starts again what is killed."""

    def __init__(self, setting: Setting, faults: Faults) -> None:
        super().__init__(setting)
        self._faults = faults
        self._targets = Targets(setting.folder)
        self._holdings = Holdings({})
        self._sleepers: set[asyncio.Task[None]] = set()

    async def run(self, holdings: Holdings) -> None:
        """Until the last fault is over, and every process put to sleep is awake again."""
        self._holdings = holdings
        await self._carry_out(plan(self.setting.seed, **asdict(self._faults)))

    def enough(self) -> bool:
        """As many as planned, and each process killed and paused, each that is restarted by a roll too."""
        faults, done = self._faults, self.done
        services = processes_of(faults.services, faults.processes)
        return (
            done.kills.total() >= faults.kills
            and done.pauses.total() >= faults.pauses
            and done.cuts.total() >= faults.cuts
            and set(done.kills) == set(done.pauses) == {*services, *BENEATH}
            and all(done.rolls[name] >= faults.rolls for name in services)
        )

    async def _carry_out(self, faults: list[Fault]) -> None:
        began = time.monotonic()
        try:
            for number, fault in enumerate(faults):
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                self.sent_share = number / len(faults)
                if fault.kind == "roll":
                    await self._roll()
                    continue
                # Any of the service's processes will do, where its sessions are cut.
                process = await self._targets.find(fault.target)
                if process is None:
                    self.done.missed.append(f"{fault.kind} {fault.target}")
                elif fault.kind == "kill":
                    self._kill(fault.target, process)
                elif fault.kind == "cut":
                    await self._cut(fault.target, number, len(faults))
                else:
                    task = asyncio.create_task(self._pause(fault.target, process))
                    self._sleepers.add(task)
        finally:
            self.sent_share = 1.0
            await asyncio.gather(*self._sleepers, return_exceptions=True)

    def _kill(self, target: str, process: ProcessId) -> None:
        # All at once: a database whose children outlive it, and end their transactions, would be no crash.
        send(stand_still(process.pid), signal.SIGKILL)
        self.done.kills[target] += 1
        self.done.instants.append((time.time(), target))
        self.setting.say(f"killed {target}{self._held(target)}")

    async def _pause(self, target: str, process: ProcessId) -> None:
        self._targets.asleep.add(target)
        stopped = stand_still(process.pid)
        self.setting.say(f"paused {target} ({len(stopped)} processes) for {PAUSE_S:.0f} s{self._held(target)}")
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            send(stopped, signal.SIGCONT)
            self._targets.asleep.discard(target)
        self.done.pauses[target] += 1

    def _held(self, target: str) -> str:
        holding = self._holdings.now.get(target)
        return f": {holding}" if holding is not None else ""

    async def _roll(self) -> None:
        """A release comes out: SIGTERM to one process of every service, and to the next ones when these are ready."""
        state = self._targets.state()
        waves = zip_longest(*(state.of_service(service) for service in state.services))
        for wave in waves:
            names = [name for name in wave if name is not None]
            begun: dict[str, ProcessId] = {}
            for name in names:
                process = await self._targets.find(name)
                if process is None:
                    self.done.missed.append(f"roll {name}")
                    continue
                begun[name] = process
                psutil.Process(process.pid).terminate()
            self.setting.say(f"restarting {', '.join(begun)}")
            for name, process in begun.items():
                if await self._came_back(name, process):
                    self.done.rolls[name] += 1
                else:
                    self.done.missed.append(f"roll {name}: not ready again")

    async def _came_back(self, name: str, before: ProcessId) -> bool:
        deadline = time.monotonic() + _BACK_WITHIN_S
        while time.monotonic() < deadline:
            state = self._targets.state()
            now = state.processes.get(name)
            if now is not None and now != before and now.is_alive() and await self._targets.is_ready(state, name):
                return True
            await asyncio.sleep(0.3)
        return False

    async def _cut(self, target: str, number: int, faults: int) -> None:
        """More load is let in when the look has begun, and again when that made nothing to be cut: where all that was
        let in is done, nobody writes."""
        for more in range(1, _CUT_LOOKS + 1):
            let_in = partial(self._let_in, (number + more) / faults)
            sessions = await cut(self._targets.state().postgres, _ROLES[target], _CUT_WITHIN_S, let_in)
            if sessions:
                self.done.cuts[target] += 1
                self.setting.say(f"cut {sessions} database sessions of {target} in mid-work")
                return
        self.done.missed.append(f"cut {target}: it wrote nothing")

    def _let_in(self, share: float) -> None:
        self.sent_share = min(1.0, share)
