"""How do services speak with Kafka? The only package that imports aiokafka; docs/aiokafka.md says against what."""

from common.broker.consumer import Consumer, OnAssigned
from common.broker.errors import BrokerUnavailable, MessageRefused, NoProgress, OffsetOutOfLog, TopicMismatch
from common.broker.producer import Producer
from common.broker.reader import Reader
from common.broker.records import Batch, Outgoing, Position, Record
from common.broker.topics import Topic, cluster_id, ensure_topics

__all__ = [
    "Batch",
    "BrokerUnavailable",
    "Consumer",
    "MessageRefused",
    "NoProgress",
    "OffsetOutOfLog",
    "OnAssigned",
    "Outgoing",
    "Position",
    "Producer",
    "Reader",
    "Record",
    "Topic",
    "TopicMismatch",
    "cluster_id",
    "ensure_topics",
]
