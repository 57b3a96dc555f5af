"""How long after its leader was killed did each service consume again? (R3)"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import asyncpg

from common.migrate import driver_url

LIMIT_S = 5.0
"""No service may be silent for longer after a leader's death (targets.md R3)."""
_LOOKED_AT_S = 5.0
"""Facts announced so long before or after a kill tell of it."""


def after_each(told: Mapping[str, float], taken: Mapping[str, float], kills: Sequence[float]) -> list[float | None]:
    """For each kill the longest that a fact had to wait for this service: seconds from the kill, or from when the
    fact was announced if that was later. None where no fact told of it: a silence with nothing to take is none.

    `told` and `taken` are unix times by the fact's id; the partitions of all leaders count, not the luckiest one.
    """
    silences: list[float | None] = []
    for kill in kills:
        waits = [
            taken[id_] - max(at, kill)
            for id_, at in told.items()
            if abs(at - kill) < _LOOKED_AT_S and taken.get(id_, 0.0) > kill
        ]
        silences.append(max(waits) if waits else None)
    return silences


async def measure(databases: Mapping[str, str], kills: Sequence[tuple[float, str]]) -> dict[str, dict[str, Any]]:
    """By consuming service: the longest and the median silence in seconds, and the one after each kill."""
    told: dict[str, float] = {}
    taken: dict[str, dict[str, float]] = {}
    for name, url in databases.items():
        connection = await asyncpg.connect(driver_url(url))
        try:
            # When each fact was announced.
            rows = await connection.fetch("select id, extract(epoch from recorded_at) as at from outbox")
            announced = {r["id"]: float(r["at"]) for r in rows}
            # When each event was taken.
            rows = await connection.fetch("select id, extract(epoch from recorded_at) as at from inbox")
            taken[name] = {r["id"]: float(r["at"]) for r in rows}
        finally:
            await connection.close()
        told |= announced
    found = {}
    for name, claims in taken.items():
        if name == "orders-ingest":
            continue  # it takes its events over HTTP here
        each = after_each(told, claims, [at for at, _ in kills])
        seen = [s for s in each if s is not None]
        found[name] = {
            "longest": round(max(seen, default=0.0), 1),
            "median": round(median(seen), 1) if seen else None,
            "measured": len(seen),
            "each": [None if s is None else round(s, 1) for s in each],
        }
    return found


def kept(found: Mapping[str, Mapping[str, Any]], kills: int) -> bool:
    """Every service was seen after every kill, and was silent for no longer than the limit."""
    return all(each["measured"] == kills and each["longest"] <= LIMIT_S for each in found.values())
