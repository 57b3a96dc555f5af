"""What is done to the processes of a stack, when, and to which? Seeded; every process gets its share."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from regulars.stack.process import signal_group
from regulars.stack.services import SERVICES
from regulars.stack.state import ProcessId, StackState, state_file

PAUSE_S = 8.0
"""Longer than SESSION_TIMEOUT_MS of a run: Kafka drops the member while it sleeps."""
SESSION_TIMEOUT_MS = 6_000
SERVICE_NAMES = tuple(service.name for service in SERVICES)
TARGETS = (*SERVICE_NAMES, "kafka-1", "postgres")
_OLD_ENOUGH_S = 4.0
_WAIT_FOR_TARGET_S = 25.0


@dataclass(frozen=True, slots=True)
class Fault:
    at: float
    kind: str  # kill, pause
    target: str


@dataclass(slots=True)
class Done:
    """What was really done; `instants` are unix times of kills, by process."""

    kills: Counter[str] = field(default_factory=Counter)
    pauses: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    instants: list[tuple[float, str]] = field(default_factory=list)


def plan(seed: int, duration_s: float, kills: int, pauses: int) -> list[Fault]:
    """Kills go round all processes, pauses round all services, each round shuffled, spread evenly with some jitter."""
    rng = random.Random(seed + 2)
    chosen = [("kill", t) for t in _rounds(rng, TARGETS, kills)]
    for target in _rounds(rng, SERVICE_NAMES, pauses):
        chosen.insert(rng.randrange(1, len(chosen)), ("pause", target))
    step = duration_s / (len(chosen) + 1)
    return [
        Fault(step * (number + 1) + rng.uniform(-0.3, 0.3) * step, kind, target)
        for number, (kind, target) in enumerate(chosen)
    ]


def _rounds(rng: random.Random, names: tuple[str, ...], count: int) -> list[str]:
    chosen: list[str] = []
    while len(chosen) < count:
        chosen += rng.sample(names, len(names))
    return chosen[:count]


class Injector:
    """Carries a plan out against the stack of one folder, whose supervisor starts again what it kills."""

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._file = state_file(folder)
        self._say = say
        self._asleep: set[str] = set()
        self._sleepers: set[asyncio.Task[None]] = set()
        self.done = Done()

    async def run(self, faults: list[Fault]) -> None:
        """Until the last fault is over, and whoever was put to sleep is awake again."""
        began = time.monotonic()
        try:
            for fault in faults:
                await asyncio.sleep(max(0.0, began + fault.at - time.monotonic()))
                process = await self._find(fault.target)
                if process is None:
                    self.done.missed.append(f"{fault.kind} {fault.target}")
                elif fault.kind == "kill":
                    self._kill(fault.target, process)
                else:
                    task = asyncio.create_task(self._pause(fault.target, process))
                    self._sleepers.add(task)
        finally:
            await asyncio.gather(*self._sleepers, return_exceptions=True)

    async def _find(self, target: str) -> ProcessId | None:
        """The process, once it is awake and has lived for some seconds: killing what only just starts shows little."""
        deadline = time.monotonic() + _WAIT_FOR_TARGET_S
        while time.monotonic() < deadline:
            state = StackState.load(self._file)
            process = state.processes.get(target) if state is not None else None
            awake = process is not None and target not in self._asleep and process.is_alive()
            if process is not None and awake and time.time() - process.started > _OLD_ENOUGH_S:
                return process
            await asyncio.sleep(0.2)
        return None

    def _kill(self, target: str, process: ProcessId) -> None:
        # The whole group: a PostgreSQL whose children outlive it for a moment would be no crash.
        signal_group(process.pid, signal.SIGKILL)
        self.done.kills[target] += 1
        self.done.instants.append((time.time(), target))
        self._say(f"killed {target}")

    async def _pause(self, target: str, process: ProcessId) -> None:
        self._asleep.add(target)
        os.killpg(process.pid, signal.SIGSTOP)
        self._say(f"paused {target} for {PAUSE_S:.0f} s")
        try:
            await asyncio.sleep(PAUSE_S)
        finally:
            signal_group(process.pid, signal.SIGCONT)
            self._asleep.discard(target)
        self.done.pauses[target] += 1
