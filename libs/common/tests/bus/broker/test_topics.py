"""Topics are created once, and never changed behind the operator's back."""

import asyncio
import importlib.metadata
import os
import sys
from typing import Any

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.cluster import ClusterMetadata

from common.bus.broker import (
    BrokerUnavailable,
    MessageRefused,
    Outgoing,
    Topic,
    TopicMismatch,
    cluster_id,
    ensure_topics,
    raise_limits,
)
from common.events.topics import TOPICS
from regulars.stack.kafka import KafkaCluster

from .conftest import Offsets, World


async def run_command(servers: str, command: str = "topics") -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "common.bus.broker",
        command,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_command_creates_all_topics_once(kafka: KafkaCluster) -> None:
    status, said = await run_command(kafka.bootstrap_servers)
    assert (status, f"{len(TOPICS)} of them new" in said) == (0, True), said
    status, said = await run_command(kafka.bootstrap_servers)
    assert (status, "0 of them new" in said) == (0, True), said
    status, said = await run_command(kafka.bootstrap_servers, "limits")
    assert (status, said) == (0, "the limits of 0 topics were raised\n")
    assert (await run_command(kafka.bootstrap_servers, "limit"))[0] == 2


async def test_the_command_says_when_kafka_is_not_there() -> None:
    status, said = await run_command("127.0.0.1:9")
    assert status == 1
    assert "Kafka at 127.0.0.1:9 does not answer" in said


async def test_another_number_of_partitions_is_refused(world: World) -> None:
    """A customer's events must stay in one partition."""
    topic = await world.topic(3)
    assert await ensure_topics(world.servers, [Topic(topic, 3)]) == []
    with pytest.raises(TopicMismatch, match=f"{topic} has 3 partitions, not 4"):
        await ensure_topics(world.servers, [Topic(topic, 4)])


async def test_a_setting_that_kafka_does_not_know_is_refused(world: World) -> None:
    with pytest.raises(TopicMismatch, match="InvalidConfig"):
        await ensure_topics(world.servers, [Topic("odd", 1, {"retention.ms": "soon"})])


async def test_a_limit_that_is_too_low_is_raised_and_all_else_stays(world: World) -> None:
    """FactsRefused: a record that Kafka refused for its size is taken afterwards."""
    name, larger = await world.topic(1, **{"max.message.bytes": "1000", "retention.ms": "7000"}), await world.topic(1)
    record = Outgoing(name, b"k", os.urandom(5_000))
    with pytest.raises(MessageRefused):
        await world.producer.send([record])
    wanted = {"max.message.bytes": "100000"}
    asked = [Topic(name, 1, wanted), Topic(larger, 1, wanted), Topic("missing", 1, wanted), Topic(name, 1)]
    assert await raise_limits(world.servers, asked) == [name]
    assert await raise_limits(world.servers, asked) == []
    assert await world.producer.send([record]) == 1
    admin = AIOKafkaAdminClient(bootstrap_servers=world.servers)
    await admin.start()
    try:
        (found,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    finally:
        await admin.close()
    settings = {each[0]: each[1] for each in found.resources[0][4]}
    assert (settings["retention.ms"], settings["max.message.bytes"]) == ("7000", "100000")


async def test_several_processes_may_create_the_same_topics_at_once(world: World) -> None:
    created = await asyncio.gather(*(ensure_topics(world.servers, [Topic(f"{world.group}-race", 2)]) for _ in range(4)))
    assert sorted(created, key=len) == [[], [], [], [f"{world.group}-race"]]


async def test_a_consumer_of_a_topic_that_is_missing_says_what_to_do(world: World) -> None:
    consumer = world.consumer("no-such-topic", on_assigned=Offsets())
    with pytest.raises(
        BrokerUnavailable, match=r"no such topic: no-such-topic; run: python -m common\.bus\.broker topics"
    ):
        await consumer.poll()


async def test_the_cluster_tells_its_id(kafka: KafkaCluster) -> None:
    assert await cluster_id(kafka.bootstrap_servers) == (kafka.directory / "cluster-id").read_text()


async def test_a_topic_is_made_while_the_cluster_names_no_broker_yet(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that stood still is fenced when it goes on: it answers, and its cluster lists nobody for a moment."""
    answers = {"bootstrap": 0, "described": 0}
    update, describe = ClusterMetadata.update_metadata, AIOKafkaAdminClient.describe_cluster

    def update_later(self: ClusterMetadata, metadata: Any) -> None:
        answers["bootstrap"] += 1
        if answers["bootstrap"] > 1:  # what aiokafka does with an answer without brokers: nothing
            update(self, metadata)

    async def describe_later(self: AIOKafkaAdminClient) -> Any:
        answers["described"] += 1
        return {**await describe(self), **({"brokers": []} if answers["described"] == 1 else {})}

    monkeypatch.setattr(ClusterMetadata, "update_metadata", update_later)
    monkeypatch.setattr(AIOKafkaAdminClient, "describe_cluster", describe_later)
    assert await ensure_topics(world.servers, [Topic(f"{world.group}-fenced", 2)]) == [f"{world.group}-fenced"]
    assert answers["bootstrap"] > 1
    assert answers["described"] > 1


def test_aiokafka_is_new_enough() -> None:
    """K17, K25: fixes of 0.11, 0.13 and 0.14 are taken for granted; the pitfalls were examined in 0.14."""
    major, minor, *_ = importlib.metadata.version("aiokafka").split(".")
    assert (int(major), int(minor)) >= (0, 14)
