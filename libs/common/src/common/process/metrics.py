"""Which figures does every service publish? Each name once, with its help; docs/metrics.md is made from this file."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import structlog
from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Gauge, Histogram, generate_latest
from prometheus_client.metrics import MetricWrapperBase

from common.http.api import public
from common.storage.failures import passes
from common.work import set_aside

if TYPE_CHECKING:
    from common.process.runtime import Runtime

log = structlog.get_logger()
EVERY_S = 5.0
_AGES = (0.05, 0.1, 0.3, 0.5, 1, 1.5, 3, 5, 10, 30, 60, 300, 3600, 86400)

OUTBOX_UNPUBLISHED = Gauge("outbox_unpublished_rows", "Facts that no broker has acknowledged yet")
OUTBOX_OLDEST = Gauge("outbox_oldest_unpublished_seconds", "Age of the oldest fact not acknowledged; 0 without one")
OUTBOX_DEAD = Gauge("outbox_dead_rows", "Facts the broker refuses for good, such as one too large")
INBOX_DUPLICATES = Counter("inbox_duplicates_total", "Repeated deliveries that were dropped", ["consumer"])
EVENTS_APPLIED = Counter("events_applied_total", "Events that counted", ["consumer", "type"])
LATE_INPUTS = Counter(
    "late_inputs_total", "Inputs that came out of order and made a customer be folded anew", ["consumer"]
)
DEAD_EVENTS = Gauge("dead_events", "Dead events that nobody has sent again", ["consumer"])
EVENT_AGE = Histogram("event_age_seconds", "From an event's time to its being counted", ["consumer"], buckets=_AGES)
SET_ASIDE = Gauge("sweep_tasks_set_aside", "Due work of customers that failed and is tried again later", ["job"])
CONSUMER_ASSIGNED = Gauge("consumer_assigned_partitions", "Partitions this process holds")
CONSUMER_STOPPED = Gauge(
    "consumer_stopped",
    "1 while reading waits for somebody: `fuse` blown, or `outdated` (events of a newer release)",
    ["consumer", "reason"],
)
CONSUMER_SINCE_PROGRESS = Gauge(
    "consumer_seconds_since_progress", "Since the last batch, or since the log was at its end"
)
CONSUMER_RECREATED = Counter("consumer_recreated_total", "Times the Kafka consumer was thrown away and made anew")
LEDGER_IMBALANCE = Gauge(
    "ledger_imbalance_minor_units", "Debits less credits over all ledgers; must be 0", ["currency"]
)
SENDS_UNKNOWN = Gauge("sends_unknown", "Messages of which nobody knows whether the provider took them")
SENDS_REFUSED = Counter(
    "sends_refused_total", "Hand-offs that a provider did not accept, by where and why", ["channel", "stage", "reason"]
)
SENDS_PAUSED = Gauge(
    "sends_paused", "Pauses of a channel, for all shops or one, since a provider refuses us", ["channel"]
)
SENDS_BLOCKED = Counter("sends_blocked_total", "Messages decided against", ["reason"])
DB_POOL_IN_USE = Gauge("db_pool_in_use", "Database connections in use")
EVENT_LOOP_LAG = Gauge("event_loop_lag_seconds", "How late the event loop last woke a sleeper")


def table() -> str:
    """All metrics as a Markdown table, for docs/metrics.md."""
    lines = ["| metric | kind | labels | what |", "|---|---|---|---|"]
    for metric in (m for m in globals().values() if isinstance(m, MetricWrapperBase)):
        described = next(iter(metric.describe()))
        name = f"{described.name}_total" if described.type == "counter" else described.name
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)
        lines.append(f"| `{name}` | {described.type} | {labels} | {described.documentation} |")
    return "\n".join(lines) + "\n"


def router() -> APIRouter:
    """GET /metrics in Prometheus' text format."""
    routes = APIRouter(tags=["health"])

    @routes.get(
        "/metrics",
        response_class=PlainTextResponse,
        dependencies=[public("Prometheus asks without a key; no personal data")],
    )
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return routes


class Observer:
    """Carries what the parts of one process have counted over to the metrics."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._seen: dict[tuple[str, ...], int] = {}

    async def observe(self) -> None:
        """Take all figures now. Raises what the database raises; the process's own figures are taken first."""
        runtime = self._runtime
        name = runtime.name
        DB_POOL_IN_USE.set(getattr(runtime.database.engine.pool, "checkedout", lambda: 0)())
        consumer = runtime.consumer
        if consumer is not None:
            self._raise(INBOX_DUPLICATES.labels(name), consumer.counts.duplicates, "duplicates")
            self._raise(LATE_INPUTS.labels(name), consumer.counts.late, "late")
            for kind, count in consumer.counts.by_type.items():
                self._raise(EVENTS_APPLIED.labels(name, kind), count, "applied", kind)
            CONSUMER_ASSIGNED.set(len(consumer.broker.assigned))
            CONSUMER_STOPPED.labels(name, "fuse").set(consumer.blown is not None)
            CONSUMER_STOPPED.labels(name, "outdated").set(consumer.outdated is not None)
            CONSUMER_SINCE_PROGRESS.set(consumer.broker.seconds_since_progress)
            self._raise(CONSUMER_RECREATED, consumer.broker.recreated, "recreated")
        async with runtime.database.transaction() as tx:
            # The backlog of the relay; its age by the database's own clock, since a set clock may stand still.
            row = await tx.fetch_one(
                """
                select count(*) as rows, coalesce(extract(epoch from now() - min(recorded_at)), 0) as age
                from outbox where published_at is null and refused is null
                """
            )
            refused = await tx.value("select count(*) from outbox where refused is not null")
            dead = await tx.value("select count(*) from dead_events where resent_at is null")
            aside = await set_aside.count_by_job(tx)
        if row is not None:
            OUTBOX_UNPUBLISHED.set(row.rows)
            OUTBOX_OLDEST.set(max(0.0, float(row.age)))
            OUTBOX_DEAD.set(refused)
        DEAD_EVENTS.labels(name).set(dead)
        for job in runtime.sweeper.jobs:
            SET_ASIDE.labels(job.name).set(aside.get(job.name, 0))

    def _raise(self, counter: Counter, now: int, *key: str) -> None:
        seen = self._seen.get(key, 0)
        self._seen[key] = now
        counter.inc(max(0, now - seen))


async def observe(runtime: Runtime, stopping: asyncio.Event) -> None:
    """Take all figures every five seconds until the process stops; a database that is away only leaves some stale."""
    loop = asyncio.get_running_loop()
    observer = Observer(runtime)
    while not stopping.is_set():
        try:
            await observer.observe()
        except Exception as error:
            if not passes(error):
                raise
            log.warning("metrics_stale", reason=type(error).__name__)
        asked = loop.time() + 0.1
        await asyncio.sleep(0.1)
        EVENT_LOOP_LAG.set(max(0.0, loop.time() - asked))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), EVERY_S)
