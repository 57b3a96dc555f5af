"""One run of `verify`: what was compared, what differs, and how far it is."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Awaitable, Callable

from common.bus.broker import Reader
from common.crypto.master import MasterKeys
from common.storage.database import Database, Transaction

SHOWN = 20
PROGRESS_EVERY_S = 5.0


class Verification:
    """Counts what a service's checks compare, and prints differences as they are found and progress meanwhile."""

    def __init__(
        self,
        service: str,
        database: Database,
        reader: Callable[[str], Reader],
        master: MasterKeys | bytes,
        say: Callable[[str], None],
    ) -> None:
        self.service = service
        self.database = database
        self.reader = reader
        self.master = master
        self.differences = 0
        self.compared: Counter[str] = Counter()
        self._say = say
        self._said_at = time.monotonic()

    def say(self, sentence: str) -> None:
        """Print it, with the service's name before it."""
        self._said_at = time.monotonic()
        self._say(f"{self.service}: {sentence}")

    def differ(self, line: str) -> None:
        """Something differs; the first 20 are printed, all are counted."""
        self.differences += 1
        if self.differences <= SHOWN:
            self.say(line)

    def count(self, what: str, number: int = 1) -> None:
        """So many more of `what` (a plural, such as "orders") were compared; says so every few seconds."""
        self.compared[what] += number
        self.progress(f"{self.compared[what]:,} {what} compared")

    def progress(self, sentence: str) -> None:
        """Said when nothing was for some seconds."""
        if time.monotonic() - self._said_at >= PROGRESS_EVERY_S:
            self.say(f"{sentence} so far")

    def summary(self) -> str:
        """How many differences, of how much that was compared; "nothing" is said as such."""
        counted = ", ".join(f"{number:,} {what}" for what, number in self.compared.items() if number)
        return f"{self.service}: {self.differences} differences; compared: {counted or 'nothing, for there is nothing'}"


def in_pages(check: Callable[[Database], Awaitable[list[str]]]) -> Callable[[Verification], Awaitable[None]]:
    """A check of every customer that opens transactions of its own and returns a line for each difference."""

    async def verify(run: Verification) -> None:
        for line in await check(run.database):
            run.differ(line)
        async with run.database.transaction() as tx:
            run.count("customers", await _customers(tx))

    return verify


async def _customers(tx: Transaction) -> int:
    return int(await tx.value("select count(*) from customers"))
