"""The disk of PostgreSQL fills up under load, again and again: nothing is acknowledged that is not there afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chaos.harm import Figures, Harm, Setting
from chaos.harm.plan import BENEATH
from chaos.holdings import Holdings
from regulars.stack.errors import StackError

SIZE_MB = 1_000
FULL_S = 15.0
REST_S = 25.0
_PIECE = 1 << 20
_SAID = "No space left on device"


class FullDisk(Harm):
    """PostgreSQL's folder lies in a memory disk of 1,000 MB (mounting it takes root), filled to the last byte `times`
    times for 15 s each."""

    def __init__(self, setting: Setting, times: int) -> None:
        super().__init__(setting)
        self._times = times
        self._folder = setting.folder / BENEATH[1]
        self._mounted = False

    def start(self) -> Mapping[str, Any]:
        self._folder.mkdir(parents=True, exist_ok=True)
        mount = ("mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=755", "tmpfs", str(self._folder))
        if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
            raise StackError("a small disk cannot be mounted here: run this form as root")
        self._mounted = True
        return {}

    def stop(self) -> None:
        if self._mounted:
            subprocess.run(("umount", "--lazy", str(self._folder)), check=True)

    async def run(self, _holdings: Holdings) -> None:
        ballast = self._folder / "ballast"
        try:
            for number in range(self._times):
                await asyncio.sleep(REST_S)
                self.sent_share = (number + 0.9) / self._times
                try:
                    until = asyncio.get_running_loop().time() + FULL_S
                    while asyncio.get_running_loop().time() < until:
                        # What PostgreSQL frees meanwhile is taken, too.
                        await asyncio.to_thread(fill, ballast)
                        await asyncio.sleep(0.2)
                finally:
                    ballast.unlink(missing_ok=True)
                self.done.others["full disk"] += 1
                self.setting.say(f"the disk was full for {FULL_S:.0f} s ({number + 1} of {self._times})")
        finally:
            self.sent_share = 1.0

    def _refusals(self) -> int:
        return (self.setting.folder / "logs" / "postgres.log").read_text("utf-8", "replace").count(_SAID)

    def enough(self) -> bool:
        """Each time, and PostgreSQL itself has met it."""
        return self.done.others["full disk"] >= self._times and self._refusals() > 0

    async def measured(self, _databases: Mapping[str, str]) -> tuple[Figures, bool]:
        return {"full_disk": {"times": self.done.others["full disk"], "postgres_said_so": self._refusals()}}, True


def fill(file: Path) -> None:
    """Write zeros to the end of the file until the disk takes no more byte."""
    piece = _PIECE
    with file.open("ab", buffering=0) as ballast:
        while piece:
            try:
                ballast.write(bytes(piece))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
                piece //= 2
            with contextlib.suppress(OSError):
                os.fsync(ballast.fileno())
