"""How far a service has read: the database says where reading goes on, and Kafka's tools are told."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from common.bus import offsets
from common.bus.broker import Consumer, Position
from common.storage.database import Database

TELL_EVERY_S = 1.0
"""So often Kafka is told how far the group is, and when there is nothing more to read; for its tools alone."""


class Progress:
    """Of one member of the group. The offsets' rows are moved by `common.bus.unit`, with what they stand for."""

    def __init__(self, database: Database, broker: Consumer) -> None:
        self._database, self._broker = database, broker
        self.cluster = ""
        """Which Kafka cluster the stored offsets are of; empty before the first assignment."""
        self._untold: dict[Position, int] = {}
        self._told_at = float("-inf")

    async def stored(self) -> dict[Position, int]:
        """The next offset of every partition that was ever read. Raises OffsetOutOfLog for those of another cluster."""
        self.cluster = await self._broker.cluster_id()
        async with self._database.transaction() as tx:
            return await offsets.stored(tx, self.cluster)

    async def of(self, positions: Sequence[Position]) -> Mapping[Position, int]:
        """Where the database says these partitions stand; one that was never read is left out (its first record)."""
        stored = await self.stored()
        found = {p: stored[p] for p in positions if p in stored}
        # Who had them before may have ended, or lost them, before it told Kafka; of a quiet partition nobody else will.
        self._untold.update(found)
        return found

    async def seek_stored(self) -> None:
        """Read all partitions on from where the database says, those that were never stored from their first record."""
        first = self._broker.first
        stored = await self.of(list(self._broker.assigned))
        await self._broker.seek({**first, **stored})

    async def reached(self, ends: Mapping[Position, int]) -> bool:
        """Whether everything before these offsets is in the database."""
        async with self._database.transaction() as tx:
            stored = await offsets.stored(tx)
        first = self._broker.first
        return all(stored.get(p, first.get(p, 0)) >= end for p, end in ends.items())

    async def moved(self, nexts: Mapping[Position, int]) -> None:
        """These offsets were committed; Kafka is told of them at its turn."""
        self._untold.update(nexts)
        if time.monotonic() - self._told_at >= TELL_EVERY_S:
            await self.tell()

    async def tell(self) -> None:
        """Tell Kafka how far the database is, where it was not told."""
        if self._untold:
            nexts, self._untold = self._untold, {}
            self._told_at = time.monotonic()
            await self._broker.commit({p: offset for p, offset in nexts.items() if p in self._broker.assigned})
