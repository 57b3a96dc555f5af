"""Our own Kafka keeps what it acknowledged, with one broker and with three."""

from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from regulars.stack import kafka_program
from regulars.stack.errors import RegistryUnreachable, StackError
from regulars.stack.kafka import KafkaCluster
from regulars.stack.kafka_probe import live_brokers


async def _make_topic(servers: str, replication: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.create_topics([NewTopic("orders", 2, replication)])
    finally:
        await admin.close()


async def _produce(servers: str, first: int, count: int) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True, compression_type="lz4")
    await producer.start()
    try:
        for number in range(first, first + count):
            await producer.send_and_wait("orders", str(number).encode(), partition=number % 2)
    finally:
        await producer.stop()


async def _consume(servers: str, count: int) -> list[int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([TopicPartition("orders", 0), TopicPartition("orders", 1)])
    await consumer.start()
    try:
        read: list[int] = []
        while len(read) < count:
            for records in (await consumer.getmany(timeout_ms=1000)).values():
                read += [int(record.value) for record in records]
        return sorted(read)
    finally:
        await consumer.stop()


@pytest.mark.slow
async def test_acknowledged_records_survive_kill_9_and_restart(stack_folder: Path) -> None:
    cluster = KafkaCluster(stack_folder / "kafka-one")
    cluster.start()
    try:
        await _make_topic(cluster.bootstrap_servers, 1)
        await _produce(cluster.bootstrap_servers, 0, 200)
        cluster.kill()
        assert live_brokers("127.0.0.1", cluster.nodes[0].port) == 0
        cluster.restart()
        await _produce(cluster.bootstrap_servers, 200, 50)
        assert await _consume(cluster.bootstrap_servers, 250) == list(range(250))
        cluster.stop()
        cluster.start()
        assert await _consume(cluster.bootstrap_servers, 250) == list(range(250))
    finally:
        cluster.stop()


@pytest.mark.slow
async def test_three_brokers_go_on_without_any_one_of_them(stack_folder: Path) -> None:
    cluster = KafkaCluster(stack_folder / "kafka-three", nodes=3)
    cluster.start()
    try:
        await _make_topic(cluster.bootstrap_servers, 3)
        written = 0
        for node in (1, 2, 3):
            cluster.kill(node)
            await _produce(cluster.bootstrap_servers, written, 30)
            written += 30
            cluster.restart(node)
        assert await _consume(cluster.bootstrap_servers, written) == list(range(written))
    finally:
        cluster.stop()


def test_the_cluster_id_stays_with_the_folder_and_differs_between_folders(tmp_path: Path) -> None:
    ids = []
    for name in ("a", "b", "a"):
        (tmp_path / name).mkdir(exist_ok=True)
        ids.append(KafkaCluster(tmp_path / name)._cluster_id())
    assert ids[0] == ids[2] != ids[1]


def test_a_cluster_of_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="1 or 3 nodes"):
        KafkaCluster(tmp_path, nodes=2)


def test_without_jars_or_network_the_message_names_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # An unusable home and cache stand for a machine that never fetched the jars and cannot.
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setattr(kafka_program, "cache_folder", lambda: blocked / "cache")
    with pytest.raises(RegistryUnreachable, match="KAFKA_BOOTSTRAP_SERVERS") as refused:
        kafka_program.class_path()
    assert "\n" not in str(refused.value)
