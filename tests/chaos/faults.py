"""What is done to the processes of a stack, when, and to which? Seeded; every process gets its share."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from regulars.stack.kafka_probe import live_brokers
from regulars.stack.process import signal_group
from regulars.stack.services import SERVICES
from regulars.stack.state import ProcessId, StackState, state_file

PAUSE_S = 8.0
"""Longer than SESSION_TIMEOUT_MS of a run: Kafka drops the member while it sleeps."""
SESSION_TIMEOUT_MS = 6_000
SERVICE_NAMES = tuple(service.name for service in SERVICES)
BENEATH = ("kafka-1", "postgres")
_MOST_OF = {"kafka-1": 2, "postgres": 3}
"""What all stand on is killed less often than they are: while it is away nothing else can go wrong."""
_OLD_ENOUGH_S = 4.0
_WAIT_FOR_TARGET_S = 30.0


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


def plan(
    seed: int, duration_s: float, kills: int, pauses: int, services: tuple[str, ...] = SERVICE_NAMES
) -> list[Fault]:
    """Kills go round all processes, pauses round all services, each round shuffled, spread evenly with some jitter."""
    rng = random.Random(seed + 2)
    chosen = [("kill", t) for t in _rounds(rng, (*services, *BENEATH), kills, _MOST_OF)]
    for target in _rounds(rng, services, pauses):
        chosen.insert(rng.randrange(1, len(chosen)), ("pause", target))
    step = duration_s / (len(chosen) + 1)
    return [
        Fault(step * (number + 1) + rng.uniform(-0.3, 0.3) * step, kind, target)
        for number, (kind, target) in enumerate(chosen)
    ]


def _rounds(
    rng: random.Random, names: tuple[str, ...], count: int, most_of: Mapping[str, int] | None = None
) -> list[str]:
    """Names in shuffled rounds; one that is limited takes part in its first rounds, and more often in a long run."""
    chosen: list[str] = []
    for number in itertools.count():
        most = {name: limit * max(1, count // 22) for name, limit in (most_of or {}).items()}
        left = [name for name in names if number < most.get(name, count)]
        chosen += rng.sample(left, len(left))
        if len(chosen) >= count:
            return chosen[:count]
    raise AssertionError("unreachable")


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
        if self._aged(state, "postgres") is None or not await asyncio.to_thread(live_brokers, host, int(port)):
            return False
        if target not in state.services:
            return True
        try:
            async with httpx.AsyncClient(timeout=3) as client:
                return (await client.get(f"{state.services[target]['PUBLIC_URL']}/health/ready")).is_success
        except httpx.HTTPError:
            return False

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
