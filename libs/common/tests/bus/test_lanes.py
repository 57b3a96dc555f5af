"""A large poll is handled in two transactions at one time, each with the customers of some partition numbers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from common.bus.broker import Batch as Polled
from common.bus.broker import Outgoing, Position, Record
from common.bus.consumer import EventConsumer
from common.bus.parts import before, lanes
from common.bus.subscriptions import Batch, Subscription
from common.storage.database import Transaction

from .toy import Stand, Ticked, tick

SOON_S = 60.0


def record(topic: str, partition: int, offset: int) -> Record:
    return Record(topic, partition, offset, b"k", b"v", {}, 0)


@pytest.mark.parametrize("most", [5, 17, 18, 100])
def test_lanes_hold_every_record_once_and_each_partition_number_in_one_of_them(most: int) -> None:
    sizes = {("orders", 0): 7, ("customers", 0): 3, ("orders", 1): 4, ("orders", 2): 3, ("activity", 2): 1}
    records = [record(*place, n) for place, size in sizes.items() for n in range(10, 10 + size)]
    starts = {Position(*place): 10 for place in sizes}
    nexts = {Position(*place): 10 + size for place, size in sizes.items()}
    found = lanes(Polled(records, starts, nexts, 4), most)
    assert len(found) == (2 if most < len(records) else 1)
    assert sorted(r.offset for lane in found for r in lane.records) == sorted(r.offset for r in records)
    numbers = [{r.partition for r in lane.records} for lane in found]
    assert not set.intersection(*numbers) or len(found) == 1
    for lane in found:
        assert {p for p in lane.starts} == {Position(r.topic, r.partition) for r in lane.records} == set(lane.nexts)
        assert all(lane.starts[p] == starts[p] and lane.nexts[p] == nexts[p] for p in lane.starts)
        of_orders = [r.offset for r in lane.records if r.topic == "orders" and r.partition == 0]
        assert of_orders == sorted(of_orders)
    assert max(len(lane.records) for lane in found) <= max(most, 10)


def test_one_partition_is_one_lane() -> None:
    records = [record("orders", 3, n) for n in range(9)]
    place = Position("orders", 3)
    assert lanes(Polled(records, {place: 0}, {place: 9}, 1), 2) == [Polled(records, {place: 0}, {place: 9}, 1)]


def test_a_partition_whose_gap_is_passed_has_its_position_moved_by_one_of_the_lanes() -> None:
    """Of a rebuild: compaction has left nothing between a position and the end; it is told by no later poll."""
    orders, keys = Position("orders", 3), Position("customer-keys", 5)
    records = [*(record("orders", 3, n) for n in range(9)), record("customer-keys", 5, 100)]
    polled = before(Polled(records, {orders: 0, keys: 90}, {orders: 9, keys: 101}, 1), {orders: 50, keys: 100})
    assert polled is not None
    for most in (2, 9):
        found = lanes(polled, most)
        assert [r.offset for lane in found for r in lane.records] == list(range(9))
        assert {p: (lane.starts[p], n) for lane in found for p, n in lane.nexts.items()} == {
            orders: (0, 9),
            keys: (90, 100),
        }


def ticks(stand: Stand, count: int) -> list[Outgoing]:
    """Each third of them in a partition of its own, as customers are."""
    events = [tick(n, f"c{n % 3}") for n in range(count)]
    return [Outgoing(stand.topic, e.key.encode(), e.encode(), {}, n % 3) for n, e in enumerate(events)]


class Meeting:
    """A handler that waits, in its first batch, for another batch to be at hand too."""

    def __init__(self) -> None:
        self.at_hand = self.most = 0
        self.both = asyncio.Event()
        self.fails: set[str] = set()

    async def on_ticks(self, tx: Transaction, batch: Batch) -> None:
        self.at_hand += 1
        self.most = max(self.most, self.at_hand)
        if self.at_hand > 1:
            self.both.set()
        try:
            await asyncio.wait_for(self.both.wait(), SOON_S)
            if self.fails & {e.subject for e in batch.events}:
                self.fails.clear()
                raise ConnectionResetError("reset")
            await tx.copy("ticks", ("customer", "n"), [(e.subject, e.data.n) for e in batch.events])
        finally:
            self.at_hand -= 1


def meeting(stand: Stand, handler: Meeting, **more: Any) -> EventConsumer:
    subscriptions = (Subscription(handler.on_ticks, (Ticked,)),)
    return EventConsumer(stand.database, stand.servers, "toy-lanes", subscriptions, seal=lambda b: b, **more)


async def _drained(stand: Stand, consumer: EventConsumer, count: int) -> None:
    task = asyncio.create_task(consumer.run())
    try:
        async with asyncio.timeout(SOON_S):
            while len(await stand.rows()) < count:
                await asyncio.sleep(0.05)
    finally:
        await consumer.stop()
        await task


@pytest.mark.parametrize("fails", [None, "c0", "c1"])
async def test_two_transactions_are_at_hand_and_everything_counts_once_in_order(
    stand: Stand, fails: str | None
) -> None:
    """Also where one of the two fails: what the other one has committed is not read again."""
    await stand.put(*ticks(stand, 90))
    handler = Meeting()
    handler.fails = {fails} if fails else set()
    consumer = meeting(stand, handler, max_records=45)
    await _drained(stand, consumer, 90)
    assert handler.most == 2
    rows = await stand.rows("select customer, n from ticks order by ctid")
    for customer in ("c0", "c1", "c2"):
        assert [n for c, n in rows if c == customer] == [n for n in range(90) if f"c{n % 3}" == customer]
    assert consumer.counts.duplicates == 0
    assert await stand.rows("select sum(next) from offsets") == [(90,)]


async def test_a_poll_that_one_transaction_may_hold_is_one(stand: Stand) -> None:
    await stand.put(*ticks(stand, 30))
    handler = Meeting()
    handler.both.set()
    await _drained(stand, meeting(stand, handler, max_records=30), 30)
    assert handler.most == 1
