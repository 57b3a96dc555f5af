"""Creation of topics, and the identity of the cluster."""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from common.bus.broker.connecting import connect
from common.bus.broker.errors import BrokerUnavailable, TopicMismatch
from common.bus.broker.security import client_options

_READY_PAUSE_S = 0.1
_LARGEST = "max.message.bytes"
_OF_THE_TOPIC = 1
"""The source of a setting that was made for the topic itself, as Kafka numbers it."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to be there. ``config`` uses Kafka's own names, such as ``retention.ms``."""

    name: str
    partitions: int
    config: Mapping[str, str] = field(default_factory=dict)


class TopicLike(Protocol):
    """``Topic`` here, or the one of ``common.events.topics``, which also knows the owner."""

    @property
    def name(self) -> str: ...
    @property
    def partitions(self) -> int: ...
    @property
    def config(self) -> Mapping[str, str]: ...


async def ensure_topics(
    servers: str, topics: Sequence[TopicLike], replication: int | None = None, timeout_s: float = 30
) -> list[str]:
    """Create the topics that are missing, wait until all can be written, return the names created. Idempotent.

    Without ``replication`` three copies are made, or as many as there are brokers. The settings of a topic that exists
    are the operator's and stay; another number of partitions raises TopicMismatch, since it would send a customer's
    events to another partition than before. Raises BrokerUnavailable.
    """
    async with _admin(servers, timeout_s) as admin:
        existing = set(await admin.list_topics())
        missing = [topic for topic in topics if topic.name not in existing]
        created = []
        if missing:
            answer = await _create(admin, missing, replication)
            for name, code, *_ in answer.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:  # another process was faster
                    raise TopicMismatch(f"Kafka refuses to create topic {name}: {error.__name__}: {error.description}")
                if not code:
                    created.append(name)
        await _await_leaders(admin, topics)
        return created


async def _create(admin: Any, missing: Sequence[TopicLike], replication: int | None) -> Any:
    """Kafka's answer, asked until a broker takes partitions: one that has just come back is known before it does."""
    while True:
        copies = replication or min(3, len((await admin.describe_cluster())["brokers"]))
        if copies:
            # The empty replica_assignments is what NewTopic wants to see beside both numbers.
            wanted = [NewTopic(t.name, t.partitions, copies, topic_configs=dict(t.config)) for t in missing]
            answer = await admin.create_topics(wanted)
            if all(code != InvalidReplicationFactorError.errno for _, code, *_ in answer.topic_errors):
                return answer
        await asyncio.sleep(_READY_PAUSE_S)


async def raise_limits(servers: str, topics: Sequence[TopicLike], timeout_s: float = 30) -> list[str]:
    """Raise the largest record that each topic takes to what its `config` says, where it is less; returns their names.

    All else that was set for a topic stays, and so does a larger limit. Topics that are missing are left out. Raises
    BrokerUnavailable, and TopicMismatch where Kafka refuses it.
    """
    raised = []
    async with _admin(servers, timeout_s) as admin:
        existing = set(await admin.list_topics())
        for topic in topics:
            wanted = topic.config.get(_LARGEST)
            if topic.name not in existing or wanted is None:
                continue
            (found,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic.name)])
            ((_, _, _, _, settings),) = found.resources
            value = {name: value for name, value, *_ in settings}
            if int(value[_LARGEST]) >= int(wanted):
                continue
            # Kafka forgets what is not said again.
            own = {name: value for name, value, _, source, *_ in settings if source == _OF_THE_TOPIC}
            changed = ConfigResource(ConfigResourceType.TOPIC, topic.name, own | {_LARGEST: wanted})
            (answer,) = await admin.alter_configs([changed])
            ((code, message, *_),) = answer.resources
            if code:
                raise TopicMismatch(
                    f"Kafka refuses {_LARGEST}={wanted} of {topic.name}: {for_code(code).__name__}: {message}"
                )
            raised.append(topic.name)
    return raised


async def cluster_id(servers: str, timeout_s: float = 10) -> str:
    """The id that the cluster was formatted with. Raises BrokerUnavailable."""
    async with _admin(servers, timeout_s) as admin:
        return str((await admin.describe_cluster())["cluster_id"])


async def topic_names(servers: str, timeout_s: float = 10) -> list[str]:
    """The names of all topics, Kafka's own left out. Raises BrokerUnavailable."""
    async with _admin(servers, timeout_s) as admin:
        return sorted(name for name in await admin.list_topics() if not name.startswith("__"))


async def partitions_of(servers: str, name: str, timeout_s: float = 10) -> list[int]:
    """The numbers of the topic's partitions. Raises BrokerUnavailable, also for a topic that is missing."""
    found = await partitions_by_topic(servers, [name], timeout_s)
    if name not in found:
        raise BrokerUnavailable(f"no such topic: {name}; run: python -m common.bus.broker topics")
    return found[name]


async def partitions_by_topic(servers: str, names: Collection[str], timeout_s: float = 10) -> dict[str, list[int]]:
    """The numbers of each topic's partitions, without topics that are missing. Raises BrokerUnavailable."""
    if not names:
        return {}  # Kafka would describe all that it has
    async with _admin(servers, timeout_s) as admin:
        described = await admin.describe_topics(list(names))
    missing = {each["topic"] for each in described if each["error_code"] == UnknownTopicOrPartitionError.errno}
    for each in described:
        if each["topic"] not in missing and (each["error_code"] or not each["partitions"]):
            raise BrokerUnavailable(f"Kafka does not say which partitions {each['topic']} has")
    return {
        each["topic"]: sorted(int(partition["partition"]) for partition in each["partitions"])
        for each in described
        if each["topic"] not in missing
    }


async def _await_leaders(admin: Any, topics: Sequence[TopicLike]) -> None:
    """Return when every partition has a leader. The caller keeps the deadline."""
    if not topics:
        return
    while True:
        described = {each["topic"]: each for each in await admin.describe_topics([topic.name for topic in topics])}
        if all(_is_ready(described[topic.name]) for topic in topics):
            break
        await asyncio.sleep(_READY_PAUSE_S)
    for topic in topics:
        found = len(described[topic.name]["partitions"])
        if found != topic.partitions:
            raise TopicMismatch(
                f"topic {topic.name} has {found} partitions, not {topic.partitions}: move it away, create it anew "
                "and copy its records, or set the number of partitions back"
            )


def _is_ready(topic: Mapping[str, Any]) -> bool:
    partitions = topic["partitions"]
    return bool(partitions) and not topic["error_code"] and all(each["leader"] >= 0 for each in partitions)


async def _await_brokers(admin: Any) -> None:
    """Return when the cluster names a broker: one that came back a moment ago answers before it is counted as there.

    aiokafka would send what follows to nobody. The caller keeps the deadline.
    """
    while not admin._client.cluster.brokers():
        if not await admin._client.force_metadata_update():
            await asyncio.sleep(_READY_PAUSE_S)


@asynccontextmanager
async def _admin(servers: str, timeout_s: float) -> AsyncIterator[Any]:
    admin = AIOKafkaAdminClient(**client_options(), bootstrap_servers=servers, request_timeout_ms=int(timeout_s * 1000))
    try:
        async with asyncio.timeout(timeout_s):
            await connect(admin)
            await _await_brokers(admin)
            yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        raise BrokerUnavailable(f"Kafka at {servers} does not answer: {error!r}") from error
    finally:
        await admin.close()
