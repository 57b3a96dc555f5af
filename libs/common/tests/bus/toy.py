"""A toy service on real servers: what the tests of the bus count events with."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from common.bus.backlog import Backlog
from common.bus.broker import Outgoing, Producer
from common.bus.consumer import EventConsumer
from common.bus.subscriptions import Batch, Handler, Subscription
from common.events import Event, EventData
from common.storage.database import Database, Transaction


class Ticked(EventData):
    TYPE: ClassVar[str] = "toy.ticked"
    TOPIC: ClassVar[str] = "toy"
    n: int


def tick(n: int, customer: str = "c1", **more: Any) -> Event[Ticked]:
    time = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=n)
    return Event(more.pop("id", f"e{n}"), "/shops/shop/toy", "shop", customer, time, Ticked(n=n))


class Tocked(Ticked):
    """A type whose every event fails."""

    TYPE: ClassVar[str] = "toy.tocked"


def tock(n: int) -> bytes:
    return tick(n, id=f"t{n}").encode().replace(b"toy.ticked", b"toy.tocked")


@dataclass
class Toy:
    """A service that writes each event it counts as a row; poison is what it cannot handle."""

    poison: set[int] = field(default_factory=set)
    calls: int = 0

    async def on_ticks(self, tx: Transaction, batch: Batch) -> None:
        self.calls += 1
        if any(isinstance(event.data, Tocked) for event in batch.events):
            raise ZeroDivisionError("tock")
        for event in batch.events:
            if event.data.n in self.poison:
                raise ZeroDivisionError(f"poison {event.data.n}")
        await tx.copy("ticks", ("customer", "n"), [(e.subject, e.data.n) for e in batch.events])


@dataclass
class Stand:
    """The toy on real servers, on a topic of its own; `consumer` is the one that the test steps."""

    database: Database
    servers: str
    topic: str
    toy: Toy
    producer: Producer
    backlog: Backlog
    consumer: EventConsumer

    def another(self, handler: Handler | None = None, group: str | None = None, **more: Any) -> EventConsumer:
        subscriptions = (Subscription(handler or self.toy.on_ticks, (Ticked, Tocked)),)
        named = group or f"toy-{uuid.uuid4().hex[:8]}"
        return EventConsumer(self.database, self.servers, named, subscriptions, seal=lambda b: b, **more)

    async def put(self, *events: Event[Any] | Outgoing) -> None:
        """As the outbox does: what Kafka is not known to have is sent again, and an event counts once."""
        out = [e if isinstance(e, Outgoing) else Outgoing(self.topic, e.key.encode(), e.encode(), {}) for e in events]
        async with asyncio.timeout(60):
            while out:
                out = out[await self.producer.send(out) :]

    async def read(self, consumer: EventConsumer | None = None) -> None:
        """Until nothing is left in the log."""
        consumer = consumer or self.consumer
        while True:
            await consumer.step(1.0)
            if consumer.broker.assigned and await self.backlog.lag() == 0:
                return

    async def rows(self, sql: str = "select customer, n from ticks order by n") -> list[tuple[Any, ...]]:
        async with self.database.transaction() as tx:
            return [tuple(r) for r in await tx.fetch(sql)]
