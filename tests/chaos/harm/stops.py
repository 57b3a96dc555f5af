"""Processes are asked to end (SIGTERM) under load, every other time while the broker stands still (R9)."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import time
from collections.abc import Mapping

import psutil

from chaos.harm import Figures, Harm, Setting
from chaos.harm.plan import PROCESSES, SERVICE_NAMES, processes_of
from chaos.harm.processes import send, stand_still
from chaos.harm.targets import Targets
from chaos.holdings import Holdings

WITHIN_S = 25.0
"""A process ends with 0 within so long (targets.md R9)."""
_ENDED = re.compile(r"^(\S+) ended with (-?\d+);", re.MULTILINE)


class Stops(Harm):
    """Ends processes of the services `times` times in shuffled rounds; the supervisor starts them again."""

    def __init__(self, setting: Setting, times: int) -> None:
        super().__init__(setting)
        self._times = times
        self._rng = random.Random(setting.seed + 6)
        self._targets = Targets(setting.folder)
        self._seconds: dict[bool, list[float]] = {True: [], False: []}

    async def run(self, _holdings: Holdings) -> None:
        names = processes_of(SERVICE_NAMES, PROCESSES)
        rounds = -(-self._times // len(names))
        plan = [name for _ in range(rounds) for name in self._rng.sample(names, len(names))][: self._times]
        try:
            for number, name in enumerate(plan):
                await self._end(name, frozen=number % 2 == 1)
                self.sent_share = (number + 1) / len(plan)
        finally:
            self.sent_share = 1.0

    async def _end(self, name: str, *, frozen: bool) -> None:
        process = await self._targets.find(name)
        broker = await self._targets.find("kafka-1")
        if process is None or broker is None:
            self.done.missed.append(f"end {name}")
            return
        stopped = stand_still(broker.pid) if frozen else []
        try:
            one = psutil.Process(process.pid)
            began = time.monotonic()
            one.send_signal(signal.SIGTERM)
            while one.is_running() and one.status() != psutil.STATUS_ZOMBIE and time.monotonic() - began < 2 * WITHIN_S:
                await asyncio.sleep(0.05)
        except psutil.NoSuchProcess:
            pass
        finally:
            took = time.monotonic() - began
            send(stopped, signal.SIGCONT)
        self._seconds[frozen].append(took)
        self.done.rolls[name] += 1
        self.setting.say(f"{name} ended after {took:.1f} s{', the broker stood still' if frozen else ''}")

    def enough(self) -> bool:
        return self.done.rolls.total() >= self._times

    async def measured(self, _databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """The exit codes, as the supervisor wrote them down, and the longest ends."""
        said = (self.setting.folder / "logs" / "stack.log").read_text("utf-8")
        codes = [int(code) for name, code in _ENDED.findall(said) if name in self.done.rolls]
        longest = {("frozen" if frozen else "alive"): max(took, default=0.0) for frozen, took in self._seconds.items()}
        figures: Figures = {
            "ends": self.done.rolls.total(),
            "exit_codes": {str(code): codes.count(code) for code in sorted(set(codes))},
            "longest_s_with_the_broker": {what: round(took, 1) for what, took in longest.items()},
        }
        kept = set(codes) == {0} and len(codes) >= self._times and max(longest.values()) <= WITHIN_S
        return {"stops": figures}, kept
