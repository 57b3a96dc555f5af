"""Records, positions and batches: what passes between the program and Kafka's log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from common.values.light import light_dataclass


class Position(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}]"


@light_dataclass(frozen=True, slots=True)
class Record:
    """One record as it stands in the log. ``value`` is None in a tombstone; nothing is decoded here."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]
    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class Batch:
    """One poll: records ordered by topic, partition and offset.

    ``starts`` is the position each partition was read from, ``nexts`` the one after its last record here. ``starts``
    continues the former ``nexts`` exactly, though offsets in between may hold no record (compaction, transactions).
    ``generation`` rises with every assignment.
    """

    records: list[Record]
    starts: Mapping[Position, int]
    nexts: Mapping[Position, int]
    generation: int


@light_dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. Without ``partition`` the key decides, by the same hash as the Java client."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes] = field(default_factory=dict)
    partition: int | None = None


def headers_of(pairs: Sequence[tuple[str, bytes | None]]) -> dict[str, bytes]:
    """Kafka allows a header several times and without a value: the last one counts, none is empty."""
    return {name: value or b"" for name, value in pairs}
