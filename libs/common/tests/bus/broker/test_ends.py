"""The ends of logs are known to the one who is no member of any group, within a deadline."""

import asyncio

import pytest

from common.bus.broker import BrokerUnavailable, LogEnds, Position

from .conftest import HANG_S, World


async def test_every_partition_has_its_end_and_its_first_offset(world: World) -> None:
    topic, other = await world.topic(2), await world.topic()
    await world.publish(topic, [b"1", b"2", b"3"], partition=1)
    ends = LogEnds(world.servers, client="test")
    assert await ends.ends([topic, other]) == {Position(topic, 0): 0, Position(topic, 1): 3, Position(other, 0): 0}
    assert await ends.starts([Position(topic, 1)]) == {Position(topic, 1): 0}
    await ends.close()


async def test_a_broker_that_stands_still_or_was_killed_is_said_in_time_and_asked_again_afterwards(
    world: World,
) -> None:
    """K6: aiokafka would ask for ever."""
    topic = await world.topic()
    ends = LogEnds(world.servers, client="test")
    assert await ends.ends([topic]) == {Position(topic, 0): 0}
    with world.frozen():
        async with asyncio.timeout(HANG_S):
            with pytest.raises(BrokerUnavailable):
                await ends.ends([topic])
    await world.publish(topic, [b"1", b"2"])
    assert await ends.ends([topic]) == {Position(topic, 0): 2}
    await asyncio.to_thread(world.kafka.kill)
    with pytest.raises(BrokerUnavailable):
        await ends.ends([topic])
    await asyncio.to_thread(world.kafka.restart)
    assert await ends.ends([topic]) == {Position(topic, 0): 2}
    await ends.close()
