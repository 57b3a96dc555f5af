"""The plan of faults: what is done to which process, and when. Seeded; every process gets its share of each fault."""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from dataclasses import dataclass

from regulars.stack.services import SERVICES
from regulars.stack.state import process_name

PAUSE_S = 8.0
"""Longer than SESSION_TIMEOUT_MS of a run: Kafka drops the member while it sleeps."""
SESSION_TIMEOUT_MS = 6_000
SERVICE_NAMES = tuple(service.name for service in SERVICES)
PROCESSES = 2
"""Of each service."""
BENEATH = ("kafka-1", "postgres")
_MOST_OF = {"kafka-1": 2, "postgres": 3}
"""What all stand on is killed less often than they are: while it is away nothing else can go wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    at: float
    kind: str  # kill, pause, cut, roll
    target: str  # a process; of a cut the service, of a roll nobody: it restarts all of them


def plan(
    seed: int,
    duration_s: float,
    kills: int,
    pauses: int,
    cuts: int,
    services: tuple[str, ...] = SERVICE_NAMES,
    *,
    rolls: int = 0,
    processes: int = PROCESSES,
) -> list[Fault]:
    """Kills and pauses go round all processes, cuts round all services, each round shuffled, spread evenly with some
    jitter; a roll restarts every process of every service."""
    rng = random.Random(seed + 2)
    targets = (*processes_of(services, processes), *BENEATH)
    chosen = [("kill", t) for t in _rounds(rng, targets, kills, _MOST_OF)]
    others = [("pause", t) for t in _rounds(rng, targets, pauses)]
    others += [("cut", t) for t in _rounds(rng, services, cuts)] + [("roll", "")] * rolls
    for fault in others:
        chosen.insert(rng.randrange(1, len(chosen)), fault)
    step = duration_s / (len(chosen) + 1)
    return [
        Fault(step * (number + 1) + rng.uniform(-0.3, 0.3) * step, kind, target)
        for number, (kind, target) in enumerate(chosen)
    ]


def processes_of(services: tuple[str, ...], processes: int = PROCESSES) -> tuple[str, ...]:
    """The names of all processes of these services."""
    return tuple(process_name(name, number) for name in services for number in range(1, processes + 1))


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
