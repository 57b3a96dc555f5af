"""What stands in the log and not yet in the service's database: of every partition, whichever process reads it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from common.bus import offsets
from common.bus.broker import LogEnds, Position
from common.storage.database import Database

MANY = 2_000
"""Unread records, a full poll of one process: a service that has so many is catching up."""
LOOK_EVERY_S = 0.5
STILL_S = 10.0
"""A partition that is not read on for so long, though its log goes on, may hold no record there."""


@dataclass(slots=True)
class _Look:
    """Where the logs ended at an instant; `passed` once all before that is in the database."""

    at: datetime
    taken: float
    ends: Mapping[Position, int]
    passed: bool = False
    many: bool = False


@dataclass(slots=True)
class _Still:
    """A partition as long as its stored offset stays. `since`: its log goes on behind it; `first`: the first offset
    from there on that may hold a record; `sure`: that does."""

    stored: int
    since: float
    first: int
    sure: bool = False


class Backlog:
    """Compares the ends of all partitions of the service's topics with the offsets stored in its database.

    A process that reads a part of the partitions, or none, sees what lies unread with another one that is frozen.
    """

    def __init__(
        self, database: Database, topics: Callable[[], Awaitable[Collection[str]]], servers: str, *, client: str
    ) -> None:
        self._database = database
        self._topics = topics
        self._ends = LogEnds(servers, client=f"{client}-ends")
        self._still: dict[Position, _Still] = {}
        self._look: _Look | None = None
        self._until: datetime | None = None
        self._turn = asyncio.Lock()

    async def lag(self) -> int:
        """Records in the log that are not in the database. Raises BrokerUnavailable."""
        return await self._unread(await self._ends.ends(await self._topics()))

    async def read_until(self) -> datetime | None:
        """All that stood in the log at this instant is in the database; None where that is unknown, or much is unread.

        A sweep that does what fell due by then downgrades nobody for an order that is in the log already. None while
        more than `MANY` records are unread: a member who was advanced to now is folded anew with every older order that
        still comes. Kafka is asked again when all that the last answer knew of was read, twice a second at most.
        Raises BrokerUnavailable.
        """
        async with self._turn:
            look = self._look
            if look is None or (look.passed and time.monotonic() - look.taken > LOOK_EVERY_S):
                at = self._database.clock.now()
                ends = await self._ends.ends(await self._topics())
                look = self._look = _Look(at, time.monotonic(), ends)
            if not look.passed:
                unread = await self._unread(look.ends)
                look.passed, look.many = unread == 0, look.many or unread > MANY
            if look.passed:
                self._until = look.at
            return None if look.many and not look.passed else self._until

    async def close(self) -> None:
        """Drop the connection; the next question makes a new one. Never raises."""
        await self._ends.close()

    async def _unread(self, ends: Mapping[Position, int]) -> int:
        async with self._database.transaction() as tx:
            stored = await offsets.stored(tx)
        # One that was never read is read from where its log begins, which is not 0 where retention has cut it.
        unknown = [position for position, end in ends.items() if end > 0 and position not in stored]
        begin = await self._ends.starts(unknown) if unknown else {}
        now, unread = time.monotonic(), dict[Position, _Still]()
        for position, end in ends.items():
            start = stored.get(position, begin.get(position, 0))
            if (still := self._still.get(position)) is None or still.stored != start:
                still = self._still[position] = _Still(start, now, start)
            if still.first < end:
                unread[position] = still
            else:
                still.since = now
        asked = {p: still for p, still in unread.items() if not still.sure and now - still.since > STILL_S}
        await self._ask(asked, ends)
        return sum(max(0, ends[position] - still.first) for position, still in unread.items())

    async def _ask(self, still: Mapping[Position, _Still], ends: Mapping[Position, int]) -> None:
        """Whether these hold a record at all: a shop that writes in transactions leaves markers, which have offsets."""
        if not still:
            return
        starts = {position: each.first for position, each in still.items()}
        for position, (first, sure) in (await self._ends.first_records(starts, ends)).items():
            each = still[position]
            each.first, each.sure, each.since = first, sure, time.monotonic()
