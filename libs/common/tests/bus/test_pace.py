"""A busy service does its work in fewer and larger units: batches, words to Kafka, looks of the relay."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import asyncpg
import pytest

from common.bus import progress
from common.bus.broker import Position
from common.bus.relay import Relay
from common.storage.migrate import driver_url

from .toy import Stand, tick

SOON_S = 30.0


async def test_what_comes_right_after_a_batch_shares_the_next_one(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first event after a pause waits for nothing."""
    other = stand.another(pace_s=3600.0)
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            await stand.put(*[tick(n) for n in range(1, 11)])

    monkeypatch.setattr(other._patience, "wait", wait)
    await stand.put(tick(0))
    task = asyncio.create_task(other.run())
    async with asyncio.timeout(SOON_S):
        while len(await stand.rows()) < 11:
            await asyncio.sleep(0.05)
    await other.stop()
    await task
    assert stand.toy.calls == 2
    assert waits[0] > 3000


async def test_a_full_batch_is_followed_at_once(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    other = stand.another(pace_s=3600.0, max_records=5)
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(other._patience, "wait", wait)
    await stand.put(*[tick(n) for n in range(10)])
    task = asyncio.create_task(other.run())
    async with asyncio.timeout(SOON_S):
        while len(await stand.rows()) < 10:
            await asyncio.sleep(0.05)
    await other.stop()
    await task
    assert waits == []


async def test_kafka_is_told_seldom_while_there_is_work_and_when_there_is_none(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database counts; Kafka's own offsets are for its tools."""
    monkeypatch.setattr(progress, "TELL_EVERY_S", 3600.0)
    told: list[Mapping[Position, int]] = []
    commit = stand.consumer.broker.commit

    async def telling(nexts: Mapping[Position, int]) -> bool:
        told.append(nexts)
        return await commit(nexts)

    monkeypatch.setattr(stand.consumer.broker, "commit", telling)
    async with asyncio.timeout(SOON_S):
        for n in range(5):
            await stand.put(tick(n))
            while not await stand.consumer.step(0.5) or len(await stand.rows()) <= n:
                pass
        assert sum(len(nexts) for nexts in told) <= 2
        while await stand.consumer.step(0.2):
            pass
    assert [max(nexts.values()) for nexts in told][-1] == 5


async def test_who_is_given_partitions_tells_kafka_what_the_one_before_did_not(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the group's lag, by which operators look and processes are added, stays above 0 on a quiet partition."""
    monkeypatch.setattr(progress, "TELL_EVERY_S", 3600.0)
    told: list[Mapping[Position, int]] = []

    async def deaf(nexts: Mapping[Position, int]) -> bool:
        return False

    async def telling(nexts: Mapping[Position, int]) -> bool:
        told.append(nexts)
        return True

    monkeypatch.setattr(stand.consumer.broker, "commit", deaf)
    await stand.put(*[tick(n) for n in range(10)])
    await stand.read()
    await stand.consumer.stop()
    other = stand.another()
    monkeypatch.setattr(other.broker, "commit", telling)
    await stand.read(other)
    async with asyncio.timeout(SOON_S):
        while not told:
            await other.step(0.2)
    await other.stop()
    assert max(told[0].values()) == 10


async def test_a_relay_of_the_same_process_is_woken_without_a_word_to_postgresql(stand: Stand) -> None:
    """NOTIFY makes the commits of all databases of a server take turns; who is elsewhere needs it."""
    heard: list[Any] = []
    listener = await asyncpg.connect(driver_url(stand.database.engine.url.render_as_string(hide_password=False)))
    await listener.add_listener("outbox", lambda *said: heard.append(said))
    relay = Relay(stand.database, stand.servers, "toy")
    task = asyncio.create_task(relay.run())
    async with asyncio.timeout(SOON_S):
        while not relay.holder:
            await asyncio.sleep(0.02)
        for n in range(3):
            async with stand.database.transaction() as tx:
                await tx.announce([tick(n)])
            while relay.published <= n:
                await asyncio.sleep(0.02)
    await listener.fetchval("select 1")
    assert heard == []
    await relay.stop()
    await task
    assert stand.database.relay_here is None
    async with stand.database.transaction() as tx:
        with contextlib.suppress(ZeroDivisionError):
            async with tx.savepoint():
                await tx.announce([tick(3)])
                raise ZeroDivisionError
        await tx.announce([tick(4)])
    async with asyncio.timeout(SOON_S):
        while not heard:  # what was undone with the savepoint was not said
            await listener.fetchval("select 1")
    await listener.close()
