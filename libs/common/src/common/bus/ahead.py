"""What folds read of the service's own topic is read before anything else, so that a rebuild knows it in time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog

from common.bus.broker import Position, Reader, Record
from common.bus.inbox import claim_each
from common.bus.subscriptions import Batch, Handlers, Subscription
from common.events import Event, EventData, InvalidEvent, decode
from common.storage.database import Database, Transaction
from common.storage.failures import passes

log = structlog.get_logger()


class Ahead:
    """Reads the subscriptions marked so, from where the database stands to the end that the log has now.

    The offsets stay where they are: the consumer group reads the same records in their turn, and finds them claimed.
    What is unreadable, or fails, is left to it.
    """

    def __init__(
        self,
        database: Database,
        servers: str,
        subscriptions: Sequence[Subscription],
        before: Callable[[Transaction], Awaitable[None]] | None = None,
    ) -> None:
        self._database, self._servers, self._before = database, servers, before
        self._subscriptions = [each for each in subscriptions if each.ahead]
        self._handlers = Handlers(self._subscriptions)
        self._types = {kind.TYPE: kind for each in self._subscriptions for kind in each.types}

    async def read(self, stored: Mapping[Position, int], stopping: asyncio.Event) -> int:
        """Returns how many events were new. Raises what passes by itself; called again, it begins again."""
        found = 0
        for topic in sorted({kind.TOPIC for kind in self._types.values()}):
            since = {position: offset for position, offset in stored.items() if position.topic == topic}
            reader = Reader(self._servers, topic, client=f"{self._database.service}-ahead", since=since)
            try:
                while not stopping.is_set() and not await reader.at_end():
                    found += await self._take(await reader.read())
            finally:
                await reader.close()
        return found

    async def _take(self, records: Sequence[Record]) -> int:
        events = [event for record in records if (event := _read(record, self._types)) is not None]
        if not events:
            return 0
        try:
            async with self._database.transaction() as tx:
                if self._before is not None:
                    await self._before(tx)
                outcomes = await claim_each(tx, events)
                fresh = [event for (event, _), outcome in zip(events, outcomes, strict=True) if outcome == "new"]
                for handler, mine in self._handlers.share(fresh):
                    await handler(tx, Batch(mine))
        except Exception as error:
            if passes(error):
                raise
            log.warning("ahead_left", detail=repr(error)[:500])
            return 0
        return len(fresh)


def _read(record: Record, types: Mapping[str, type[EventData]]) -> tuple[Event[Any], bytes] | None:
    """The event and its body; None for what is not of these types, and for what the group shall refuse."""
    kind = record.headers.get("type", b"").decode("utf-8", "replace")
    if kind and kind not in types:
        return None  # skipped without decoding
    try:
        event = decode(record.value or b"")
    except InvalidEvent:
        return None
    keyed = record.key is None or record.key.decode("utf-8", "replace") == event.key
    return (event, record.value or b"") if keyed and event.type in types else None
