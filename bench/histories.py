"""P13 and P15: what the next order of a customer costs, and a late one, however long that customer's history is.

Run by the measurement as a process of its own: `python -m bench.histories <service> <orders> ...`. Prints JSON.
A customer's orders come in batches of 500, without Kafka, through the service's own handlers and jobs.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import uvloop

from bench import machine
from bench.figures import Figure, Result
from bench.servers import Servers, run, service_of
from bench.workload import FIXED_END, SHOP, ranked
from common.bus.inbox import claim_each
from common.bus.subscriptions import Batch, kept_by
from common.events import Event
from common.events.membership import MemberCheckedIn
from common.events.orders import OrderCompleted, OrderLine
from common.process import logs
from common.process.collector import settle_collector
from common.process.runtime import Runtime, make_runtime
from common.process.settings import Settings, load_settings
from common.work.sweeps import WorkList, work

SERVICES = ("membership", "segmentation")
YEARS = timedelta(days=3 * 365)
NEXT, LATE = 15, 3
"""So many next orders of each customer are timed, and so many late ones; of the longest history one."""
REVERSED = 1_000


@dataclass(frozen=True, slots=True)
class Size:
    """Orders of the customers that are compared, fewest first."""

    orders: tuple[int, ...] = (10, 100, 1_000, 100_000)


@dataclass(frozen=True, slots=True)
class Took:
    """Wall and CPU time of this process, in seconds."""

    wall: float
    cpu: float


class Customers:
    """Hands events to a service's handlers as its consumer does, without Kafka; and does its long histories."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._subscriptions = runtime.service.subscribed(runtime.keys)
        (self._long,) = (job for job in runtime.sweeper.jobs if job.name == "long-histories")

    async def take(self, events: Iterable[Event[Any]], size: int = 500) -> Took:
        """In batches of that size, each a transaction."""
        events = [ranked(event) if isinstance(event.data, OrderCompleted) else event for event in events]
        began, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(events), size):
            await self._take(events[start : start + size])
        return Took(time.perf_counter() - began, time.process_time() - cpu)

    async def fold_long(self) -> tuple[Took, float]:
        """Every long history that waits; also the longest turn, in which alone its customer may be locked."""
        assert isinstance(self._long, WorkList)
        began, cpu, longest = time.perf_counter(), time.process_time(), 0.0
        while True:
            turn = time.perf_counter()
            async with self._runtime.database.transaction() as tx:
                done = await work(tx, self._long, tx.clock.now(), 1)
            longest = max(longest, time.perf_counter() - turn)
            if done is None:
                return Took(time.perf_counter() - began, time.process_time() - cpu), longest

    async def state_bytes(self, customer: str) -> int:
        async with self._runtime.database.transaction() as tx:
            size: int = await tx.value(
                "select octet_length(cast(state as text)) from customers where shop = :shop and customer = :customer",
                shop=SHOP,
                customer=customer,
            )
            return size

    async def _take(self, events: Sequence[Event[Any]]) -> None:
        async with self._runtime.database.transaction() as tx:
            outcomes = await claim_each(tx, [(e, e.encode()) for e in events], kept_by(self._subscriptions))
            if set(outcomes) != {"new"}:
                raise RuntimeError("an event of the measurement was taken before")
            await tx.lock_customers({event.customer for event in events})
            for subscription in self._subscriptions:
                mine = [event for event in events if isinstance(event.data, subscription.types)]
                if mine:
                    await subscription.handler(tx, Batch(mine))


def history(customer: str, orders: int, span: timedelta = YEARS) -> list[Event[Any]]:
    """So many orders of the customer, evenly over the span before the end, oldest first."""
    return [order(customer, str(number), FIXED_END - span + span / orders * number) for number in range(orders)]


def order(customer: str, name: str, at: Any) -> Event[Any]:
    lines = (OrderLine(sku=f"sku-{len(name)}", quantity=1, paid=4_000),)
    data = OrderCompleted(
        order_id=f"{customer}-{name}", state="completed", currency="CNY", goods_paid=4_000, lines=lines, paid_at=at
    )
    return Event(f"{customer}-{name}-completed", f"/shops/{SHOP}/backend", SHOP, customer, at, data)


def check_ins(customer: str) -> list[Event[Any]]:
    """One a day over the years."""
    days = YEARS.days
    return [
        Event(f"{customer}-day-{n}", f"/shops/{SHOP}/membership", SHOP, customer, at, MemberCheckedIn())
        for n in range(days)
        for at in [FIXED_END - YEARS + timedelta(days=n, hours=1)]
    ]


async def product(customers: Customers, service: str, sizes: Sequence[int]) -> dict[str, Any]:
    """What all of it takes; times in seconds."""
    names = {orders: f"c{orders}" for orders in sizes}
    built = {orders: await customers.take(history(name, orders)) for orders, name in names.items()}
    following: dict[int, list[Took]] = {orders: [] for orders in sizes}
    for number in range(NEXT):
        for orders, name in names.items():  # in turn, so that what else the machine does meets all of them
            at = FIXED_END + timedelta(hours=1 + number)
            following[orders].append(await customers.take([order(name, f"next{number}", at)]))
    late: dict[int, list[tuple[Took, Took, float]]] = {orders: [] for orders in sizes}
    for number in range(LATE):
        for orders, name in names.items():
            if number and orders == sizes[-1]:
                continue
            at = FIXED_END - YEARS / 2 + timedelta(seconds=1 + number)
            at_door = await customers.take([order(name, f"late{number}", at)])
            late[orders].append((at_door, *await customers.fold_long()))
    forwards = await customers.take(history("forwards", REVERSED))
    backwards = await customers.take(history("backwards", REVERSED)[::-1])
    found: dict[str, Any] = {
        "built_cpu": {orders: took.cpu / orders for orders, took in built.items()},
        "next": {orders: statistics.median(took.wall for took in all_) for orders, all_ in following.items()},
        "next_cpu": {orders: statistics.median(took.cpu for took in all_) for orders, all_ in following.items()},
        "late_cpu": {orders: min(a.cpu + b.cpu for a, b, _ in all_) for orders, all_ in late.items()},
        "late_at_door": {orders: min(a.wall for a, _, _ in all_) for orders, all_ in late.items()},
        "late_longest_turn": {orders: min(longest for _, _, longest in all_) for orders, all_ in late.items()},
        "forwards_cpu": forwards.cpu,
        "backwards_cpu": backwards.cpu + (await customers.fold_long())[0].cpu,
    }
    regular = "regular"
    events = history(regular, 1_000) + (check_ins(regular) if service == "membership" else [])
    await customers.take(sorted(events, key=lambda event: event.time))
    new, old = list[Took](), list[Took]()
    for number in range(NEXT):
        at = FIXED_END + timedelta(hours=1 + number)
        new.append(await customers.take([order(f"new{number}", "1", at)]))
        old.append(await customers.take([order(regular, f"next{number}", at)]))
    found["state_bytes"] = await customers.state_bytes(regular)
    found["regular_next"] = statistics.median(took.wall for took in old)
    found["new_next"] = statistics.median(took.wall for took in new)
    return found


async def measure(servers: Servers, result: Result, size: Size) -> None:
    """Each service alone, customers of all sizes in one database."""
    for service in SERVICES:
        load = machine.load()
        url = await servers.database(service)
        argv = ["bench.histories", service, *map(str, size.orders)]
        found = await run(argv, servers.settings(service, url))
        few, many = str(size.orders[0]), str(size.orders[-1])
        us = 1e6
        result.figures += [
            Figure(
                "P13",
                f"{service}: the next order after {size.orders[-1]:,} others; baseline after {few}",
                found["next"][many] * us,
                "µs",
                load,
                baseline=found["next"][few] * us,
                most_of_baseline=2,
            ),
            Figure(
                "P13",
                f"{service}: a late order, by each of {size.orders[-1]:,} in the history (CPU)",
                found["late_cpu"][many] * us / size.orders[-1],
                "µs",
                load,
                most=100,
            ),
            Figure(
                "P13",
                f"{service}: {REVERSED:,} orders newest first; baseline in order (CPU)",
                found["backwards_cpu"] * us / REVERSED,
                "µs an order",
                load,
                baseline=found["forwards_cpu"] * us / REVERSED,
                most_of_baseline=3,
            ),
            Figure(
                "P15",
                f"{service}: hot state after 1,000 orders" + " and check-ins of 3 years" * (service == "membership"),
                found["state_bytes"],
                "bytes",
                load,
                most=8_192,
            ),
            Figure(
                "P15",
                f"{service}: the next order of such a customer; baseline a new one's first",
                found["regular_next"] * us,
                "µs",
                load,
                baseline=found["new_next"] * us,
                most_of_baseline=2,
            ),
        ]
        sizes = list(map(str, size.orders))
        result.notes += [
            f"P13 {service}, by orders of the customer ({', '.join(sizes)}): next order "
            + ", ".join(f"{found['next'][each] * 1e3:.1f}" for each in sizes)
            + " ms; a late one "
            + ", ".join(f"{found['late_cpu'][each] * 1e3:.0f}" for each in sizes)
            + " ms CPU in all, of which whoever stands in the same batch waits "
            + ", ".join(f"{found['late_at_door'][each] * 1e3:.0f}" for each in sizes)
            + " ms; its longest turn "
            + ", ".join(f"{found['late_longest_turn'][each] * 1e3:.0f}" for each in sizes)
            + " ms.",
        ]


async def _main(service: str, sizes: Sequence[int]) -> None:
    settings = load_settings(Settings)
    logs.configure(service, settings.log_level)
    runtime = await make_runtime(service_of(service), settings)
    settle_collector()
    try:
        print(json.dumps(await product(Customers(runtime), service, sizes)), flush=True)
    finally:
        await runtime.database.close()


if __name__ == "__main__":
    uvloop.run(_main(sys.argv[1], [int(each) for each in sys.argv[2:]]))
