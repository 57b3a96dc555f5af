"""How long after its leader was killed each service consumed again (R3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any
from uuid import UUID

import asyncpg

from chaos.gathering import ANNOUNCED, CLAIMED, claim_of
from common.storage.migrate import driver_url

LIMIT_S = 5.0
"""No service may be silent for longer after a leader's death (targets.md R3)."""
_LOOKED_AT_S = 5.0
"""Facts announced so long before or after a kill tell of it."""


def after_each(
    announced: Mapping[Any, float], taken: Mapping[Any, float], kills: Sequence[float]
) -> list[float | None]:
    """For each kill the longest that a fact had to wait for this service: seconds from the kill, or from when the
    fact was announced if that was later. None where no fact was announced: nothing to take is no silence.

    `announced` and `taken` are unix times by name; the partitions of all leaders count, not the luckiest one.
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
    all_announced: dict[UUID, float] = {}
    taken: dict[str, dict[UUID, float]] = {}
    publishing: dict[str, dict[str, Any]] = {}
    instants = [at for at, _ in kills]
    for name, url in databases.items():
        connection = await asyncpg.connect(driver_url(url))
        try:
            # When each fact was announced, and when it was marked as published.
            rows = [(claim_of(r), r) for r in await connection.fetch(ANNOUNCED)]
            announced = {claim: r["recorded_at"].timestamp() for claim, r in rows if claim is not None}
            published = {claim: r["published_at"].timestamp() for claim, r in rows if claim is not None and r["out"]}
            # When each event was taken.
            claimed = await connection.fetch(CLAIMED)
            taken[name] = {r["key"]: r["recorded_at"].timestamp() for r in claimed}
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
