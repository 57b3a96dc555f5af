"""The order of channels for one customer, by what they opened and followed on each. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from common.events.customers import Channel
from messaging.limits.caps.state import Contacted

LOOK_BACK = timedelta(days=180)
JUDGED_FROM = 3
"""Messages on a channel from which on its share is its own; before, it counts as the customer's mean."""


class Reaction(NamedTuple):
    """Of the messages of half a year: how many were sent on a channel, and how many the customer reacted to."""

    sent: int
    reacted: int


def reactions(so_far: Sequence[Contacted], at: datetime) -> dict[Channel, Reaction]:
    """By channel, up to `at` (inclusive)."""
    found: dict[Channel, Reaction] = {}
    for c in so_far:
        if at - LOOK_BACK < c.at <= at:
            sent, reacted = found.get(c.channel, (0, 0))
            found[c.channel] = Reaction(sent + 1, reacted + (c.reacted_at is not None and c.reacted_at <= at))
    return found


def in_order(channels: Sequence[Channel], so_far: Sequence[Contacted], at: datetime) -> list[Channel]:
    """These channels, the one first on which the customer reacts most; as they stood where nothing tells them apart."""
    of = reactions(so_far, at)
    sent, reacted = sum(r.sent for r in of.values()), sum(r.reacted for r in of.values())
    mean = reacted / sent if sent else 0.0

    def share(channel: Channel) -> float:
        found = of.get(channel)
        return found.reacted / found.sent if found is not None and found.sent >= JUDGED_FROM else mean

    return sorted(channels, key=share, reverse=True)


def last_reaction(so_far: Sequence[Contacted], at: datetime) -> datetime | None:
    """When the customer last reacted to a message, up to `at` (inclusive)."""
    return max((c.reacted_at for c in so_far if c.reacted_at is not None and c.reacted_at <= at), default=None)
