"""P3: orders a second of the whole stack, from HTTP until every service has caught up."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import machine
from bench.figures import Costs, Figure, Result
from bench.servers import Failed, run
from bench.workload import SHOP
from regulars import operating
from regulars.client import Services, set_up_shop
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState
from regulars.stack.usage import cpu_seconds, memory_mb

SETTLED_WITHIN_S = 180.0


@dataclass(frozen=True, slots=True)
class Size:
    """Orders sent, in batches of 500 over `connections`, after a few that warm every process up."""

    orders: int = 15_000
    warm: int = 1_000
    connections: int = 2


async def measure(result: Result, seed: int, size: Size) -> None:
    """A stack of its own, as `make up` starts it; the watch runs from the first request until nothing is open."""
    folder = Path(tempfile.mkdtemp(prefix="regulars-bench-"))
    folder.chmod(0o755)
    plan = Plan(folder / "stack", SERVICES, log_level="WARNING")
    state = await asyncio.to_thread(operating.up, plan, lambda _: None)
    try:
        addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
        async with Services(addresses, state.api_key) as services:
            await set_up_shop(services, SHOP, zone="Asia/Shanghai", currency="CNY")
            await _orders(state, seed + 10, size.warm, size.connections)
            before_facts = await _caught_up(services)
            pids = {name: process.pid for name, process in state.processes.items()}
            load = machine.load()
            cpu = {name: cpu_seconds(pid, pids.values()) for name, pid in pids.items()}
            sent = await _orders(state, seed + 11, size.orders, size.connections)
            facts = await _caught_up(services)
            seconds = time.perf_counter() - sent["began"]
            spent = {name: cpu_seconds(pid, pids.values()) - cpu[name] for name, pid in pids.items()}
            dead = {name: len(each) for name, each in (await services.everywhere("GET", "/ops/dead")).items() if each}
        memory = {name: memory_mb(pid, pids.values()) for name, pid in pids.items()}
    finally:
        operating.down(plan.folder, purge=True)
        shutil.rmtree(folder, ignore_errors=True)
    if dead:
        raise Failed(f"events died during the measurement: {dead}")
    costs = Costs(size.orders, seconds)
    costs.cpu_ms = {name: value / size.orders * 1000 for name, value in spent.items()}
    costs.memory_mb = memory
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
            least=600,
        )
    )
    result.notes.append(
        f"P3: {size.orders:,} orders were accepted within {sent['seconds']:.1f} s and all services had caught up (lag "
        f"and outbox empty, twice) after {seconds:.1f} s. Its limit is what all cores could do at the measured "
        f"CPU time of an order, {sum(costs.cpu_ms.values()):.2f} ms in all, if nothing ever waited and nobody "
        "else, the load client included, ran."
    )


async def _orders(state: StackState, seed: int, orders: int, connections: int) -> dict[str, float]:
    """Send them, from a process of its own; gives what that printed."""
    address = state.services["orders-ingest"]["PUBLIC_URL"]
    argv = ["bench.client", "batches", address, *map(str, (seed, 0, orders, connections))]
    answer = await run(argv, {**os.environ, "BENCH_KEY": state.api_key})
    if answer["refused"]:
        raise Failed(f"{answer['refused']:.0f} orders were not accepted")
    return answer


async def _caught_up(services: Services) -> dict[str, int]:
    """Wait until two passes see equal counters, no lag and empty outboxes; the facts that each service published."""
    deadline = time.monotonic() + SETTLED_WITHIN_S
    before: Mapping[str, Any] | None = None
    while True:
        seen = await services.everywhere("GET", "/ops/settled")
        still = {name: each for name, each in seen.items() if each["lag"] or each["outbox"]}
        if not still and seen == before:
            return {name: each["published"] for name, each in seen.items()}
        if time.monotonic() > deadline:
            raise Failed(f"not caught up after {SETTLED_WITHIN_S:.0f} s: {still or 'counters keep moving'}")
        before = seen
        await asyncio.sleep(0.2)
