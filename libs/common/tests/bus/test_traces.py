"""What comes later of a traced event goes on with its trace; without spans nothing is kept, asked or made."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from common import tracing
from common.process.pruning import Pruner
from common.process.tracing import provider_of
from common.storage import traces
from common.storage.database import Database

from .test_retention import SETTINGS
from .toy import tick

CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
NOT_SAMPLED = f"{CALLER[:-2]}00"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter, provider = InMemorySpanExporter(), provider_of("toy", 1.0)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracing.install(provider.get_tracer("tests"))
    yield exporter
    tracing.install(None)


async def read(db: Database, **by_id: str) -> None:
    """Events of these ids are read, and what they cause bears these traces."""
    async with db.transaction() as tx:
        tx.traces = by_id
        await traces.keep(tx, [tick(1, id=name) for name in (*by_id, "untraced")])


async def told(db: Database, *causes: str) -> list[Any]:
    """The traceparents of the facts that a sweep announces later, one of each cause."""
    async with db.transaction() as tx:
        await tx.publish([replace(tick(n), causationid=cause) for n, cause in enumerate(causes)])
        rows = await tx.fetch("select payload from outbox order by seq desc limit :n", n=len(causes))
    return [json.loads(row.payload).get("traceparent") for row in reversed(rows)]


async def test_a_sweeps_fact_is_a_span_of_the_trace_that_led_to_it(db: Database, spans: InMemorySpanExporter) -> None:
    await read(db, seen=CALLER, silent=NOT_SAMPLED)
    first, *others = await told(db, "seen", "silent", "untraced", "never read")
    (span,) = spans.get_finished_spans()
    assert span.name == "toy toy.ticked"
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == CALLER.split("-")[2]
    assert first == f"{CALLER[:36]}{span.context.span_id:016x}-01"
    assert others == [None, None, None], "not sampled: nothing is kept"


async def test_an_event_that_is_read_again_goes_on_with_its_last_trace(db: Database, spans: object) -> None:
    await read(db, seen=CALLER)
    await read(db, seen=CALLER.replace("b7ad", "c8be"))
    async with db.transaction() as tx:
        assert await traces.of(tx, [("shop", "seen"), ("other", "seen"), ("shop", None)]) == {
            ("shop", "seen"): CALLER.replace("b7ad", "c8be")
        }


async def test_without_spans_nothing_is_kept_or_borne(db: Database) -> None:
    await read(db, seen=CALLER)
    assert await told(db, "seen") == [None]
    async with db.transaction() as tx:
        assert await tx.value("select count(*) from traces") == 0


async def test_they_go_after_two_weeks(db: Database, spans: object) -> None:
    await read(db, old=CALLER, new=CALLER)
    async with db.transaction() as tx:
        old = next(iter(await traces.of(tx, [("shop", "old")])))
        await tx.execute(
            "update traces set recorded_at = now() - interval '15 days' where key = :key", key=traces._key(*old)
        )
    await Pruner(db, SETTINGS).prune()
    async with db.transaction() as tx:
        assert set(await traces.of(tx, [("shop", "old"), ("shop", "new")])) == {("shop", "new")}
