"""The relay publishes what was announced to a real Kafka, in order."""

import asyncio

import pytest

from common.bus.broker import OffsetOutOfLog
from common.bus.relay import Relay

from .toy import Stand, tick


async def test_the_relay_publishes_in_order_and_marks_after_the_acknowledgement(stand: Stand) -> None:
    async with stand.database.transaction() as tx:
        await tx.announce([tick(n) for n in range(300)])
    relay = Relay(stand.database, stand.servers, "toy")
    task = asyncio.create_task(relay.run())
    await stand.read()
    while (await stand.rows("select count(*) from ticks"))[0] != (300,):
        await stand.consumer.step(0.2)
    await relay.stop()
    await task
    assert [n for _, n in await stand.rows("select customer, n from ticks")] == list(range(300))
    assert await stand.rows("select count(*) from outbox where published_at is null") == [(0,)]


async def test_the_relay_publishes_to_no_other_cluster(stand: Stand) -> None:
    """A port that another stack took over must not swallow facts: they would be marked and in nobody's log."""
    async with stand.database.transaction() as tx:
        await tx.execute("insert into cluster (id) values ('elsewhere')")
        await tx.announce([tick(1)])
    with pytest.raises(OffsetOutOfLog, match="publishes to Kafka cluster elsewhere"):
        await Relay(stand.database, stand.servers, "toy").run()
    assert await stand.rows("select count(*) from outbox where published_at is null") == [(1,)]
