"""A worker's messages, handed off one after the other, each looked at again at the moment it would leave."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from common import tracing
from common.storage.database import Database
from common.storage.failures import is_temporary
from common.time.clock import FixedClock
from messaging.channels.protocol import Connection, Delivery, Trouble
from messaging.decisions.state import MISSED
from messaging.delivery.outcomes.announcing import followed
from messaging.delivery.outcomes.rules import back, outcome_of
from messaging.delivery.state import Ended, Place, Ready
from messaging.delivery.store import queue
from messaging.metrics import SENDS_REFUSED

log = structlog.get_logger()
SURE_S = queue.PERMIT_S - 2.0
"""By our own clock; the two seconds are for what lies between the look and the provider's socket."""
SLOW_AFTER_S = 5.0
"""A hand-off that lasts longer keeps its lease, and what waits behind it goes back untried."""
Done = list[tuple[Ended, Ready]]


class Chunk:
    """Started messages of one worker; `sure_until` is by the event loop's clock, from before they were started."""

    def __init__(self, ready: Iterable[Ready], sure_until: float) -> None:
        self.waiting = deque(ready)
        self.sure_until = sure_until
        self.current: Ready | None = None
        self.since = 0.0
        self.troubles: list[tuple[Place, Trouble]] = []


class _Permit:
    """Whether this message may still leave: the window by the clock, its recall by the database when in doubt."""

    def __init__(self, database: Database, one: Ready, sure_until: float) -> None:
        self._database = database
        self._one = one
        self._sure_until = sure_until
        self._replay = isinstance(database.clock, FixedClock)

    async def __call__(self) -> str | None:
        message, loop = self._one.message, asyncio.get_running_loop()
        if loop.time() >= self._sure_until:
            asked = loop.time()
            try:
                async with self._database.transaction() as tx:
                    if not await queue.may_still_leave(tx, message):
                        return "recalled"
            except Exception as error:
                log.warning("permit_unknown", temporary=is_temporary(error), **followed(message))
                return "permit_unknown"
            self._sure_until = asked + SURE_S
        closes = message.leave_before
        if not self._replay and closes is not None and self._database.clock.now() >= closes:
            return MISSED
        return None


class Hands:
    """Hands chunks off for all workers, and knows which hand-offs are under way."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._replay = isinstance(database.clock, FixedClock)
        self._at_work: set[Chunk] = set()
        self.handed_off = 0

    async def hand_off(self, connection: Connection, chunk: Chunk, stopping: asyncio.Event) -> Done:
        """Send one after the other; once a provider refuses us the rest goes back untried."""
        loop = asyncio.get_running_loop()
        ended: Done = []
        withheld: set[Place] = set()
        self._at_work.add(chunk)
        try:
            while chunk.waiting:
                one = chunk.waiting.popleft()
                if stopping.is_set() or withheld & one.places:
                    ended.append((back(one.message, self._now(one)), one))
                    continue
                chunk.current, chunk.since = one, loop.time()
                may_leave = _Permit(self._database, one, chunk.sure_until)
                forbidden = await may_leave()
                if forbidden:
                    delivery = Delivery("forbidden", forbidden)
                else:
                    with tracing.going_on(f"messaging hand-off {one.message.about.channel}", one.traceparent):
                        delivery = await connection.deliver(one.letter, may_leave)
                trouble = self._count(one, delivery)
                place = one.place_of(trouble) if trouble is not None else None
                if trouble is not None and place is not None:
                    chunk.troubles.append((place, trouble))
                    if trouble.at_once:
                        withheld.add(place)
                ended.append((outcome_of(one.message, one.policy, delivery, self._now(one)), one))
        finally:
            chunk.current = None
            self._at_work.discard(chunk)
        return ended

    def take_from_slow(self) -> Done:
        """What waits behind a slow hand-off; it goes back untried."""
        late = [chunk for chunk in self._at_work if self._is_slow(chunk)]
        taken = [one for chunk in late for one in chunk.waiting]
        for chunk in late:
            chunk.waiting.clear()
        return [(back(one.message, self._now(one)), one) for one in taken]

    def slow(self) -> Sequence[Ready]:
        """The hand-offs whose leases must be renewed."""
        return [chunk.current for chunk in self._at_work if chunk.current is not None and self._is_slow(chunk)]

    def _is_slow(self, chunk: Chunk) -> bool:
        return chunk.current is not None and asyncio.get_running_loop().time() - chunk.since > SLOW_AFTER_S

    def _now(self, one: Ready) -> datetime:
        return one.message.at if self._replay else self._database.clock.now()

    def _count(self, one: Ready, delivery: Delivery) -> Trouble | None:
        if delivery.outcome == "accepted":
            self.handed_off += 1
        elif delivery.outcome not in ("stopped", "forbidden"):
            SENDS_REFUSED.labels(one.message.about.channel, delivery.stage or "", delivery.reason or "").inc()
        return delivery.trouble
