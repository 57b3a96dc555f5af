"""P3: orders a second of the whole stack, from HTTP until every service has caught up."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

from bench import machine
from bench.figures import Costs, Figure, Result
from bench.living import Living
from bench.servers import Failed, run
from bench.workload import SHOP

CAUGHT_UP_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Size:
    """Orders sent, in batches of 500 over `connections`, after a few that warm every process up."""

    orders: int = 15_000
    warm: int = 1_000
    connections: int = 2


async def measure(stack: Living, result: Result, seed: int, size: Size) -> None:
    """The watch runs from the first request until nothing is open."""
    await stack.set_up(SHOP, "Asia/Shanghai", "CNY")
    await _orders(stack, seed + 10, size.warm, size.connections)
    before_facts = await stack.caught_up(CAUGHT_UP_WITHIN_S)
    load = machine.load()
    before_cpu = stack.cpu()
    sent = await _orders(stack, seed + 11, size.orders, size.connections)
    facts = await stack.caught_up(CAUGHT_UP_WITHIN_S)
    seconds = time.perf_counter() - sent["began"]
    spent = {name: cpu - before_cpu[name] for name, cpu in stack.cpu().items()}
    await stack.none_dead()
    costs = Costs(size.orders, seconds)
    costs.cpu_ms = {name: value / size.orders * 1000 for name, value in spent.items()}
    costs.memory_mb = stack.memory()
    costs.facts = {name: (facts[name] - before_facts[name]) / size.orders for name in facts}
    result.costs = costs
    bound = (os.cpu_count() or 1) * 1000 / sum(costs.cpu_ms.values())
    result.figures.append(
        Figure(
            "P3",
            "everything: HTTP until all five services have caught up",
            size.orders / seconds,
            "orders/s",
            load,
            bound,
            least=1_200,
        )
    )
    result.notes.append(
        f"P3: {size.orders:,} orders were accepted within {sent['seconds']:.1f} s and all services had caught up (lag "
        f"and outbox empty, twice) after {seconds:.1f} s. Its limit is what all cores could do at the measured "
        f"CPU time of an order, {sum(costs.cpu_ms.values()):.2f} ms in all, if nothing ever waited and nobody "
        "else, the load client included, ran."
    )


async def _orders(stack: Living, seed: int, orders: int, connections: int) -> dict[str, float]:
    """Send them, from a process of its own; gives what that printed."""
    address = stack.state.services["orders-ingest"]["PUBLIC_URL"]
    argv = ["bench.client", "batches", address, *map(str, (seed, 0, orders, connections))]
    answer = await run(argv, {**os.environ, "BENCH_KEY": stack.state.api_key})
    if answer["refused"]:
        raise Failed(f"{answer['refused']:.0f} orders were not accepted")
    return answer
