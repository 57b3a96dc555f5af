"""A stack of its own, as `make up` starts it, for what is measured of the whole."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.servers import Failed
from regulars import operating
from regulars.client import Services, set_up_shop
from regulars.stack.plan import Plan
from regulars.stack.services import SERVICES
from regulars.stack.state import StackState
from regulars.stack.usage import cpu_seconds, memory_mb

LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Living:
    """A running stack and its operator's client.

    `mails_file`: where its mail sink keeps what it took. `started_s`: from the command until every service was ready.
    """

    state: StackState
    services: Services
    mails_file: Path
    started_s: float

    @property
    def pids(self) -> dict[str, int]:
        return {name: process.pid for name, process in self.state.processes.items()}

    def cpu(self) -> dict[str, float]:
        """Seconds of CPU of each process of the stack so far."""
        pids = self.pids
        return {name: cpu_seconds(pid, pids.values()) for name, pid in pids.items()}

    def memory(self) -> dict[str, float]:
        """MB of each process of the stack."""
        pids = self.pids
        return {name: memory_mb(pid, pids.values()) for name, pid in pids.items()}

    async def caught_up(self, within_s: float) -> dict[str, int]:
        """Wait until two passes see equal counters, no lag and empty outboxes; the facts that each service published.

        Raises Failed when it takes longer.
        """
        deadline = time.monotonic() + within_s
        before: Mapping[str, Any] | None = None
        while True:
            seen = await self.services.everywhere("GET", "/ops/settled")
            still = {name: each for name, each in seen.items() if each["lag"] or each["outbox"]}
            if not still and seen == before:
                return {name: each["published"] for name, each in seen.items()}
            if time.monotonic() > deadline:
                raise Failed(f"not caught up after {within_s:.0f} s: {still or 'counters keep moving'}")
            before = seen
            await asyncio.sleep(LOOK_EVERY_S)

    async def none_dead(self) -> None:
        """Raises Failed where an event of the measurement could not be taken."""
        found = await self.services.everywhere("GET", "/ops/dead")
        if dead := {name: len(each) for name, each in found.items() if each}:
            raise Failed(f"events died during the measurement: {dead}")

    async def set_up(self, shop: str, zone: str, currency: str) -> None:
        """Make the shop known to every service."""
        await set_up_shop(self.services, shop, zone=zone, currency=currency)


@asynccontextmanager
async def living(
    database_url: str | None = None, processes: int = 1, *, parts: Collection[str] = (), set_clock: bool = False
) -> AsyncIterator[Living]:
    """Start it from empty, on its own PostgreSQL or the given one, and take everything away afterwards.

    `processes`: of each service. `parts`: these services alone, without the console.
    """
    folder = Path(tempfile.mkdtemp(prefix="regulars-bench-"))
    # PostgreSQL drops to an account of its own, which must reach its data.
    folder.chmod(0o755)
    wanted = tuple(each for each in SERVICES if each.name in parts) if parts else SERVICES
    plan = Plan(folder / "stack", wanted, log_level="WARNING", console=not parts, database_url=database_url)
    plan = replace(plan, processes=processes, set_clock=set_clock)
    try:
        began = time.monotonic()
        state = await asyncio.to_thread(operating.up, plan, lambda _: None)
        started_s = time.monotonic() - began
        addresses = {name: settings["PUBLIC_URL"] for name, settings in state.services.items()}
        async with Services(addresses, state.api_key) as services:
            yield Living(state, services, plan.folder / "mails.jsonl", started_s)
    finally:
        operating.down(plan.folder, purge=True)
        shutil.rmtree(folder, ignore_errors=True)
