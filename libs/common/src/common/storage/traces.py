"""Traces of events whose consequences come later: what a sweep announces, or a sender sends, goes on with them.

The table holds sampled traces alone, and nothing is read or written while no spans are made.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol
from uuid import UUID

from common import tracing
from common.events import Event
from common.storage.columns import Columns

KEPT = timedelta(days=14)
_ROWS = 1_000
_KEPT = Columns("w", key="uuid", traceparent="text")


class Transaction(Protocol):
    """What is used here of `common.storage.transaction.Transaction`, which uses this module."""

    service: str
    traces: Mapping[str, str] | None

    async def fetch(self, sql: str, **params: Any) -> Sequence[Any]: ...
    async def execute(self, sql: str, **params: Any) -> int: ...


def _key(shop: str, event_id: str) -> UUID:
    """Of an event's id, which the shop chose and may say anything."""
    return UUID(bytes=hashlib.blake2b(f"{shop}\n{event_id}".encode(), digest_size=16).digest())


async def keep(tx: Transaction, events: Iterable[Event[Any]]) -> None:
    """Remember the traces that the events' consequences are to bear, as `tx.traces` has them; of sampled ones."""
    bears = tx.traces or {}
    found = {_key(e.shop, e.id): bears[e.id] for e in events if tracing.is_sampled(bears.get(e.id))}
    if found:
        await tx.execute(
            f"""
            insert into traces (key, traceparent) select key, traceparent from {_KEPT}
            on conflict (key) do update set traceparent = excluded.traceparent
            """,
            **_KEPT.of(sorted(found.items())),
        )


async def of(tx: Transaction, causes: Iterable[tuple[str, str | None]]) -> Mapping[tuple[str, str], str]:
    """The traces that were kept of these events, by (shop, id)."""
    asked = {_key(shop, cause): (shop, cause) for shop, cause in causes if cause is not None}
    if not asked or not tracing.makes_spans():
        return {}
    # By primary key.
    rows = await tx.fetch("select key, traceparent from traces where key = any(:keys)", keys=list(asked))
    return {asked[row.key]: row.traceparent for row in rows}


async def gone_on(tx: Transaction, facts: Sequence[Event[Any]]) -> list[Event[Any]]:
    """Facts of a sweep or a sender: those whose cause is traced get a span of their own, and bear it."""
    traces = await of(tx, ((f.shop, f.causationid) for f in facts if f.traceparent is None))
    told = []
    for fact in facts:
        trace = traces.get((fact.shop, fact.causationid or "")) if fact.traceparent is None else None
        if trace is not None:
            with tracing.going_on(f"{tx.service} {fact.type}", trace) as bears:
                fact = replace(fact, traceparent=bears)
        told.append(fact)
    return told


async def forget(tx: Transaction, keep_for: timedelta) -> int:
    """Delete some that were kept longer; how many."""
    # By the index over the time of recording.
    return await tx.execute(
        """
        delete from traces where key = any(array(
            select key from traces where recorded_at < now() - cast(:keep as interval) order by recorded_at limit :rows
        ))
        """,
        keep=keep_for,
        rows=_ROWS,
    )
