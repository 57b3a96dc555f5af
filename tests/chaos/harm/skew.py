"""Clocks that are wrong: beside each service's processes runs one whose clock is hours ahead or behind.

It reads, sweeps, publishes and sends like the others. What it judges by its own clock (contact hours, due dates) it
judges wrongly, as docs/runbooks.md says under ClockWrong; what must count once counts once all the same.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from email.utils import parsedate_to_datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import httpx

from chaos.harm import Figures, Harm, Setting
from chaos.harm.plan import SERVICE_NAMES
from chaos.harm.targets import Targets
from chaos.holdings import Holding, Holdings, read
from regulars.stack.errors import StackError
from regulars.stack.ports import free_port
from regulars.stack.services import SERVICES, environment

STAYS_S = 45.0
ROUNDS = 2
"""In the second each service's clock is wrong the other way."""
_READY_WITHIN_S, _ENDS_WITHIN_S, _TOLERATED_S = 300.0, 30.0, 60.0
_PLACES = ("/usr/lib/*/faketime/libfaketime.so.1", "/usr/local/lib/faketime/libfaketime.so.1")


class Skew(Harm):
    """A further process of each service with its clock `hours` ahead, of others behind; then the other way round."""

    def __init__(self, setting: Setting, hours: int) -> None:
        super().__init__(setting)
        self._hours = hours
        self._targets = Targets(setting.folder)
        self._library = Path()
        self._held: dict[str, Holding] = {}
        self._codes: list[int] = []

    def start(self) -> Mapping[str, Any]:
        """Find the library first. Raises StackError where it is not there."""
        self._library = library()
        return {}

    async def run(self, _holdings: Holdings) -> None:
        rng = random.Random(self.setting.seed + 7)
        ways = {name: rng.choice((1, -1)) for name in SERVICE_NAMES}
        try:
            for number in range(ROUNDS):
                with ExitStack() as ending:
                    started = [
                        (name, way, *ending.enter_context(self._process(name, way * self._hours)))
                        for name, way in ways.items()
                    ]
                    await asyncio.gather(*(self._await_ready(*each) for each in started))
                    await self._look(started, number)
                    await asyncio.to_thread(self._end, [process for *_, process in started])
                ways = {name: -way for name, way in ways.items()}
        finally:
            self.sent_share = 1.0

    @contextmanager
    def _process(self, name: str, hours: int) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
        """Its address, and the process, which is killed at the latest at the end."""
        service = next(each for each in SERVICES if each.name == name)
        port = free_port()
        settings = {**self._targets.state().services[name], "HTTP_PORT": str(port)}
        wrong = {"LD_PRELOAD": str(self._library), "FAKETIME": f"{hours:+d}h", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
        with (self.setting.folder / "logs" / f"{name}-skewed{hours:+d}h.log").open("wb") as log:
            argv = [sys.executable, "-m", f"{service.package}.main", "serve"]
            process = subprocess.Popen(argv, env=environment(settings) | wrong, stdout=log, stderr=log)
            try:
                yield f"http://127.0.0.1:{port}", process
            finally:
                process.kill()
                process.wait()

    async def _await_ready(self, name: str, way: int, address: str, process: subprocess.Popen[bytes]) -> None:
        """Until it reads; that its clock is wrong by as much is seen in the date of its answer."""
        called = f"{name} {way * self._hours:+d} h"
        deadline = time.monotonic() + _READY_WITHIN_S
        async with httpx.AsyncClient(base_url=address, timeout=5) as client:
            while time.monotonic() < deadline and process.poll() is None:
                try:
                    answer = await client.get("/health/ready")
                    said = parsedate_to_datetime(answer.headers["date"]).timestamp() - time.time()
                    holding = read(answer.json()["checks"])
                    if answer.is_success and holding.partitions:
                        if abs(said - way * self._hours * 3_600) > _TOLERATED_S:
                            self.done.missed.append(f"{called}: its clock is off by {said:.0f} s")
                            return
                        self.done.others[called] += 1
                        self.setting.say(f"{called}: {holding}")
                        return
                except (httpx.HTTPError, KeyError, ValueError):
                    pass
                await asyncio.sleep(0.5)
        self.done.missed.append(f"{called}: not ready, or it has no partition")

    async def _look(self, started: list[tuple[str, int, str, subprocess.Popen[bytes]]], number: int) -> None:
        """Let them work for a while, and keep what each held last."""
        for step in range(int(STAYS_S)):
            await asyncio.sleep(1)
            self.sent_share = (number + (step + 1) / STAYS_S) / ROUNDS
        async with httpx.AsyncClient(timeout=5) as client:
            for name, way, address, _ in started:
                try:
                    checks = (await client.get(f"{address}/health/ready")).json()["checks"]
                    self._held[f"{name} {way * self._hours:+d} h"] = read(checks)
                except (httpx.HTTPError, KeyError, ValueError) as error:
                    self.done.missed.append(f"{name}: {error!r}")

    def _end(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            process.send_signal(signal.SIGTERM)
        self._codes += [process.wait(_ENDS_WITHIN_S) for process in processes]

    def enough(self) -> bool:
        """Each service was both ahead and behind, and read meanwhile."""
        return all(self.done.others[f"{name} {h:+d} h"] for name in SERVICE_NAMES for h in (self._hours, -self._hours))

    async def measured(self, _databases: Mapping[str, str]) -> tuple[Figures, bool]:
        """What the wrong ones held and swept, and that each ended in order."""
        figures: Figures = {
            "hours": self._hours,
            "held": {name: str(holding) for name, holding in sorted(self._held.items())},
            "exit_codes": {str(code): self._codes.count(code) for code in sorted(set(self._codes))},
        }
        return {"skew": figures}, set(self._codes) == {0}


def library() -> Path:
    """libfaketime: of FAKETIME_LIBRARY, of Debian's package `faketime`, or PyPI's. Raises StackError without."""
    if named := os.environ.get("FAKETIME_LIBRARY"):
        return Path(named)
    found = [file for place in _PLACES for file in sorted(Path("/").glob(place.lstrip("/")))]
    spec = find_spec("libfaketime")
    if spec is not None and spec.origin is not None:
        found += sorted(Path(spec.origin).parent.rglob("libfaketime.so.1"))
    if not found:
        raise StackError("clocks are set wrong by libfaketime: apt-get install faketime, or pip install libfaketime")
    return found[0]
