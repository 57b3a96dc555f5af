"""How long after its leader was killed each service consumed again (R3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import asyncpg

from common.storage.migrate import driver_url

LIMIT_S = 5.0
"""No service may be silent for longer after a leader's death (targets.md R3)."""
_LOOKED_AT_S = 5.0
"""Facts announced so long before or after a kill tell of it."""


def after_each(
    announced: Mapping[str, float], taken: Mapping[str, float], kills: Sequence[float]
) -> list[float | None]:
    """For each kill the longest that a fact had to wait for this service: seconds from the kill, or from when the
    fact was announced if that was later. None where no fact was announced: a silence with nothing to take is none.

    `announced` and `taken` are unix times by the fact's id; the partitions of all leaders count, not the luckiest one.
    """
    silences: list[float | None] = []
    for kill in kills:
        waits = [
            taken[id_] - max(at, kill)
            for id_, at in announced.items()
            if abs(at - kill) < _LOOKED_AT_S and taken.get(id_, 0.0) > kill
        ]
        silences.append(max(waits) if waits else None)
    return silences


async def measure(
    databases: Mapping[str, str], kills: Sequence[tuple[float, str]]
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """By service: how long until each consumed again, and until each had its own facts acknowledged by Kafka again.

    The longest and the median in seconds, how many kills were seen, and each. Where both are alike, the consumers had
    nothing to read before the leaders' successors took writes.
    """
    all_announced: dict[str, float] = {}
    taken: dict[str, dict[str, float]] = {}
    publishing: dict[str, dict[str, Any]] = {}
    instants = [at for at, _ in kills]
    for name, url in databases.items():
        connection = await asyncpg.connect(driver_url(url))
        try:
            # When each fact was announced, and when it was marked as published.
            rows = await connection.fetch(
                "select id, extract(epoch from recorded_at) as at, extract(epoch from published_at) as out from outbox"
            )
            announced = {r["id"]: float(r["at"]) for r in rows}
            published = {r["id"]: float(r["out"]) for r in rows if r["out"] is not None}
            # When each event was taken.
            rows = await connection.fetch("select id, extract(epoch from recorded_at) as at from inbox")
            taken[name] = {r["id"]: float(r["at"]) for r in rows}
        finally:
            await connection.close()
        all_announced |= announced
        publishing[name] = _summary(after_each(announced, published, instants))
    # orders-ingest takes its events over HTTP here.
    consuming = {
        name: _summary(after_each(all_announced, claims, instants))
        for name, claims in taken.items()
        if name != "orders-ingest"
    }
    return consuming, publishing


def _summary(each: Sequence[float | None]) -> dict[str, Any]:
    seen = [s for s in each if s is not None]
    return {
        "longest": round(max(seen, default=0.0), 1),
        "median": round(median(seen), 1) if seen else None,
        "measured": len(seen),
        "each": [None if s is None else round(s, 1) for s in each],
    }


def kept(consuming: Mapping[str, Mapping[str, Any]], kills: int) -> bool:
    """Every service was seen after every kill, and was silent for no longer than the limit."""
    return all(each["measured"] == kills and each["longest"] <= LIMIT_S for each in consuming.values())
