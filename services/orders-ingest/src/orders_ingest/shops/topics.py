"""The Kafka topic that a shop writes itself."""

from __future__ import annotations

from common.events.topics import Topic, intake_topic

_A_WEEK_MS = str(7 * 24 * 3600 * 1000)


def topic_of(shop: str) -> Topic:
    """The shop's own topic; what it holds is kept for a week."""
    return Topic(intake_topic(shop), "orders-ingest", config={"retention.ms": _A_WEEK_MS})
