"""The plan of faults: what is done to which process, and when. Seeded; every process gets its share of each fault."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from regulars.stack.services import SERVICES

PAUSE_S = 8.0
"""Longer than SESSION_TIMEOUT_MS of a run: Kafka drops the member while it sleeps."""
SESSION_TIMEOUT_MS = 6_000
SERVICE_NAMES = tuple(service.name for service in SERVICES)
BENEATH = ("kafka-1", "postgres")
_MOST_OF = {"kafka-1": 2, "postgres": 3}
"""What all stand on is killed less often than they are: while it is away nothing else can go wrong."""


@dataclass(frozen=True, slots=True)
class Fault:
    at: float
    kind: str  # kill, pause, cut
    target: str


@dataclass(slots=True)
class Done:
    """What was really done, by process; `cuts` by the service whose sessions were cut, `steps` by name.

    `instants` are the unix times of kills.
    """

    kills: Counter[str] = field(default_factory=Counter)
    pauses: Counter[str] = field(default_factory=Counter)
    cuts: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    missed: list[str] = field(default_factory=list)
    instants: list[tuple[float, str]] = field(default_factory=list)


def plan(
    seed: int, duration_s: float, kills: int, pauses: int, cuts: int, services: tuple[str, ...] = SERVICE_NAMES
) -> list[Fault]:
    """Kills and pauses go round all processes, cuts round all services, each round shuffled, spread evenly with some
    jitter."""
    rng = random.Random(seed + 2)
    chosen = [("kill", t) for t in _rounds(rng, (*services, *BENEATH), kills, _MOST_OF)]
    others = [("pause", t) for t in _rounds(rng, (*services, *BENEATH), pauses)]
    others += [("cut", t) for t in _rounds(rng, services, cuts)]
    for fault in others:
        chosen.insert(rng.randrange(1, len(chosen)), fault)
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
