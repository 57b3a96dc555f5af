"""The most memory that a measurement took: of this process, and of PostgreSQL with all its connections."""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import psutil

from regulars.stack.usage import memory_mb

EVERY_S, DATABASE_EVERY_S = 0.05, 1.0
"""PostgreSQL's processes share memory; to divide it among them takes some milliseconds of the kernel a process."""


class Peaks:
    """Looks at both beside the work, in a thread of its own. MB of 10^6 bytes.

    `ours`: resident memory of this process at its highest. `database`: of PostgreSQL's server and its processes, what
    they share counted once.
    """

    def __init__(self, postgres: int) -> None:
        self._process = psutil.Process()
        self._stopping = threading.Event()
        self._threads = (
            threading.Thread(target=self._look_at_ours, daemon=True),
            threading.Thread(target=self._look_at_database, args=(postgres,), daemon=True),
        )
        self.ours = self.database = 0.0

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _look_at_ours(self) -> None:
        while True:
            self.ours = max(self.ours, self._process.memory_info().rss / 1e6)
            if self._stopping.wait(EVERY_S):
                return

    def _look_at_database(self, pid: int) -> None:
        while True:
            self.database = max(self.database, memory_mb(pid))
            if self._stopping.wait(DATABASE_EVERY_S):
                return
