"""Finds the process that is at work, so that harming it shows something."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import httpx

from chaos.harm.plan import BENEATH
from regulars.stack.kafka_probe import live_brokers
from regulars.stack.state import ProcessId, StackState, address_of, state_file

_OLD_ENOUGH_S = 4.0
_WAIT_FOR_TARGET_S = 30.0


class Targets:
    """The processes of the stack of one folder; `asleep` are those that somebody paused."""

    def __init__(self, folder: Path) -> None:
        self._file = state_file(folder)
        self.asleep: set[str] = set()

    def state(self) -> StackState:
        """The stack as it is now. Raises LookupError when there is none."""
        state = StackState.load(self._file)
        if state is None:
            raise LookupError(f"no stack runs from {self._file.parent}")
        return state

    async def find(self, target: str) -> ProcessId | None:
        """The process, once it is awake and at work, and so are Kafka and PostgreSQL: killing what only just starts,
        or waits for a dead database, shows little. When time is up, as it is; None when there is no process."""
        deadline = time.monotonic() + _WAIT_FOR_TARGET_S
        while time.monotonic() < deadline:
            state = self.state()
            if target not in self.asleep:
                process = self._aged(state, target)
                if process is not None and await self._at_work(state, target):
                    return process
            await asyncio.sleep(0.3)
        return self._aged(self.state(), target) if target not in self.asleep else None

    @staticmethod
    def _aged(state: StackState, target: str) -> ProcessId | None:
        process = state.processes.get(target)
        old = process is not None and process.is_alive() and time.time() - process.started > _OLD_ENOUGH_S
        return process if old else None

    async def _at_work(self, state: StackState, target: str) -> bool:
        host, _, port = state.kafka.partition(":")
        # A broker that stands still holds its port open, a database that does answers nobody: neither is at work.
        if self.asleep.intersection(BENEATH) or self._aged(state, "postgres") is None:
            return False
        if not await asyncio.to_thread(live_brokers, host, int(port)):
            return False
        return await self.is_ready(state, target)

    @staticmethod
    async def is_ready(state: StackState, target: str) -> bool:
        """Whether the process says so; what is no process of a service is asked nothing."""
        settings = state.all_processes().get(target)
        if settings is None:
            return True
        try:
            async with httpx.AsyncClient(timeout=3) as client:
                return (await client.get(f"{address_of(settings)}/health/ready")).is_success
        except httpx.HTTPError:
            return False
