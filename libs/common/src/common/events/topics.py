"""The Kafka topics: the one owner of each, its partitions and its retention."""

from __future__ import annotations

from dataclasses import dataclass, field

from common.events.fields import MAX_RECORD

PARTITIONS = 12
_FOR_EVER = {"retention.ms": "-1", "max.message.bytes": str(MAX_RECORD)}


@dataclass(frozen=True, slots=True)
class Topic:
    name: str
    owner: str
    partitions: int = PARTITIONS
    config: dict[str, str] = field(default_factory=lambda: dict(_FOR_EVER))


def intake_topic(shop: str) -> str:
    """The topic on which a shop that speaks Kafka writes its own CloudEvents."""
    return f"intake.{shop}"


def dead_topic(service: str) -> str:
    return f"dead.{service}"


_KEYS = {
    "cleanup.policy": "compact",
    "max.compaction.lag.ms": "604800000",  # a week: the key of who was erased is gone then, of a small shop, too
    "max.message.bytes": str(MAX_RECORD),
}
SERVICES = ("orders-ingest", "membership", "segmentation", "messaging", "feedback")
TOPICS = (
    Topic("orders", "orders-ingest"),
    Topic("customers", "orders-ingest"),
    Topic("activity", "orders-ingest"),
    Topic("catalogue", "orders-ingest"),
    Topic("customer-keys", "orders-ingest", config=_KEYS),
    Topic("shops", "orders-ingest", 1),  # few records, read by every process from the first on
    Topic("feedback", "feedback"),
    Topic("membership", "membership"),
    Topic("segments", "segmentation"),
    Topic("messages", "messaging"),
    *(
        Topic(dead_topic(s), s, 1, {"retention.ms": "2592000000", "max.message.bytes": str(MAX_RECORD)})
        for s in SERVICES
    ),
)


def owned_topics(service: str) -> set[str]:
    """The topics that a service alone writes, and that tell of the customers."""
    apart = {"customer-keys", "shops", "catalogue"}
    return {t.name for t in TOPICS if t.owner == service and t.name not in apart and not t.name.startswith("dead.")}


def own_topic(service: str) -> str | None:
    """The topic on which a service tells its facts and the commands that it accepted; None for others' services.

    What shops send to orders-ingest goes through its doors instead, and so to the topic of its kind.
    """
    return {
        "membership": "membership",
        "segmentation": "segments",
        "messaging": "messages",
        "feedback": "feedback",
    }.get(service)
