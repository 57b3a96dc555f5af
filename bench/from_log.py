"""P1: orders a second of one process, from Kafka to committed effects. P14: what it keeps of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bench import machine, workload
from bench.figures import Figure, Result
from bench.rows import counts, read_tables
from bench.servers import Servers, run
from bench.sizes import GOES, bytes_an_event
from common.bus.broker import Outgoing, Producer
from common.events import Event
from regulars.stack.usage import cpu_seconds

LEAST_OF_LIMIT = {"membership": 0.45, "segmentation": 0.4}
SERVICES = tuple(LEAST_OF_LIMIT)
EVENTS_PER_ORDER = 2
MOST_BYTES = 1_500


@dataclass(frozen=True, slots=True)
class Size:
    """How much to measure: orders in the log, events before the watch starts, events of the baseline."""

    orders: int = 15_000
    customers: int = 5_000
    warm: int = 1_000
    baseline: int = 1_500


async def fill(servers: Servers, seed: int, size: Size, end: datetime = workload.FIXED_END) -> float:
    """Put the orders before `end` into the topic as the relay of orders-ingest does: paid, then completed, by customer.

    Returns the mean size of an event in bytes.
    """
    producer = Producer(servers.kafka.bootstrap_servers, client="bench")
    await producer.start()
    try:
        waiting: list[Outgoing] = []
        total = 0
        for event in workload.orders(seed, size.orders, size.customers, paid=True, end=end):
            waiting.append(_outgoing(workload.ranked(event)))
            total += len(waiting[-1].value or b"")
            if len(waiting) == 1000:
                await _send(producer, waiting)
                waiting = []
        await _send(producer, waiting)
    finally:
        await producer.stop()
    return total / (size.orders * EVENTS_PER_ORDER)


async def _send(producer: Producer, messages: list[Outgoing]) -> None:
    sent = 0
    while sent < len(messages):
        sent += await producer.send(messages[sent:], 30)


def _outgoing(event: Event[Any]) -> Outgoing:
    headers = {"id": event.id.encode(), "type": event.type.encode(), "shop": event.shop.encode()}
    return Outgoing("orders", event.key.encode(), event.encode(), headers)


async def measure(servers: Servers, result: Result, seed: int, size: Size) -> None:
    """Each service alone, then the bare run that writes the same rows, then the same service one event at a time."""
    event_size = await fill(servers, seed, size)
    events = size.orders * EVENTS_PER_ORDER
    for service in SERVICES:
        load = machine.load()
        url = await servers.database(service)
        database_cpu = cpu_seconds(servers.postgres.pid)
        product = await consume(servers, "product", service, url, size.warm, events - size.warm)
        database_cpu = cpu_seconds(servers.postgres.pid) - database_cpu
        loads = [machine.load()]
        model = {"BENCH_MODEL": url, "BENCH_MODEL_EVENTS": str(events)}
        bare = await consume(
            servers, "limit", service, await servers.database(service), size.warm, events - size.warm, **model
        )
        loads.append(machine.load())
        single = await consume(
            servers, "product", service, await servers.database(service), 100, size.baseline, MAX_BATCH="1"
        )
        rates = [each["events"] / each["seconds"] / EVENTS_PER_ORDER for each in (product, bare, single)]
        result.figures.append(
            Figure(
                "P1",
                f"{service}: Kafka to committed effects",
                rates[0],
                "orders/s",
                load,
                rates[1],
                rates[2],
                least_of_limit=LEAST_OF_LIMIT[service],
                least_of_baseline=25,
            )
        )
        sizes = await bytes_an_event(url, events)
        result.figures.append(
            Figure(
                "P14",
                f"{service}: kept of an event, beside its own size",
                sum(size for name, size in sizes.items() if name != GOES),
                "bytes",
                loads[-1],
                event_size,
                most=MOST_BYTES,
            )
        )
        result.notes.append(
            f"P14 {service}: "
            + ", ".join(f"{name} {size:,.0f}" for name, size in sizes.items() if size >= 1)
            + f" bytes an event, indexes included; {GOES} goes some days after publication and is not counted."
        )
        tables = ", ".join(f"{name} {many}" for name, many in counts(await read_tables(url), events).items())
        per_event = product["cpu"] / product["events"] * 1e6
        bare_cpu = bare["cpu"] / bare["events"] * 1e6
        result.notes.append(
            f"P1 {service}: {product['events']:,.0f} events in {product['batches']:.0f} batches; its process spends "
            f"{per_event:.0f} µs of CPU an event (the limit's {bare_cpu:.0f} µs, a ratio of "
            f"{bare_cpu / per_event:.2f}), PostgreSQL {database_cpu / events * 1e6:.0f} µs; rows an event: {tables}. "
            f"Load before the limit's run {loads[0]}, before the baseline's {loads[1]}."
        )


async def consume(
    servers: Servers, kind: str, service: str, url: str, warm: int, events: int, **more: str
) -> dict[str, float]:
    """One run in a process of its own."""
    return await run(["bench.consuming", kind, service, str(warm), str(events)], servers.settings(service, url, **more))
