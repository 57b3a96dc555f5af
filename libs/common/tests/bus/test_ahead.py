"""What folds read of the service's own is read ahead of everything else, and counts once. On real servers."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

from common.bus import offsets
from common.bus.ahead import Ahead
from common.bus.broker import Outgoing
from common.bus.consumer import EventConsumer
from common.bus.subscriptions import Batch, Subscription
from common.storage.database import Transaction

from .toy import Stand, Ticked, Tocked, tick, tock


def versions(stand: Stand, *bodies: bytes) -> list[Outgoing]:
    return [Outgoing(stand.topic, b"shop/c1", body, {"type": b"toy.tocked"}) for body in bodies]


def reading(stand: Stand, seen: list[Any]) -> tuple[Subscription, ...]:
    async def on_versions(tx: Transaction, batch: Batch) -> None:
        seen.extend(event.id for event in batch.events)

    async def on_ticks(tx: Transaction, batch: Batch) -> None:
        seen.extend(event.id for event in batch.events)
        await stand.toy.on_ticks(tx, batch)

    return Subscription(on_versions, (Tocked,), ahead=True), Subscription(on_ticks, (Ticked,))


async def test_a_rebuild_knows_the_last_version_before_the_first_event(stand: Stand) -> None:
    """The version stands behind all events, of its own partition too."""
    await stand.put(*[tick(n, customer=f"c{n % 5}") for n in range(40)])
    await stand.put(*versions(stand, tock(1)))
    seen: list[Any] = []
    consumer = EventConsumer(
        stand.database, stand.servers, f"toy-{uuid.uuid4().hex[:8]}", reading(stand, seen), seal=lambda b: b
    )
    running = asyncio.create_task(consumer.run())
    while len(await stand.rows()) < 40 or await stand.backlog.lag():
        assert not running.done()
        await asyncio.sleep(0.05)
    await consumer.stop()
    await running
    assert (seen[0], len(seen), len(set(seen))) == ("t1", 41, 41)
    assert consumer.counts.duplicates == 1


async def test_ahead_is_read_from_where_the_database_stands_and_nothing_twice(stand: Stand) -> None:
    seen: list[Any] = []
    ahead = Ahead(stand.database, stand.servers, reading(stand, seen))
    await stand.put(tick(1))
    await stand.put(*versions(stand, tock(1), b"{}", tock(2), tock(1)))
    assert await ahead.read({}, asyncio.Event()) == 2
    assert await ahead.read({}, asyncio.Event()) == 0
    assert seen == ["t1", "t2"]
    # The consumer group passes over what was read ahead, and buries what nobody can read.
    await stand.read()
    async with stand.database.transaction() as tx:
        stored = await offsets.stored(tx)
        assert await tx.value("select count(*) from dead_events") == 1
    await stand.put(*versions(stand, tock(3)))
    assert await ahead.read(stored, asyncio.Event()) == 1
    assert (seen, await stand.rows()) == (["t1", "t2", "t3"], [("c1", 1)])


async def test_what_fails_ahead_is_left_to_its_turn(stand: Stand) -> None:
    """A process that could not start for one bad version would read nothing at all."""

    async def fail(tx: Transaction, batch: Batch) -> None:
        raise ZeroDivisionError("a version that cannot be handled")

    await stand.put(*versions(stand, tock(1)))
    ahead = Ahead(stand.database, stand.servers, (Subscription(fail, (Tocked,), ahead=True),))
    assert await ahead.read({}, asyncio.Event()) == 0
    assert await stand.rows("select key from inbox") == []
