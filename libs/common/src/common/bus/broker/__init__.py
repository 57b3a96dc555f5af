"""Kafka clients: producer, group consumer, whole-topic reader, ends of logs, topics.

The only package that imports aiokafka; docs/aiokafka.md lists the faults of aiokafka that it covers.
"""

from common.bus.broker.consumer import Consumer, OnAssigned
from common.bus.broker.ends import LogEnds
from common.bus.broker.errors import BrokerUnavailable, MessageRefused, NoProgress, OffsetOutOfLog, TopicMismatch
from common.bus.broker.producer import Producer
from common.bus.broker.reader import Reader
from common.bus.broker.records import Batch, Outgoing, Position, Record
from common.bus.broker.security import KafkaSecurity, secure, what_is_wrong
from common.bus.broker.topics import Topic, cluster_id, ensure_topics, raise_limits, topic_names

__all__ = [
    "Batch",
    "BrokerUnavailable",
    "Consumer",
    "KafkaSecurity",
    "LogEnds",
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
    "raise_limits",
    "secure",
    "topic_names",
    "what_is_wrong",
]
