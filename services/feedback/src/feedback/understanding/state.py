"""Texts to be read, and what reading one found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

Topic = Literal[
    "usage", "packaging", "logistics", "quality", "price", "service", "description", "size", "membership", "activity"
]
"""What a text speaks of (FBK-018); `membership` is the members' own topic: tiers, points, benefits (FBK-022)."""
TOPICS: tuple[Topic, ...] = get_args(Topic)
Signal = Literal["story", "haggling", "praise_seeking"]
"""Of buyer types: a purpose or story of the purchase; asking for less money or more goods; asking for praise
(FBK-023)."""
SIGNALS: tuple[Signal, ...] = get_args(Signal)
Source = Literal["review", "answer", "ticket"]
READING_JOB = "texts_to_read"
READABLE = """
    r.reader is null and k.wrapped is not null and k.erased_at is null and not exists (
        select from set_aside s where s.job = :job and s.shop = r.shop and s.customer = r.customer
    )
"""
"""SQL: the reading `r` of the customer with the key `k` is to be made. Of customers whose key has come; those of erased
ones are gone, or go when the erasure is read."""
RULES = "rules-1"
"""The name of the rules in what they read; a shop's model is `model-<number>`."""


@dataclass(frozen=True, slots=True)
class Said:
    """A text to be read: `name` is the review, survey or ticket, `part` the survey's question, else empty."""

    shop: str
    customer: str
    source: Source
    name: str
    part: str
    at: datetime
    stars: int | None = None
    sku: str | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a text says. `sentiment`: -1, 0 or 1; `topics` with theirs. `expectation`: 1 it was surpassed, -1 it was
    disappointed, 0 neither is said (FBK-026)."""

    sentiment: int
    topics: tuple[tuple[Topic, int], ...] = ()
    signals: tuple[Signal, ...] = ()
    expectation: int = 0

    def of(self, sentiment: int) -> tuple[Topic, ...]:
        """The topics that are spoken of with this sentiment."""
        return tuple(topic for topic, how in self.topics if how == sentiment)
