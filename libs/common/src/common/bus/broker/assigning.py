"""How a group's leader shares out the partitions."""

from collections.abc import Mapping
from typing import Any

from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError


class WholeRange(RangePartitionAssignor):  # type: ignore[misc]  # aiokafka is untyped
    """The range assignor, which never shares out less than all.

    aiokafka's own passes over a topic of which its metadata know no partition, as they do for a moment after a broker
    died: the topic is then nobody's until the metadata are renewed by age, five minutes later.
    """

    @classmethod
    def assign(cls, cluster: Any, members: Mapping[str, Any]) -> Any:
        """Raises KafkaError where a topic's partitions are not known: the leader's session is then made anew."""
        topics = {topic for member in members.values() for topic in member.subscription}
        if unknown := sorted(topic for topic in topics if cluster.partitions_for_topic(topic) is None):
            raise KafkaError(f"no metadata of {', '.join(unknown)}: nothing is shared out")
        return super().assign(cluster, members)
